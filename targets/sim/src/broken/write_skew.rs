//! Validation that looks at what a transaction wrote and forgets what it read, sold as serializable. Two transactions each
//! read what the other wrote: it is snapshot isolation.

use crate::{
    system::Rng,
    txn::snapshots::{Changed, Optimistic, Rules},
};

/// Validates half of it.
pub(crate) struct WritesOnly;

impl Rules for WritesOnly {
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize {
        Optimistic.snapshot(all, session, rng)
    }
    fn conflict(&self, changed: Changed) -> bool {
        changed.written
    }
}
