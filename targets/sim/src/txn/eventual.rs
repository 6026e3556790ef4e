//! Eventual consistency: each write travels on its own, and each read asks whatever replica is near.
//!
//! Registers are as in Cassandra: a transaction is a batch of writes with one timestamp, from a clock that may be wrong, and
//! the highest wins. What was appended to a list cannot be put in its place later without becoming another list: so the
//! writes to a list have one order from the beginning, and arrive everywhere in this order.
//!
//! Since all writes of a transaction have one place in the order, that is read uncommitted (PL-1), and nothing more.

use std::collections::{BTreeMap, BTreeSet};

use history::Process;
use rand::RngExt;

use super::engine::{Engine, Objects};
use crate::system::{Progress, Rng, Ticket};

/// A timestamp, a transaction, and a place in it.
type Stamp = (u64, Ticket, usize);

struct Write {
    stamp: Stamp,
    key: usize,
    value: i64,
}

const REPLICAS: usize = 3;
/// By how much a clock is behind at most.
const SKEW: u64 = 8;

/// A store that converges.
pub(crate) struct Eventual {
    objects: Objects,
    now: u64,
    writes: Vec<Write>,
    /// Which writes have arrived at each replica.
    replicas: Vec<BTreeSet<usize>>,
    running: BTreeMap<Ticket, Vec<(usize, i64)>>,
}

impl Eventual {
    pub(crate) fn new(objects: Objects) -> Self {
        Self {
            objects,
            now: SKEW,
            writes: Vec::new(),
            replicas: vec![BTreeSet::new(); REPLICAS],
            running: BTreeMap::new(),
        }
    }

    /// Whether a write may arrive at a replica: at a list, after those before it.
    fn ready(&self, at: usize, replica: usize) -> bool {
        let (arrived, key) = (&self.replicas[replica], self.writes[at].key);
        let mut before = (0..at).filter(|other| self.writes[*other].key == key);
        self.objects == Objects::Registers || before.all(|other| arrived.contains(&other))
    }
}

impl Engine for Eventual {
    fn begin(&mut self, txn: Ticket, _: Process, _: &mut Rng) {
        self.running.insert(txn, Vec::new());
    }

    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>> {
        let arrived = &self.replicas[rng.random_range(0..REPLICAS)];
        let writes = arrived.iter().map(|at| &self.writes[*at]);
        let mut found: Vec<&Write> = writes.filter(|write| write.key == key).collect();
        found.sort_by_key(|write| write.stamp);
        let own = self.running[&txn].iter().filter(|(k, _)| *k == key);
        let log = found.iter().map(|write| write.value);
        Progress::Done(log.chain(own.map(|(_, value)| *value)).collect())
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let own = self.running.get_mut(&txn).expect("it is running");
        own.push((key, value));
        Progress::Done(())
    }

    fn commit(&mut self, txn: Ticket, rng: &mut Rng) -> Progress<()> {
        self.now += 1;
        let clock = match self.objects {
            Objects::Lists => self.now,
            Objects::Registers => self.now - rng.random_range(0..SKEW),
        };
        let near = rng.random_range(0..REPLICAS);
        let own = self.running.remove(&txn).expect("it is running");
        for (place, (key, value)) in own.into_iter().enumerate() {
            let (at, stamp) = (self.writes.len(), (clock, txn, place));
            self.writes.push(Write { stamp, key, value });
            if self.ready(at, near) {
                self.replicas[near].insert(at);
            }
        }
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        self.running.remove(&txn);
    }

    /// A write arrives somewhere.
    fn background(&mut self, rng: &mut Rng) {
        let replica = rng.random_range(0..REPLICAS);
        let arrived = &self.replicas[replica];
        let missing = (0..self.writes.len()).filter(|at| !arrived.contains(at));
        let ready = missing.filter(|at| self.ready(*at, replica));
        let ready: Vec<usize> = ready.take(6).collect();
        if !ready.is_empty() {
            self.replicas[replica].insert(ready[rng.random_range(0..ready.len())]);
        }
    }
}
