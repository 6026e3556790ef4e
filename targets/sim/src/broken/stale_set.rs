//! A set that is read from followers, as if they were never behind.

use rand::RngExt;

use crate::{services::set::Rules, system::Rng};

/// Reads anywhere.
pub(crate) struct ReadsAnywhere;

impl Rules for ReadsAnywhere {
    fn visible(&self, all: usize, rng: &mut Rng) -> usize {
        all.saturating_sub(rng.random_range(0..3))
    }
}
