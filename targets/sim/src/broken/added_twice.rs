//! A set that is kept as a list, and a retry that appends again.

use rand::RngExt;

use crate::{services::set::Rules, system::Rng};

/// Retries.
pub(crate) struct Retries;

impl Rules for Retries {
    fn times(&self, rng: &mut Rng) -> usize {
        1 + usize::from(rng.random_bool(0.05))
    }
}
