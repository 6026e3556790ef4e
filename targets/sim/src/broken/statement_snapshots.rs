//! Snapshot isolation that takes a new snapshot for each statement. The check at the commit is as it was, so that no update is
//! lost, but what a transaction reads does not belong together.

use crate::{
    system::Rng,
    txn::snapshots::{Rules, Strong},
};

/// Each statement sees all that is committed.
pub(crate) struct PerStatement;

impl Rules for PerStatement {
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize {
        Strong.snapshot(all, session, rng)
    }
    fn visible(&self, _: usize, all: usize) -> usize {
        all
    }
}
