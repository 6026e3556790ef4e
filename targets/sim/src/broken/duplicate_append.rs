//! A coordinator that does not hear of a commit in time, and sends the writes again. Nothing tells the second time from the
//! first.

use std::collections::BTreeMap;

use history::Process;
use rand::RngExt;

use crate::{
    system::{Progress, Rng, Ticket},
    txn::engine::Engine,
};

/// Marks a transaction that repeats another.
const AGAIN: Ticket = 1 << 63;

/// Sends again.
pub(crate) struct SendsAgain<E> {
    engine: E,
    wrote: BTreeMap<Ticket, (Process, Vec<(usize, i64)>)>,
}

impl<E> SendsAgain<E> {
    pub(crate) fn new(engine: E) -> Self {
        Self {
            engine,
            wrote: BTreeMap::new(),
        }
    }
}

impl<E: Engine> Engine for SendsAgain<E> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        self.wrote.insert(txn, (session, Vec::new()));
        self.engine.begin(txn, session, rng);
    }

    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>> {
        self.engine.read(txn, key, rng)
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let progress = self.engine.write(txn, key, value);
        if progress == Progress::Done(())
            && let Some((_, wrote)) = self.wrote.get_mut(&txn)
        {
            wrote.push((key, value));
        }
        progress
    }

    fn commit(&mut self, txn: Ticket, rng: &mut Rng) -> Progress<()> {
        let progress = self.engine.commit(txn, rng);
        if progress == Progress::Done(())
            && let Some((session, wrote)) = self.wrote.remove(&txn)
            && rng.random_bool(0.05)
        {
            let again = txn | AGAIN;
            self.engine.begin(again, session, rng);
            for (key, value) in wrote {
                self.engine.write(again, key, value);
            }
            self.engine.commit(again, rng);
        }
        progress
    }

    fn abort(&mut self, txn: Ticket) {
        self.engine.abort(txn);
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.engine.crash(rng);
    }
}
