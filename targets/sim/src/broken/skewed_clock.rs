//! Timestamps from clocks that are trusted to agree, and do not: serializable, but against real time.

use crate::{
    system::Rng,
    txn::timestamps::{Rules, WrongClocks},
};

/// Believes every clock.
pub(crate) struct Trusting;

impl Rules for Trusting {
    fn clock(&self, now: u64, last: u64, rng: &mut Rng) -> u64 {
        WrongClocks.clock(now, last, rng)
    }
}
