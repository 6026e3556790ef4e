//! A counter whose client library tries again when the answer is late; adding is not idempotent.

use rand::RngExt;

use crate::{services::counter::Rules, system::Rng};

/// Tries again.
pub(crate) struct TriesAgain;

impl Rules for TriesAgain {
    fn times(&self, rng: &mut Rng) -> i64 {
        1 + i64::from(rng.random_bool(0.1))
    }
}
