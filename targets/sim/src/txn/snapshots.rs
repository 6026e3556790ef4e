//! Multiple versions: a transaction reads from a snapshot, keeps its writes to itself, and at its commit is held against
//! what was committed since (Berenson et al. 1995, 4.2). Which snapshot, and what counts as a conflict, makes the level:
//!
//! | snapshot | conflict | level |
//! |---|---|---|
//! | the latest | what was read or written has changed | strict serializable (Kung & Robinson 1981) |
//! | the latest | what was written has changed | strong snapshot isolation |
//! | any that has what the session did and saw | the same | strong session snapshot isolation |
//! | any (Elnikety et al. 2005) | the same | snapshot isolation |
//! | any that has what the session did and saw | none | prefix consistency |

use std::collections::BTreeMap;

use history::Process;
use rand::RngExt;

use super::engine::{Engine, KEYS};
use crate::system::{Progress, Rng, Ticket};

/// What makes the level.
pub(crate) trait Rules {
    /// How many commits the snapshot of a transaction holds, of all that there are; its session has seen `session` of them.
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize;

    /// Whether a transaction may not commit, given what has changed since its snapshot.
    fn conflict(&self, changed: Changed) -> bool {
        changed.written
    }

    /// How many commits a statement sees.
    fn visible(&self, snapshot: usize, _all: usize) -> usize {
        snapshot
    }

    /// How many commits there are after a crash.
    fn durable(&self, all: usize, _: &mut Rng) -> usize {
        all
    }
}

/// What has changed since a transaction's snapshot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    /// Something that it read.
    pub(crate) read: bool,
    /// Something that it wrote.
    pub(crate) written: bool,
    /// Whether it wrote anything.
    pub(crate) writes: bool,
}

/// A snapshot that lags by a few commits.
pub(crate) fn lagging(all: usize, rng: &mut Rng) -> usize {
    all.saturating_sub(rng.random_range(0..4))
}

/// The latest snapshot, and reads are validated.
pub(crate) struct Optimistic;

impl Rules for Optimistic {
    fn snapshot(&self, all: usize, _: usize, _: &mut Rng) -> usize {
        all
    }
    fn conflict(&self, changed: Changed) -> bool {
        changed.read || changed.written
    }
}

/// The latest snapshot.
pub(crate) struct Strong;

impl Rules for Strong {
    fn snapshot(&self, all: usize, _: usize, _: &mut Rng) -> usize {
        all
    }
}

/// A snapshot that may lag, but not behind the session.
pub(crate) struct StrongSession;

impl Rules for StrongSession {
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize {
        lagging(all, rng).max(session)
    }
}

/// A snapshot that may lag.
pub(crate) struct Plain;

impl Rules for Plain {
    fn snapshot(&self, all: usize, _: usize, rng: &mut Rng) -> usize {
        lagging(all, rng)
    }
}

/// A snapshot that may lag, but not behind the session, and any transaction may commit.
pub(crate) struct Prefix;

impl Rules for Prefix {
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize {
        StrongSession.snapshot(all, session, rng)
    }
    fn conflict(&self, _: Changed) -> bool {
        false
    }
}

struct Running {
    session: Process,
    snapshot: usize,
    read: Vec<usize>,
    wrote: Vec<(usize, i64)>,
}

/// A store of snapshots.
pub(crate) struct Snapshots<R> {
    rules: R,
    /// What each transaction wrote, in the order of commits.
    commits: Vec<Vec<(usize, i64)>>,
    running: BTreeMap<Ticket, Running>,
    /// How many commits each session has seen or made.
    sessions: BTreeMap<Process, usize>,
}

impl<R> Snapshots<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            commits: Vec::new(),
            running: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }
}

impl<R: Rules> Engine for Snapshots<R> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        let known = self.sessions.get(&session).copied().unwrap_or(0);
        let running = Running {
            session,
            snapshot: self.rules.snapshot(self.commits.len(), known, rng),
            read: Vec::new(),
            wrote: Vec::new(),
        };
        self.running.insert(txn, running);
    }

    fn read(&mut self, txn: Ticket, key: usize, _: &mut Rng) -> Progress<Vec<i64>> {
        debug_assert!(key < KEYS);
        let txn = self.running.get_mut(&txn).expect("it is running");
        txn.read.push(key);
        let visible = self.rules.visible(txn.snapshot, self.commits.len());
        let others = self.commits[..visible].iter().flatten();
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
        let since = &self.commits[txn.snapshot..];
        let changed = |key: &usize| since.iter().flatten().any(|(k, _)| k == key);
        let changed = Changed {
            read: txn.read.iter().any(changed),
            written: txn.wrote.iter().any(|(key, _)| changed(key)),
            writes: !txn.wrote.is_empty(),
        };
        if self.rules.conflict(changed) {
            return Progress::Failed("conflict");
        }
        let mut known = txn.snapshot;
        if changed.writes {
            self.commits.push(txn.wrote);
            known = self.commits.len();
        }
        let session = self.sessions.entry(txn.session).or_default();
        *session = known.max(*session);
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        self.running.remove(&txn);
    }

    fn crash(&mut self, rng: &mut Rng) {
        let durable = self.rules.durable(self.commits.len(), rng);
        self.commits.truncate(durable);
        for known in self.sessions.values_mut() {
            *known = durable.min(*known);
        }
    }
}
