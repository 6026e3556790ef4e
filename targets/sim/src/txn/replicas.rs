//! Replicas that commit on their own and tell each other later, whole transactions at a time. A transaction reads from the
//! replica that is its session's, or now and then from another, as it was when the transaction began.
//!
//! Every key has one order of writes, given when a transaction commits: who writes to a key fetches what was written to it
//! before. Without that a list would have no versions, and the order of a register's would be known to nobody. What a
//! replica must have before a transaction is delivered to it, and whether concurrent writers of a key may both commit,
//! makes the level:
//!
//! | before a transaction comes | both commit | level |
//! |---|---|---|
//! | all that its replica had | no | parallel snapshot isolation (Sovran et al. 2011) |
//! | all that its replica had, which has what its session did and saw | yes | causal (Lloyd et al. 2011, COPS) |
//! | what its session wrote before, and what its writes replace | yes | PRAM (Lipton & Sandberg 1988) |

use std::collections::{BTreeMap, BTreeSet};

use history::Process;
use rand::RngExt;

use super::engine::Engine;
use crate::{
    schedule::{NODES, node_of},
    system::{Progress, Rng, Ticket},
};

/// Transactions by their number in the order of commits.
pub(crate) type Set = BTreeSet<usize>;

/// What makes the level.
pub(crate) trait Rules {
    /// Whether the replica must have what a session did and saw before it answers the session.
    fn sessions(&self) -> bool;

    /// Whether a transaction aborts if a key that it wrote has a version that it did not see.
    fn first_committer_wins(&self) -> bool {
        false
    }

    /// What must be delivered before a transaction is.
    fn needs(&self, of: Past<'_>) -> Set;
}

/// What came before a transaction.
pub(crate) struct Past<'a> {
    /// What its replica had when it committed.
    pub(crate) replica: &'a Set,
    /// What its session wrote.
    pub(crate) session: &'a Set,
    /// The last writers of the keys that it wrote.
    pub(crate) replaced: &'a Set,
}

/// Replicas of which each may be ahead in something; no two concurrent writers of a key commit.
pub(crate) struct Parallel;

impl Rules for Parallel {
    fn sessions(&self) -> bool {
        false
    }
    fn first_committer_wins(&self) -> bool {
        true
    }
    fn needs(&self, of: Past<'_>) -> Set {
        of.replica.clone()
    }
}

/// Nothing comes before its cause.
pub(crate) struct Causal;

impl Rules for Causal {
    fn sessions(&self) -> bool {
        true
    }
    fn needs(&self, of: Past<'_>) -> Set {
        of.replica.clone()
    }
}

/// Each session's writes come in its order.
pub(crate) struct Pram;

impl Rules for Pram {
    fn sessions(&self) -> bool {
        true
    }
    fn needs(&self, of: Past<'_>) -> Set {
        of.session | of.replaced
    }
}

struct Running {
    session: Process,
    replica: usize,
    snapshot: Set,
    wrote: Vec<(usize, i64)>,
}

/// What a session did, and what it has seen.
#[derive(Default)]
struct Session {
    wrote: Set,
    saw: Set,
}

/// A transaction that committed.
struct Commit {
    writes: Vec<(usize, i64)>,
    needs: Set,
}

/// A store of a few replicas.
pub(crate) struct Replicas<R> {
    rules: R,
    commits: Vec<Commit>,
    /// Which transactions each replica has.
    replicas: Vec<Set>,
    running: BTreeMap<Ticket, Running>,
    sessions: BTreeMap<Process, Session>,
}

const REPLICAS: usize = NODES;
/// Once in so many transactions a session asks another replica than its own.
const MOVES: u32 = 5;

impl<R: Rules> Replicas<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            commits: Vec::new(),
            replicas: vec![Set::new(); REPLICAS],
            running: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    /// Delivers transactions to a replica, after all that they need.
    fn fetch(&mut self, replica: usize, wanted: &Set) {
        let has = &mut self.replicas[replica];
        let mut missing: Vec<usize> = wanted.difference(has).copied().collect();
        while let Some(commit) = missing.pop() {
            if has.insert(commit) {
                missing.extend(self.commits[commit].needs.difference(has));
            }
        }
    }

    /// Who wrote to one of these keys last.
    fn last_writers(&self, keys: &[(usize, i64)]) -> Set {
        let last = |key: usize| {
            let wrote = |commit: &Commit| commit.writes.iter().any(|(k, _)| *k == key);
            self.commits.iter().rposition(wrote)
        };
        keys.iter().filter_map(|(key, _)| last(*key)).collect()
    }
}

impl<R: Rules> Engine for Replicas<R> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        let replica = match rng.random_range(0..MOVES) {
            0 => rng.random_range(0..REPLICAS),
            _ => usize::from(node_of(session).0),
        };
        if self.rules.sessions()
            && let Some(past) = self.sessions.get(&session)
        {
            let past = &past.saw | &past.wrote;
            self.fetch(replica, &past);
        }
        let running = Running {
            session,
            replica,
            snapshot: self.replicas[replica].clone(),
            wrote: Vec::new(),
        };
        self.running.insert(txn, running);
    }

    fn read(&mut self, txn: Ticket, key: usize, _: &mut Rng) -> Progress<Vec<i64>> {
        let txn = &self.running[&txn];
        let others = txn.snapshot.iter().flat_map(|c| &self.commits[*c].writes);
        let log = others.chain(&txn.wrote).filter(|(k, _)| *k == key);
        Progress::Done(log.map(|(_, value)| *value).collect())
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let txn = self.running.get_mut(&txn).expect("it is running");
        txn.wrote.push((key, value));
        Progress::Done(())
    }

    fn commit(&mut self, txn: Ticket, _: &mut Rng) -> Progress<()> {
        let txn = self.running.remove(&txn).expect("it is running");
        let replaced = self.last_writers(&txn.wrote);
        if self.rules.first_committer_wins() && !replaced.is_subset(&txn.snapshot) {
            return Progress::Failed("conflict");
        }
        let mut saw = txn.snapshot;
        if !txn.wrote.is_empty() {
            self.fetch(txn.replica, &replaced);
            let session = self.sessions.entry(txn.session).or_default();
            let needs = self.rules.needs(Past {
                replica: &self.replicas[txn.replica],
                session: &session.wrote,
                replaced: &replaced,
            });
            let commit = self.commits.len();
            session.wrote.insert(commit);
            saw.insert(commit);
            self.replicas[txn.replica].insert(commit);
            self.commits.push(Commit {
                writes: txn.wrote,
                needs,
            });
        }
        let session = self.sessions.entry(txn.session).or_default();
        session.saw.append(&mut saw);
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        self.running.remove(&txn);
    }

    /// Delivers one transaction to one replica, if it has what that needs.
    fn background(&mut self, rng: &mut Rng) {
        let has = &mut self.replicas[rng.random_range(0..REPLICAS)];
        let missing = (0..self.commits.len()).filter(|commit| !has.contains(commit));
        let ready = missing.filter(|commit| self.commits[*commit].needs.is_subset(has));
        let ready: Vec<usize> = ready.collect();
        if !ready.is_empty() {
            has.insert(ready[rng.random_range(0..ready.len())]);
        }
    }
}
