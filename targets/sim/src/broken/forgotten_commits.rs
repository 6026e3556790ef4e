//! Commits are acknowledged before they are on the disk: a crash takes the last of them along. What was read is gone, and
//! other values take its place.

use rand::RngExt;

use crate::{
    system::Rng,
    txn::snapshots::{Changed, Optimistic, Rules},
};

/// Syncs now and then.
pub(crate) struct SyncsLater;

impl Rules for SyncsLater {
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize {
        Optimistic.snapshot(all, session, rng)
    }
    fn conflict(&self, changed: Changed) -> bool {
        Optimistic.conflict(changed)
    }
    fn durable(&self, all: usize, rng: &mut Rng) -> usize {
        all.saturating_sub(rng.random_range(0..6))
    }
}
