//! A set whose last elements a crash takes along.

use rand::RngExt;

use crate::{services::set::Rules, system::Rng};

/// Keeps them in memory.
pub(crate) struct InMemory;

impl Rules for InMemory {
    fn durable(&self, all: usize, rng: &mut Rng) -> usize {
        all.saturating_sub(rng.random_range(0..5))
    }
}
