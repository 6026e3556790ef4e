//! The honest stores of transactions, from strong to weak.

use history::Txn;

use super::simulated;
use crate::{
    Objects, Promise, Simulated,
    txn::{
        eventual::Eventual,
        locking::{Hold, Locking},
        read_atomic::{Ramp, ReadAtomic},
        replicas::{self, Replicas},
        sharded::{self, Sharded},
        snapshots::{self, Snapshots},
        timestamps::{self, Timestamps},
    },
};

/// All of them.
pub(super) fn stores(objects: Objects) -> Vec<Simulated<Txn>> {
    macro_rules! store {
        ($name:literal, $level:literal, $does:literal, $engine:expr) => {
            simulated($name, $does, Promise::Honest($level), objects, move || {
                $engine
            })
        };
    }
    vec![
        store!(
            "strict-serializable",
            "strict-serializable",
            "snapshots, validated against reads and writes at the commit",
            Snapshots::new(snapshots::Optimistic)
        ),
        store!(
            "timestamps-of-one-clock",
            "strict-serializable",
            "timestamp ordering with one clock",
            Timestamps::new(timestamps::OneClock)
        ),
        store!(
            "strong-session-serializable",
            "strong-session-serializable",
            "timestamp ordering with wrong clocks that do not go back in a session",
            Timestamps::new(timestamps::SessionClocks)
        ),
        store!(
            "serializable",
            "serializable",
            "timestamp ordering with wrong clocks",
            Timestamps::new(timestamps::WrongClocks)
        ),
        store!(
            "strong-snapshot-isolation",
            "strong-snapshot-isolation",
            "the latest snapshot; the first committer wins",
            Snapshots::new(snapshots::Strong)
        ),
        store!(
            "strong-session-snapshot-isolation",
            "strong-session-snapshot-isolation",
            "a snapshot that has what the session did; the first committer wins",
            Snapshots::new(snapshots::StrongSession)
        ),
        store!(
            "snapshot-isolation",
            "snapshot-isolation",
            "an old snapshot; the first committer wins",
            Snapshots::new(snapshots::Plain)
        ),
        store!(
            "parallel-snapshot-isolation",
            "parallel-snapshot-isolation",
            "sites that tell each other later; the first committer wins",
            Replicas::new(replicas::Parallel)
        ),
        store!(
            "repeatable-read",
            "repeatable-read",
            "two-phase locking of items",
            Locking::new(Hold::Long, Hold::Long)
        ),
        store!(
            "prefix",
            "prefix",
            "a snapshot that has what the session did; everyone may commit",
            Snapshots::new(snapshots::Prefix)
        ),
        store!(
            "causal",
            "causal",
            "replicas that deliver a transaction after what it depends on",
            Replicas::new(replicas::Causal)
        ),
        store!(
            "pram",
            "pram",
            "replicas that deliver each session's transactions in its order",
            Replicas::new(replicas::Pram)
        ),
        store!(
            "read-atomic",
            "read-atomic",
            "old versions, of which those fit together that were written together",
            ReadAtomic::new(Ramp)
        ),
        store!(
            "monotonic-atomic-view",
            "monotonic-atomic-view",
            "write locks, reads of the last commit, commits visible at once",
            Sharded::new(sharded::AtOnce)
        ),
        store!(
            "read-committed",
            "read-committed",
            "write locks, reads of the last commit, commits visible shard by shard",
            Sharded::new(sharded::ShardByShard)
        ),
        store!(
            "short-read-locks",
            "monotonic-atomic-view",
            "locking with short read locks",
            Locking::new(Hold::Short, Hold::Long)
        ),
        store!(
            "read-uncommitted",
            "read-uncommitted",
            "locking of writes only",
            Locking::new(Hold::None, Hold::Long)
        ),
        store!(
            "eventual",
            "read-uncommitted",
            "each write travels on its own; each read asks any replica",
            Eventual::new(objects)
        ),
    ]
}
