//! The store as a replicated state machine: Raft (D. Ongaro and J. Ousterhout, "In search of an understandable consensus
//! algorithm", USENIX ATC 2014), by the `openraft` crate. Any node takes any call: it leads, or hands it to the leader, or
//! waits a while for one to be elected. Reads are confirmed by a majority before they are answered (section 8, ReadIndex).
//!
//! What may be tried again is decided by what is certain. A refusal before the call was proposed is; so another try is
//! safe. Once the call is in someone's log it may be committed at any later time: then the answer is "lost".

mod log;
mod machine;
mod network;

use std::{
    io::Cursor,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use openraft::{
    Config, EmptyNode, Raft, SnapshotPolicy,
    error::{ClientWriteError, RaftError},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};

use self::{log::Log, machine::Machine, network::Network};
use crate::{
    chronicle::{Chronicle, Level},
    peers::{CallError, Peers},
    wire::{Answer, Op, Request},
};

openraft::declare_raft_types!(
    pub(crate) Types:
        D = Proposal,
        R = Applied,
        NodeId = u64,
        Node = EmptyNode,
        SnapshotData = Cursor<Vec<u8>>,
);

/// How long a node looks for a leader, or waits for a majority, before it gives up: longer than any election.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a read waits for one leader before it asks who leads now.
const READ_TRY: Duration = Duration::from_millis(400);
/// Between two looks for a leader.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// What is proposed: an operation, and a note for its proposer whether it ever was in the proposer's log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Proposal {
    request: Request,
    /// Raft's "you are not the leader" comes before a proposal is logged, but also after, when its entry was overwritten
    /// here by a new leader's; and elsewhere it may yet survive. Only the first is a refusal.
    #[serde(skip)]
    logged: Arc<AtomicBool>,
}

/// What applying an entry returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Applied {
    /// Not a client's entry.
    Nothing,
    /// It had its effect.
    Done,
    /// A swap found another value.
    Mismatch,
}

/// One replica.
pub(crate) struct Consensus {
    pub(crate) raft: Raft<Types>,
    machine: Machine,
    peers: Arc<Peers>,
    reads: mpsc::UnboundedSender<oneshot::Sender<Result<(), String>>>,
}

impl Consensus {
    /// Starts the replica with what its directory remembers.
    pub(crate) async fn open(
        node_dir: &Path,
        peers: Arc<Peers>,
        chronicle: Chronicle,
    ) -> Result<Self, String> {
        let config = Config {
            // A follower campaigns after one lease (the maximum) plus 300 to 450 ms of silence.
            heartbeat_interval: 90,
            election_timeout_min: 300,
            election_timeout_max: 450,
            // Runs are minutes long and values are numbers: the whole log is some megabytes, so it is kept whole, and
            // no follower ever needs a snapshot.
            snapshot_policy: SnapshotPolicy::Never,
            ..Config::default()
        };
        let config = Arc::new(config.validate().map_err(|e| e.to_string())?);
        let me = peers.me as u64;
        let log = Log::open(&node_dir.join("log.jsonl"), me).map_err(|e| e.to_string())?;
        let machine = Machine::default();
        let network = Network(peers.clone());
        let raft = Raft::new(me, config, network, log, machine.clone())
            .await
            .map_err(|e| e.to_string())?;
        let (reads, queue) = mpsc::unbounded_channel();
        tokio::spawn(confirm_reads(raft.clone(), queue));
        tokio::spawn(found(raft.clone(), peers.clone(), chronicle.clone()));
        tokio::spawn(tell_leaders(raft.clone(), peers.clone(), chronicle));
        Ok(Self {
            raft,
            machine,
            peers,
            reads,
        })
    }
    /// Which member leads, as far as this node knows.
    pub(crate) fn leader(&self) -> Option<usize> {
        let leader = self.raft.metrics().borrow().current_leader;
        leader.and_then(|id| usize::try_from(id).ok())
    }
    /// Whether this node leads and a majority still agrees.
    pub(crate) async fn leads(&self) -> bool {
        self.leader() == Some(self.peers.me)
            && matches!(timeout(READ_TRY, self.confirm()).await, Ok(Ok(())))
    }
    /// Performs a client's call.
    pub(crate) async fn perform(&self, request: Request) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = match self.leader() {
                Some(me) if me == self.peers.me => self.lead(request.clone(), deadline).await,
                Some(leader) => self.forward(leader, &request, deadline).await,
                None => Answer::Unavailable("no leader".into()),
            };
            match answer {
                Answer::Unavailable(_) if Instant::now() < deadline => sleep(LOOK_AGAIN).await,
                decided => return decided,
            }
        }
    }
    /// Performs a call that another node took for us to lead: at once or not at all.
    pub(crate) async fn perform_forwarded(&self, request: Request) -> Answer {
        self.lead(request, Instant::now() + PATIENCE).await
    }

    async fn forward(&self, leader: usize, request: &Request, deadline: Instant) -> Answer {
        let left = deadline.saturating_duration_since(Instant::now());
        let within = match request.op {
            Op::Read => left.min(READ_TRY),
            _ => left,
        };
        let result = self.peers.call(leader, "/peer/kv", request, within).await;
        let answer = match result {
            Ok(reply) => Answer::read(reply.status, &reply.body, request.op),
            Err(CallError::NotSent(why)) => Answer::Unavailable(why),
            Err(CallError::Lost(why)) => Answer::Lost(why),
        };
        match (answer, request.op) {
            // A read has no effect: when it is lost, nothing is.
            (Answer::Lost(why), Op::Read) => Answer::Unavailable(why),
            (answer, _) => answer,
        }
    }

    async fn lead(&self, request: Request, deadline: Instant) -> Answer {
        if request.op == Op::Read {
            return match timeout_at(deadline, self.confirm()).await {
                Ok(Ok(())) => Answer::Value(self.machine.get(&request.key)),
                Ok(Err(why)) => Answer::Unavailable(why),
                Err(_) => Answer::Unavailable("no majority confirmed the read".into()),
            };
        }
        let logged = Arc::new(AtomicBool::new(false));
        let proposal = Proposal {
            request,
            logged: logged.clone(),
        };
        match timeout_at(deadline, self.raft.client_write(proposal)).await {
            Ok(Ok(response)) => match response.data {
                Applied::Mismatch => Answer::Mismatch,
                Applied::Done | Applied::Nothing => Answer::Done,
            },
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))))
                if !logged.load(Ordering::SeqCst) =>
            {
                Answer::Unavailable("not the leader".into())
            }
            Ok(Err(e)) => Answer::Lost(e.to_string()),
            Err(_) => Answer::Lost("proposed, and not committed in time".into()),
        }
    }

    /// Waits until it is certain that this node led after the wait began, and has applied all that was committed then.
    async fn confirm(&self) -> Result<(), String> {
        let (tell, told) = oneshot::channel();
        let gone = || "shutting down".to_owned();
        self.reads.send(tell).map_err(|_| gone())?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Confirms leadership once for all reads that wait, not once for each: a round that begins after a read arrived is as
/// good as one of its own.
async fn confirm_reads(
    raft: Raft<Types>,
    mut queue: mpsc::UnboundedReceiver<oneshot::Sender<Result<(), String>>>,
) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, usize::MAX).await > 0 {
        let result = raft.ensure_linearizable().await;
        let result = result.map(drop).map_err(|e| e.to_string());
        for reader in waiting.drain(..) {
            // Who has given up in the meantime does not listen.
            let _: Result<(), _> = reader.send(result.clone());
        }
    }
}

/// The first node founds the cluster, once, as soon as a majority is there to elect it.
async fn found(raft: Raft<Types>, peers: Arc<Peers>, chronicle: Chronicle) {
    if peers.me != 0 || raft.is_initialized().await.unwrap_or(true) {
        return;
    }
    let majority = peers.members().len() / 2 + 1;
    let give_up = Instant::now() + PATIENCE;
    loop {
        let mut there = 1;
        for peer in peers.others() {
            let ping = peers.call(peer, "/peer/ping", &(), Duration::from_millis(100));
            there += usize::from(ping.await.is_ok());
        }
        if there >= majority || Instant::now() > give_up {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let members = (0..peers.members().len() as u64).map(|id| (id, EmptyNode {}));
    let members: std::collections::BTreeMap<_, _> = members.collect();
    if let Err(e) = raft.initialize(members).await {
        chronicle.tell(Level::Error, &format!("cannot found the cluster: {e}"));
    }
}

/// Says who leads, as far as this node knows, whenever that changes.
async fn tell_leaders(raft: Raft<Types>, peers: Arc<Peers>, chronicle: Chronicle) {
    let mut metrics = raft.metrics();
    let mut known: Option<u64> = None;
    while metrics.changed().await.is_ok() {
        let (leader, term) = {
            let now = metrics.borrow_and_update();
            (now.current_leader, now.current_term)
        };
        if leader == known {
            continue;
        }
        let name = |id: u64| {
            let member = usize::try_from(id)
                .ok()
                .and_then(|i| peers.members().get(i));
            member.map_or("?", |member| member.name.as_str())
        };
        let words = match (leader, known) {
            (Some(id), _) if id == peers.me as u64 => format!("became leader at term {term}"),
            (Some(id), _) => format!("elected leader {} at term {term}", name(id)),
            (None, Some(id)) => format!("lost leader {} at term {term}", name(id)),
            (None, None) => continue,
        };
        chronicle.tell(Level::Info, &words);
        known = leader;
    }
}
