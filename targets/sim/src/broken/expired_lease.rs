//! A lease that ends while its owner works on, without a token that would stop it.

use rand::RngExt;

use crate::{services::lock::Rules, system::Rng};

/// Takes it back.
pub(crate) struct Expires;

impl Rules for Expires {
    fn takes_back(&self, rng: &mut Rng) -> bool {
        rng.random_bool(0.1)
    }
    fn tokens(&self) -> bool {
        false
    }
}
