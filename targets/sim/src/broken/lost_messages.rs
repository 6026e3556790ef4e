//! A queue whose newest messages a crash takes along, although they were acknowledged.

use rand::RngExt;

use crate::{services::queue::Rules, system::Rng};

/// Keeps them in memory.
pub(crate) struct InMemory;

impl Rules for InMemory {
    fn durable(&self, all: usize, rng: &mut Rng) -> usize {
        all.saturating_sub(rng.random_range(1..5))
    }
}
