//! Storage without checksums: now and then a bit of what is read has flipped.

use history::Process;
use rand::RngExt;

use crate::{
    system::{Progress, Rng, Ticket},
    txn::engine::Engine,
};

/// Believes the disk.
pub(crate) struct Unchecked<E>(pub(crate) E);

impl<E: Engine> Engine for Unchecked<E> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        self.0.begin(txn, session, rng);
    }

    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>> {
        let mut progress = self.0.read(txn, key, rng);
        if let Progress::Done(log) = &mut progress
            && let Some(last) = log.last_mut()
            && rng.random_bool(0.01)
        {
            *last ^= 1 << 40;
        }
        progress
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        self.0.write(txn, key, value)
    }

    fn commit(&mut self, txn: Ticket, rng: &mut Rng) -> Progress<()> {
        self.0.commit(txn, rng)
    }

    fn abort(&mut self, txn: Ticket) {
        self.0.abort(txn);
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.0.crash(rng);
    }
}
