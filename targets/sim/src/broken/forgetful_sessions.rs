//! Strong session snapshot isolation whose sessions are not told what they have done: a client that is moved to another
//! node misses its own writes.

use crate::{
    system::Rng,
    txn::snapshots::{Rules, StrongSession},
};

/// Takes every session for a new one.
pub(crate) struct NewSessions;

impl Rules for NewSessions {
    fn snapshot(&self, all: usize, _: usize, rng: &mut Rng) -> usize {
        StrongSession.snapshot(all, 0, rng)
    }
}
