//! The store without a leader. The node that is asked coordinates: it stamps a write with its wall clock, keeps it, hands
//! it to all others, and answers once `w` replicas have it; a read takes the latest of `r` replicas, and brings those of
//! them that were behind up to date before it answers. Where two replicas differ, the later stamp wins.
//!
//! A write that a replica missed reaches it by anti-entropy: four times a second each node compares a digest with one other,
//! and if they differ the two exchange what they have. With `r + w > n` and right clocks, nobody reads a stale value while
//! nothing fails; with `r = w = 1`, or wrong clocks, they do.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};

use crate::{
    chronicle::{Chronicle, Level},
    clock::WallClock,
    journal::Journal,
    peers::{Peers, Reply},
    wire::{Answer, Op, Request},
};

/// How long a coordinator waits for other replicas.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long one message to a replica may take.
const MESSAGE: Duration = Duration::from_millis(500);
/// Between two rounds of anti-entropy.
const ROUND: Duration = Duration::from_millis(250);
/// A value with the time that decides between two: microseconds by the coordinator's clock, then the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Stamped {
    time: i64,
    by: usize,
    value: i64,
}

/// Keys and what they hold.
pub(crate) type Entries = BTreeMap<String, Stamped>;

/// One replica.
pub(crate) struct Quorum {
    r: usize,
    w: usize,
    clock: WallClock,
    peers: Arc<Peers>,
    replica: Arc<Mutex<Replica>>,
    senders: BTreeMap<usize, mpsc::UnboundedSender<Handed>>,
}

/// A write on its way to another replica, and whom to tell when it is there. Nobody is told when it is lost.
struct Handed {
    key: String,
    stamped: Stamped,
    stored: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Replica {
    entries: Entries,
    /// Exclusive or of the entries' hashes: equal replicas have equal digests, whatever the order of their writes.
    digest: u64,
    journal: Journal,
}

impl Replica {
    fn open(path: &Path) -> io::Result<Self> {
        let (journal, records) = Journal::open::<(String, Stamped)>(path)?;
        let mut replica = Self {
            entries: Entries::new(),
            digest: 0,
            journal,
        };
        for (key, stamped) in records {
            replica.take(&key, stamped);
        }
        Ok(replica)
    }
    /// Keeps the later of what is here and what comes; says whether that changed anything.
    fn take(&mut self, key: &str, stamped: Stamped) -> bool {
        let old = self.entries.get(key).copied();
        if old.is_some_and(|old| old >= stamped) {
            return false;
        }
        self.digest ^= old.map_or(0, |old| hash(key, old)) ^ hash(key, stamped);
        self.entries.insert(key.to_owned(), stamped);
        true
    }
    fn merge<'a>(
        &mut self,
        news: impl IntoIterator<Item = (&'a String, &'a Stamped)>,
    ) -> io::Result<()> {
        for (key, stamped) in news {
            if self.take(key, *stamped) {
                self.journal.push(&(key, stamped))?;
            }
        }
        self.journal.write()
    }
}

fn hash(key: &str, stamped: Stamped) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, stamped).hash(&mut hasher);
    hasher.finish()
}

impl Quorum {
    /// Starts the replica with what its directory remembers.
    pub(crate) fn open(node_dir: &Path, peers: Arc<Peers>, r: usize, w: usize) -> io::Result<Self> {
        let replica = Arc::new(Mutex::new(Replica::open(&node_dir.join("log.jsonl"))?));
        let senders = peers.others().map(|to| {
            let (sender, queue) = mpsc::unbounded_channel();
            tokio::spawn(hand_over(peers.clone(), to, queue));
            (to, sender)
        });
        let senders = senders.collect();
        let clock = WallClock::new(node_dir);
        let chronicle = Chronicle::new(clock.clone());
        tokio::spawn(anti_entropy(peers.clone(), replica.clone(), chronicle));
        Ok(Self {
            r,
            w,
            clock,
            peers,
            replica,
            senders,
        })
    }
    /// Performs a client's call.
    pub(crate) async fn perform(&self, request: Request) -> Answer {
        match request.op {
            Op::Read => self.read(&request.key).await,
            Op::Write(value) => self.write(&request.key, value).await,
            Op::Cas { .. } => Answer::Unsupported,
        }
    }
    /// A peer asks what this replica has.
    pub(crate) fn get(&self, key: &str) -> Option<Stamped> {
        self.lock().entries.get(key).copied()
    }
    /// A peer tells what it has.
    pub(crate) fn merge(&self, news: &Entries) -> io::Result<()> {
        self.lock().merge(news)
    }
    /// A peer compares.
    pub(crate) fn digest(&self) -> u64 {
        self.lock().digest
    }
    /// A peer tells all that it has, and wants what it lacks.
    pub(crate) fn exchange(&self, theirs: &Entries) -> io::Result<Entries> {
        let mut replica = self.lock();
        replica.merge(theirs)?;
        let ours = replica.entries.iter();
        let news = ours.filter(|(key, stamped)| theirs.get(*key) != Some(*stamped));
        Ok(news.map(|(key, stamped)| (key.clone(), *stamped)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Replica> {
        self.replica.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, key: &str, value: i64) -> Answer {
        // Refused before anything is applied, and only then a definite no.
        if self.peers.answering() < self.w {
            return Answer::Unavailable(format!("fewer than {} replicas answer", self.w));
        }
        let stamped = Stamped {
            time: self.clock.now(),
            by: self.peers.me,
            value,
        };
        let key = key.to_owned();
        if let Err(e) = self.lock().merge([(&key, &stamped)]) {
            return Answer::Lost(e.to_string());
        }
        let acknowledged = self.replicate(&key, stamped, self.senders.keys().copied(), self.w - 1);
        match acknowledged.await {
            true => Answer::Done,
            false => Answer::Lost(format!("fewer than {} replicas acknowledged", self.w)),
        }
    }

    async fn read(&self, key: &str) -> Answer {
        let mut latest = self.get(key);
        if self.r == 1 {
            return Answer::Value(latest.map(|s| s.value));
        }
        let (tell, mut told) = mpsc::unbounded_channel();
        for to in self.peers.others() {
            let (tell, peers, key) = (tell.clone(), self.peers.clone(), key.to_owned());
            tokio::spawn(async move {
                if let Ok(Reply { status: 200, body }) =
                    peers.call(to, "/peer/quorum/get", &key, MESSAGE).await
                    && let Ok(found) = serde_json::from_slice::<Option<Stamped>>(&body)
                {
                    // The coordinator may have enough already, and listen no more.
                    let _: Result<(), _> = tell.send((to, found));
                }
            });
        }
        drop(tell);
        let mut answers = vec![(self.peers.me, latest)];
        while answers.len() < self.r {
            let Some(answer) = told.recv().await else {
                return Answer::Unavailable(format!("fewer than {} replicas answered", self.r));
            };
            latest = latest.max(answer.1);
            answers.push(answer);
        }
        let Some(latest) = latest else {
            return Answer::Value(None);
        };
        if let Err(e) = self.lock().merge([(&key.to_owned(), &latest)]) {
            return Answer::Unavailable(e.to_string());
        }
        // Otherwise a later read could miss what this one is about to show.
        let others = answers.iter().filter(|(i, _)| *i != self.peers.me);
        let behind: Vec<_> = others
            .filter(|(_, found)| *found < Some(latest))
            .map(|(i, _)| *i)
            .collect();
        let needed = behind.len();
        match self.replicate(key, latest, behind, needed).await {
            true => Answer::Value(Some(latest.value)),
            false => Answer::Unavailable("a replica that was behind went away".into()),
        }
    }

    /// Hands a write to replicas; true once `needed` of them have it, false if that does not happen in time.
    async fn replicate(
        &self,
        key: &str,
        stamped: Stamped,
        to: impl IntoIterator<Item = usize>,
        needed: usize,
    ) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let (tell, mut told) = mpsc::unbounded_channel();
        for to in to {
            let (stored, acknowledged) = oneshot::channel();
            let handed = Handed {
                key: key.to_owned(),
                stamped,
                stored,
            };
            let sent = self.senders[&to].send(handed);
            if sent.is_ok() && needed > 0 {
                let tell = tell.clone();
                tokio::spawn(async move {
                    if acknowledged.await.is_ok() {
                        // The coordinator may have enough already, and listen no more.
                        let _: Result<(), _> = tell.send(());
                    }
                });
            }
        }
        drop(tell);
        for _ in 0..needed {
            if !matches!(timeout_at(deadline, told.recv()).await, Ok(Some(()))) {
                return false;
            }
        }
        true
    }
}

/// Hands writes to one replica, all that wait in one message. What does not arrive is left to anti-entropy: so nothing
/// piles up here while the replica is away.
async fn hand_over(peers: Arc<Peers>, to: usize, mut queue: mpsc::UnboundedReceiver<Handed>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, usize::MAX).await > 0 {
        let mut news = Entries::new();
        for handed in &batch {
            let entry = news.entry(handed.key.clone()).or_insert(handed.stamped);
            *entry = handed.stamped.max(*entry);
        }
        let reply = peers.call(to, "/peer/quorum/merge", &news, MESSAGE).await;
        let stored = matches!(reply, Ok(Reply { status: 200, .. }));
        for handed in batch.drain(..) {
            if stored {
                // Who has given up in the meantime does not listen.
                let _: Result<(), _> = handed.stored.send(());
            }
        }
    }
}

/// Makes replicas equal in the end, whatever was lost on the way. Each round is with the next peer, all at last.
async fn anti_entropy(peers: Arc<Peers>, replica: Arc<Mutex<Replica>>, chronicle: Chronicle) {
    let lock = || replica.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        for to in peers.others().collect::<Vec<_>>() {
            sleep(ROUND).await;
            let Ok(reply) = peers.call(to, "/peer/quorum/digest", &(), MESSAGE).await else {
                continue;
            };
            if serde_json::from_slice::<u64>(&reply.body).is_ok_and(|d| d == lock().digest) {
                continue;
            }
            let ours = lock().entries.clone();
            let theirs = peers.call(to, "/peer/quorum/exchange", &ours, MESSAGE);
            if let Ok(Reply { status: 200, body }) = theirs.await
                && let Ok(news) = serde_json::from_slice::<Entries>(&body)
                && let Err(e) = lock().merge(&news)
            {
                chronicle.tell(Level::Error, &format!("cannot write the log: {e}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_write_wins_in_any_order_and_equal_replicas_have_equal_digests() {
        let dir = tempfile::tempdir().unwrap();
        let old = Stamped {
            time: 1,
            by: 4,
            value: 10,
        };
        let new = Stamped {
            time: 2,
            by: 0,
            value: 20,
        };
        let tie = Stamped {
            time: 2,
            by: 1,
            value: 30,
        };
        let replica = |name: &str, order: [Stamped; 3]| {
            let mut replica = Replica::open(&dir.path().join(name)).unwrap();
            for stamped in order {
                replica.merge([(&"x".to_owned(), &stamped)]).unwrap();
            }
            replica
        };
        let a = replica("a", [old, new, tie]);
        let b = replica("b", [tie, new, old]);
        assert_eq!(a.entries["x"], tie);
        assert_eq!((a.entries, a.digest), (b.entries, b.digest));
        let reopened = Replica::open(&dir.path().join("a")).unwrap();
        assert_eq!(reopened.digest, a.digest);
    }
}
