//! Snapshot isolation without the first-committer-wins rule: of two transactions that read the same version and replaced it,
//! both commit. What remains is a snapshot from a prefix of the commits.

use crate::{
    system::Rng,
    txn::snapshots::{Changed, Plain, Rules},
};

/// Commits whatever has changed.
pub(crate) struct NobodyWins;

impl Rules for NobodyWins {
    fn snapshot(&self, all: usize, session: usize, rng: &mut Rng) -> usize {
        Plain.snapshot(all, session, rng)
    }
    fn conflict(&self, _: Changed) -> bool {
        false
    }
}
