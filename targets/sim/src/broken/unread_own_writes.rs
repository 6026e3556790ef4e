//! Reads go straight to the snapshot and pass by what the transaction has buffered.

use std::collections::BTreeMap;

use history::Process;

use crate::{
    system::{Progress, Rng, Ticket},
    txn::engine::Engine,
};

/// Forgets the buffer.
pub(crate) struct PastTheBuffer<E> {
    engine: E,
    wrote: BTreeMap<Ticket, Vec<i64>>,
}

impl<E> PastTheBuffer<E> {
    pub(crate) fn new(engine: E) -> Self {
        Self {
            engine,
            wrote: BTreeMap::new(),
        }
    }
}

impl<E: Engine> Engine for PastTheBuffer<E> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        self.wrote.insert(txn, Vec::new());
        self.engine.begin(txn, session, rng);
    }

    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>> {
        let own = &self.wrote[&txn];
        match self.engine.read(txn, key, rng) {
            Progress::Done(mut log) => {
                log.retain(|value| !own.contains(value));
                Progress::Done(log)
            }
            other => other,
        }
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        self.wrote.entry(txn).or_default().push(value);
        self.engine.write(txn, key, value)
    }

    fn commit(&mut self, txn: Ticket, rng: &mut Rng) -> Progress<()> {
        self.engine.commit(txn, rng)
    }

    fn abort(&mut self, txn: Ticket) {
        self.engine.abort(txn);
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.engine.crash(rng);
    }
}
