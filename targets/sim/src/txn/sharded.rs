//! Shards that lock what is written until the commit, and let everyone read what was committed last. Where a commit becomes
//! visible on all shards at once, that is the monotonic atomic view (Bailis et al. 2013, 5.1.2); where it becomes visible
//! shard by shard, it is read committed. A transaction that has waited long for a lock gives up.

use std::collections::BTreeMap;

use history::Process;

use super::engine::{Engine, KEYS};
use crate::system::{Progress, Rng, Ticket};

/// What others see of a transaction.
pub(crate) trait Rules {
    /// Whether all its writes become visible at once.
    fn at_once(&self) -> bool;

    /// Whether its writes are seen before it has committed.
    fn dirty(&self) -> bool {
        false
    }
}

/// A commit is visible everywhere at once.
pub(crate) struct AtOnce;

impl Rules for AtOnce {
    fn at_once(&self) -> bool {
        true
    }
}

/// A commit becomes visible shard by shard.
pub(crate) struct ShardByShard;

impl Rules for ShardByShard {
    fn at_once(&self) -> bool {
        false
    }
}

/// How often a transaction tries to get a lock.
const PATIENCE: u32 = 12;

#[derive(Default)]
struct Running {
    wrote: Vec<(usize, i64)>,
    waited: u32,
    /// It has been decided that it commits.
    committing: bool,
}

#[derive(Default)]
struct Shard {
    log: Vec<i64>,
    writer: Option<Ticket>,
}

/// A store with a key on each shard.
pub(crate) struct Sharded<R> {
    rules: R,
    shards: Vec<Shard>,
    running: BTreeMap<Ticket, Running>,
}

impl<R: Rules> Sharded<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            shards: (0..KEYS).map(|_| Shard::default()).collect(),
            running: BTreeMap::new(),
        }
    }

    /// Makes a transaction visible on the shard of its first write that is not visible yet; says whether there was one.
    fn install(&mut self, txn: Ticket) -> bool {
        let running = self.running.get_mut(&txn).expect("it is running");
        let Some((shard, _)) = running.wrote.first().copied() else {
            return false;
        };
        let shard_of = |(key, _): &mut (usize, i64)| *key == shard;
        let values = running.wrote.extract_if(.., shard_of);
        self.shards[shard]
            .log
            .extend(values.map(|(_, value)| value));
        true
    }

    fn end(&mut self, txn: Ticket) {
        self.running.remove(&txn);
        for shard in &mut self.shards {
            shard.writer = shard.writer.filter(|writer| *writer != txn);
        }
    }
}

impl<R: Rules> Engine for Sharded<R> {
    fn begin(&mut self, txn: Ticket, _: Process, _: &mut Rng) {
        self.running.insert(txn, Running::default());
    }

    fn read(&mut self, txn: Ticket, key: usize, _: &mut Rng) -> Progress<Vec<i64>> {
        let shard = &self.shards[key];
        let writer = match self.rules.dirty() {
            true => shard.writer,
            false => shard.writer.filter(|writer| *writer == txn),
        };
        let pending = writer.iter().flat_map(|writer| &self.running[writer].wrote);
        let pending = pending.filter(|(k, _)| *k == key).map(|(_, value)| value);
        Progress::Done(shard.log.iter().chain(pending).copied().collect())
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let running = self.running.get_mut(&txn).expect("it is running");
        let writer = &mut self.shards[key].writer;
        if *writer.get_or_insert(txn) == txn {
            running.wrote.push((key, value));
            return Progress::Done(());
        }
        running.waited += 1;
        if running.waited < PATIENCE {
            return Progress::Going;
        }
        self.end(txn);
        Progress::Failed("lock-timeout")
    }

    fn commit(&mut self, txn: Ticket, _: &mut Rng) -> Progress<()> {
        let running = self.running.get_mut(&txn).expect("it is running");
        running.committing = true;
        let mut more = self.install(txn);
        while more && self.rules.at_once() {
            more = self.install(txn);
        }
        if more {
            return Progress::Going;
        }
        self.end(txn);
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        if self.running.get(&txn).is_some_and(|txn| txn.committing) {
            while self.install(txn) {}
        }
        self.end(txn);
    }
}
