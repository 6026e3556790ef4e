//! Read-only transactions are answered by a follower that lags, and need no validation since what they read was committed.
//! Still serializable; no longer strict.

use crate::{
    system::Rng,
    txn::snapshots::{Changed, Rules, lagging},
};

/// Validates who writes.
pub(crate) struct FromFollowers;

impl Rules for FromFollowers {
    fn snapshot(&self, all: usize, _: usize, rng: &mut Rng) -> usize {
        lagging(all, rng)
    }
    fn conflict(&self, changed: Changed) -> bool {
        changed.writes && (changed.read || changed.written)
    }
}
