//! Registers that are written once each, and read several at a time: from one log, strict serializable.

use history::{
    Key, Process,
    ops::{Snapshot, SnapshotCall, SnapshotReturn},
};
use rand::RngExt;

use crate::{
    schedule::{NODES, node_of},
    service::Service,
    system::{Clients, Progress, Rng},
};

/// A write: whose, where, what.
pub(crate) struct Write {
    pub(crate) by: Process,
    pub(crate) key: Key,
    pub(crate) value: i64,
}

/// What a store of registers does.
pub(crate) trait Rules {
    /// Whether a read misses a write, given how many came after it and whether it has arrived at the reader's node.
    fn misses(&self, _later: usize, _arrived: bool, _: &mut Rng) -> bool {
        false
    }
    /// Whether a write may arrive, given whether an earlier one of its client has not.
    fn arrives(&self, _waiting: bool) -> bool {
        true
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// Registers over a log.
pub(crate) struct Registers<R> {
    rules: R,
    log: Vec<Write>,
    /// Which writes have arrived at each node.
    arrived: [std::collections::BTreeSet<usize>; NODES],
}

impl<R> Registers<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            log: Vec::new(),
            arrived: Default::default(),
        }
    }
}

impl<R: Rules> Service<Snapshot> for Registers<R> {
    type Stage = ();

    fn serve(
        &mut self,
        from: Process,
        call: &SnapshotCall,
        (): &mut (),
        rng: &mut Rng,
    ) -> Progress<SnapshotReturn> {
        let node = usize::from(node_of(from).0);
        Progress::Done(match call {
            SnapshotCall::Write { key, value } => {
                self.arrived[node].insert(self.log.len());
                self.log.push(Write {
                    by: from,
                    key: key.clone(),
                    value: *value,
                });
                SnapshotReturn::Done
            }
            SnapshotCall::Read(keys) => {
                let mut holds = |key: &Key| {
                    let at = self.log.iter().position(|write| write.key == *key)?;
                    let (later, arrived) = (self.log.len() - at - 1, &self.arrived[node]);
                    let missed = self.rules.misses(later, arrived.contains(&at), rng);
                    (!missed).then_some(self.log[at].value)
                };
                SnapshotReturn::Values(keys.iter().map(&mut holds).collect())
            }
        })
    }

    /// A write arrives somewhere.
    fn background(&mut self, rng: &mut Rng) {
        let arrived = &mut self.arrived[rng.random_range(0..NODES)];
        let log = &self.log;
        let ready = (0..log.len()).filter(|at| {
            let mut before = (0..*at).filter(|other| log[*other].by == log[*at].by);
            let waiting = before.any(|other| !arrived.contains(&other));
            !arrived.contains(at) && self.rules.arrives(waiting)
        });
        let ready: Vec<usize> = ready.collect();
        if !ready.is_empty() {
            arrived.insert(ready[rng.random_range(0..ready.len())]);
        }
    }
}

/// How many of the newest keys a read asks for.
const WIDTH: i64 = 4;

/// Clients that write a key that is new, or read the newest.
#[derive(Default)]
pub(crate) struct Callers {
    newest: i64,
}

impl Clients<Snapshot> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> SnapshotCall {
        if rng.random_bool(0.6) {
            let keys = (self.newest + 1 - WIDTH).max(0)..=self.newest;
            return SnapshotCall::Read(keys.map(Key::Int).collect());
        }
        self.newest += 1;
        SnapshotCall::Write {
            key: Key::Int(self.newest),
            value: self.newest,
        }
    }
}
