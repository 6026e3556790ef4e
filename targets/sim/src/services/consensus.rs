//! Single decisions by Paxos (Lamport 1998; "Paxos Made Simple", 2001): a proposer gets the promises of a majority for a
//! ballot, and then has a majority accept the value of the highest ballot that one of them had accepted, or its own if
//! there is none. Each message is a step of its own.

use std::collections::BTreeMap;

use history::{
    Key, Process,
    ops::{Consensus, ConsensusCall, ConsensusOp, ConsensusReturn},
};
use rand::RngExt;

use crate::{
    schedule::{NODES, node_of},
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What a proposer does.
pub(crate) trait Rules {
    /// The value that it has accepted, given its own and the one with the highest ballot that was accepted before.
    fn choose(&self, own: i64, accepted: Option<i64>) -> i64 {
        accepted.unwrap_or(own)
    }
    /// Whether a node still knows after a crash what was decided.
    fn remembers(&self) -> bool {
        true
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A round, and a process so that no two ballots are the same.
type Ballot = (i64, Process);

#[derive(Default)]
struct Acceptor {
    promised: Option<Ballot>,
    accepted: Option<(Ballot, i64)>,
    decided: Option<i64>,
}

/// What is remembered of a proposal.
#[derive(Default)]
pub(crate) struct Stage {
    round: i64,
    /// Who has answered in this phase.
    answered: Vec<usize>,
    accepted: Option<(Ballot, i64)>,
    /// What is to be accepted, in the second phase.
    value: Option<i64>,
}

/// Acceptors, by decision.
pub(crate) struct Paxos<R> {
    rules: R,
    acceptors: BTreeMap<Key, [Acceptor; NODES]>,
}

impl<R> Paxos<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            acceptors: BTreeMap::new(),
        }
    }
}

impl<R: Rules> Service<Consensus> for Paxos<R> {
    type Stage = Stage;

    fn serve(
        &mut self,
        from: Process,
        call: &ConsensusCall,
        stage: &mut Stage,
        rng: &mut Rng,
    ) -> Progress<ConsensusReturn> {
        let key = call.key.clone().expect("the clients name a decision");
        let acceptors = self.acceptors.entry(key).or_default();
        let near = usize::from(node_of(from).0);
        let ConsensusOp::Propose(own) = call.op else {
            return Progress::Done(ConsensusReturn::Decided(acceptors[near].decided));
        };
        let ballot = (stage.round, from);
        let silent = (0..NODES).filter(|n| !stage.answered.contains(n));
        let silent: Vec<usize> = silent.collect();
        let at = silent[rng.random_range(0..silent.len())];
        let acceptor = &mut acceptors[at];
        if acceptor.promised > Some(ballot) {
            // Refused: once more, with a higher ballot.
            let round = acceptor.promised.map_or(0, |(round, _)| round + 1);
            *stage = Stage {
                round,
                ..Stage::default()
            };
            return Progress::Going;
        }
        acceptor.promised = Some(ballot);
        match stage.value {
            None => stage.accepted = stage.accepted.max(acceptor.accepted),
            Some(value) => acceptor.accepted = Some((ballot, value)),
        }
        stage.answered.push(at);
        if 2 * stage.answered.len() <= NODES {
            return Progress::Going;
        }
        if let Some(value) = stage.value {
            acceptors[near].decided = Some(value);
            return Progress::Done(ConsensusReturn::Decided(Some(value)));
        }
        let accepted = stage.accepted.map(|(_, value)| value);
        stage.value = Some(self.rules.choose(own, accepted));
        stage.answered.clear();
        Progress::Going
    }

    /// A node hears what was decided.
    fn background(&mut self, rng: &mut Rng) {
        for acceptors in self.acceptors.values_mut() {
            let known = acceptors[rng.random_range(0..NODES)].decided;
            let node = &mut acceptors[rng.random_range(0..NODES)];
            node.decided = node.decided.or(known);
        }
    }

    fn crash(&mut self, rng: &mut Rng) {
        let at = rng.random_range(0..NODES);
        if !self.rules.remembers() {
            for acceptors in self.acceptors.values_mut() {
                acceptors[at].decided = None;
            }
        }
    }
}

/// Clients that propose different values for a few decisions, or ask.
#[derive(Default)]
pub(crate) struct Callers {
    calls: i64,
}

impl Clients<Consensus> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> ConsensusCall {
        self.calls += 1;
        let op = match rng.random_bool(0.5) {
            true => ConsensusOp::Propose(self.calls),
            false => ConsensusOp::Learn,
        };
        ConsensusCall {
            key: Some(Key::Int(self.calls / 12)),
            op,
        }
    }
}
