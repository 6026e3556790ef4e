//! The broken stores of transactions.

use history::Txn;

use super::{bug, simulated};
use crate::{
    Objects, Simulated,
    broken::{
        bit_rot, blind_sites, dirty_reads, duplicate_append, early_unlock, effect_first,
        forgetful_sessions, forgotten_commits, late_write, long_fork, lost_update,
        missing_siblings, no_read_locks, resurrected_abort, roaming_sessions, second_attempt,
        skewed_clock, stale_reads, statement_snapshots, torn_commit, unread_own_writes, write_skew,
    },
    txn::{
        engine::{Random, Transactions},
        locking::{Hold, Locking},
        read_atomic::ReadAtomic,
        replicas::Replicas,
        sharded::Sharded,
        snapshots::{Optimistic, Snapshots},
        timestamps::Timestamps,
    },
};

/// All of them. Some bugs show in lists only, since a register forgets what it held.
pub(super) fn stores(objects: Objects) -> Vec<Simulated<Txn>> {
    macro_rules! store {
        ($name:literal, $does:literal, $promised:literal, $code:literal, [$($keeps:literal),*], $engine:expr) => {
            simulated($name, $does, bug($promised, $code, &[$($keeps),*]), objects, || $engine)
        };
    }
    let mut all = vec![
        store!(
            "lost-update",
            "snapshot isolation in which everyone may commit",
            "snapshot-isolation",
            "lost-update",
            ["read-atomic"],
            Snapshots::new(lost_update::NobodyWins)
        ),
        store!(
            "write-skew",
            "optimistic, without validation of reads",
            "strict-serializable",
            "G2-item",
            ["strong-snapshot-isolation"],
            Snapshots::new(write_skew::WritesOnly)
        ),
        store!(
            "statement-snapshots",
            "snapshot isolation with a snapshot per statement",
            "snapshot-isolation",
            "G-single",
            ["monotonic-atomic-view"],
            Snapshots::new(statement_snapshots::PerStatement)
        ),
        store!(
            "stale-reads",
            "optimistic, with read-only transactions on a follower that lags",
            "strict-serializable",
            "G-single-realtime",
            ["serializable"],
            Snapshots::new(stale_reads::FromFollowers)
        ),
        store!(
            "forgetful-sessions",
            "snapshots that need not have what the session did",
            "strong-session-snapshot-isolation",
            "G-single-session",
            ["snapshot-isolation"],
            Snapshots::new(forgetful_sessions::NewSessions)
        ),
        store!(
            "long-fork",
            "snapshot isolation over sites that replicate later",
            "snapshot-isolation",
            "G-nonadjacent",
            ["parallel-snapshot-isolation"],
            Replicas::new(long_fork::Sites)
        ),
        store!(
            "blind-sites",
            "sites that do not ask each other before they commit",
            "parallel-snapshot-isolation",
            "lost-update",
            ["read-atomic"],
            Replicas::new(blind_sites::Blind)
        ),
        store!(
            "missing-siblings",
            "read atomic without a second round",
            "read-atomic",
            "fractured-read",
            ["read-committed"],
            ReadAtomic::new(missing_siblings::OneRound)
        ),
        store!(
            "torn-commit",
            "a monotonic atomic view, shard by shard",
            "monotonic-atomic-view",
            "non-monotonic-view",
            ["read-committed"],
            Sharded::new(torn_commit::OneAfterTheOther)
        ),
        store!(
            "dirty-reads",
            "read committed through the locks",
            "read-committed",
            "G1a",
            ["read-uncommitted"],
            Sharded::new(dirty_reads::ThroughTheLocks)
        ),
        store!(
            "no-read-locks",
            "two-phase locking with short read locks",
            "repeatable-read",
            "lost-update",
            ["monotonic-atomic-view"],
            no_read_locks::no_read_locks()
        ),
        store!(
            "late-write",
            "timestamp ordering that forgets who has read",
            "serializable",
            "G-single",
            [],
            Timestamps::new(late_write::NeverLate)
        ),
        store!(
            "skewed-clock",
            "timestamp ordering with clocks that are trusted to agree",
            "strict-serializable",
            "G-single-realtime",
            ["serializable"],
            Timestamps::new(skewed_clock::Trusting)
        ),
        store!(
            "resurrected-abort",
            "optimistic, and a replay that brings back what was rolled back",
            "strict-serializable",
            "G1a",
            [],
            resurrected_abort::ReplaysAll::new(Snapshots::new(Optimistic))
        ),
        store!(
            "unread-own-writes",
            "two-phase locking that reads past the own writes",
            "repeatable-read",
            "internal",
            [],
            unread_own_writes::PastTheBuffer::new(Locking::new(Hold::Long, Hold::Long))
        ),
        store!(
            "bit-rot",
            "optimistic, on a disk that forgets",
            "strict-serializable",
            "garbage-read",
            [],
            bit_rot::Unchecked(Snapshots::new(Optimistic))
        ),
    ];
    match objects {
        Objects::Lists => all.extend([
            store!(
                "early-unlock",
                "locking that lets go of write locks at once",
                "repeatable-read",
                "G0",
                [],
                early_unlock::early_unlock()
            ),
            store!(
                "forgotten-commits",
                "optimistic, and a crash takes commits along",
                "strict-serializable",
                "incompatible-order",
                [],
                Snapshots::new(forgotten_commits::SyncsLater)
            ),
            store!(
                "duplicate-append",
                "optimistic, and commits are sent again",
                "strict-serializable",
                "duplicate-elements",
                [],
                duplicate_append::SendsAgain::new(Snapshots::new(Optimistic))
            ),
        ]),
        // Over lists, an update of what was not seen looks like one of what was not waited for.
        Objects::Registers => all.extend([
            store!(
                "effect-first",
                "causal, without waiting for causes",
                "causal",
                "G-single-session",
                ["read-atomic"],
                Replicas::new(effect_first::Impatient)
            ),
            store!(
                "roaming-sessions",
                "causal, and sessions may go anywhere",
                "causal",
                "G-single-session",
                ["read-atomic"],
                Replicas::new(roaming_sessions::AnyReplica)
            ),
            Simulated::new(
                "second-attempt",
                "optimistic, and transactions are tried again",
                bug("strict-serializable", "future-read", &[]),
                || {
                    let engine = Box::new(Snapshots::new(Optimistic));
                    let system = Transactions::new(engine, Objects::Registers);
                    (
                        second_attempt::TriesTwice::new(system),
                        Random::new(Objects::Registers),
                    )
                },
            ),
        ]),
    }
    all
}
