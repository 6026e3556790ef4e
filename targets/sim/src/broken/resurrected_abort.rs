//! A rollback that is not written to the log: when the log is replayed, what was rolled back has been committed.

use std::collections::BTreeMap;

use history::Process;
use rand::RngExt;

use crate::{
    system::{Progress, Rng, Ticket},
    txn::engine::Engine,
};

/// Marks a transaction that comes back.
const BACK: Ticket = 1 << 63;

/// Replays too much.
pub(crate) struct ReplaysAll<E> {
    engine: E,
    wrote: BTreeMap<Ticket, Vec<(usize, i64)>>,
    aborted: Vec<(Ticket, Vec<(usize, i64)>)>,
}

impl<E> ReplaysAll<E> {
    pub(crate) fn new(engine: E) -> Self {
        Self {
            engine,
            wrote: BTreeMap::new(),
            aborted: Vec::new(),
        }
    }
}

impl<E: Engine> Engine for ReplaysAll<E> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        self.wrote.insert(txn, Vec::new());
        self.engine.begin(txn, session, rng);
    }

    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>> {
        self.engine.read(txn, key, rng)
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let progress = self.engine.write(txn, key, value);
        if progress == Progress::Done(()) {
            self.wrote.entry(txn).or_default().push((key, value));
        }
        progress
    }

    fn commit(&mut self, txn: Ticket, rng: &mut Rng) -> Progress<()> {
        let progress = self.engine.commit(txn, rng);
        let wrote = self.wrote.remove(&txn).unwrap_or_default();
        if matches!(progress, Progress::Failed(_)) {
            self.aborted.push((txn, wrote));
        }
        progress
    }

    fn abort(&mut self, txn: Ticket) {
        let wrote = self.wrote.remove(&txn).unwrap_or_default();
        self.aborted.push((txn, wrote));
        self.engine.abort(txn);
    }

    /// Something is replayed.
    fn background(&mut self, rng: &mut Rng) {
        self.engine.background(rng);
        let Some((txn, wrote)) = self.aborted.pop() else {
            return;
        };
        if rng.random_bool(0.2) {
            self.engine.begin(txn | BACK, Process(u32::MAX), rng);
            for (key, value) in wrote {
                self.engine.write(txn | BACK, key, value);
            }
            self.engine.commit(txn | BACK, rng);
        }
    }
}
