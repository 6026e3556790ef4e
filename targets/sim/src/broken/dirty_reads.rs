//! Read committed that also shows what is not committed: values of transactions that fail, and values in between.

use crate::txn::sharded::{Rules, ShardByShard};

/// Reads through the locks.
pub(crate) struct ThroughTheLocks;

impl Rules for ThroughTheLocks {
    fn at_once(&self) -> bool {
        ShardByShard.at_once()
    }
    fn dirty(&self) -> bool {
        true
    }
}
