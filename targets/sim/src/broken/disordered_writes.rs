//! Nodes that get writes in any order, also those of one client.

use crate::{services::snapshot::Rules, system::Rng};

/// As they come.
pub(crate) struct AsTheyCome;

impl Rules for AsTheyCome {
    fn misses(&self, _: usize, arrived: bool, _: &mut Rng) -> bool {
        !arrived
    }
}
