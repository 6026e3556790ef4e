//! Reads at a timestamp that is behind the clock of one shard and not behind that of another: a write is missed, and a later
//! one is seen.

use rand::RngExt;

use crate::{services::snapshot::Rules, system::Rng};

/// Reads each shard by its own clock.
pub(crate) struct ClockOfEachShard;

impl Rules for ClockOfEachShard {
    fn misses(&self, later: usize, _: bool, rng: &mut Rng) -> bool {
        later < 3 && rng.random_bool(0.2)
    }
}
