//! A monotonic atomic view whose commits become visible shard by shard.

use crate::txn::sharded::{Rules, ShardByShard};

/// Tells the shards one after the other.
pub(crate) struct OneAfterTheOther;

impl Rules for OneAfterTheOther {
    fn at_once(&self) -> bool {
        ShardByShard.at_once()
    }
}
