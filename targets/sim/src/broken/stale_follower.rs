//! A leader that lets followers answer reads, as if they were never behind.

use rand::RngExt;

use crate::{
    services::register::{Log, Rules},
    system::Rng,
};

/// Reads anywhere.
pub(crate) struct ReadsAnywhere;

impl Rules for ReadsAnywhere {
    fn visible(&self, log: &Log, rng: &mut Rng) -> usize {
        log.len().saturating_sub(rng.random_range(0..3))
    }
}
