//! A leader that acknowledges before its log is on the disk: a crash takes the end of the log along.

use rand::RngExt;

use crate::{
    services::register::{Log, Rules},
    system::Rng,
};

/// Acknowledges too early.
pub(crate) struct Unsynced;

impl Rules for Unsynced {
    fn durable(&self, log: &Log, rng: &mut Rng) -> usize {
        log.len().saturating_sub(rng.random_range(0..5))
    }
}
