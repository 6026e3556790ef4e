//! The broken services, by what they are asked.

use history::{
    Register,
    ops::{
        Bank, Consensus, Counter, Election, Guarded, Lock, Queue, Rows, Set, Snapshot, UniqueIds,
    },
};

use super::served;
use crate::{
    Simulated,
    broken::{
        added_twice, compare_then_set, counted_twice, disordered_writes, expired_lease,
        forgotten_decision, forgotten_term, forgotten_token, forgotten_vote, forked_reads,
        lost_elements, lost_increment, lost_messages, missed_write, no_write_back, overdraft,
        own_value_first, phantom_insert, redelivery, refused_but_kept, repeated_ids,
        rollback_in_name, sloppy_quorum, stale_follower, stale_set, torn_read, torn_write,
        unsynced_log,
    },
    services::{
        bank, consensus, counter, election, guarded, lock, queue,
        quorum::Quorum,
        register::{self, Leader},
        rows, set, snapshot, unique_ids,
    },
    stores::bug,
};

/// Broken registers.
pub(super) fn registers() -> Vec<Simulated<Register>> {
    vec![
        served(
            "stale-follower",
            "followers answer reads",
            bug("linearizable", "stale-read", &[]),
            || {
                (
                    Leader::new(stale_follower::ReadsAnywhere),
                    register::Callers::new(true),
                )
            },
        ),
        served(
            "unsynced-log",
            "a crash takes the end of the log along",
            bug("linearizable", "lost-write", &[]),
            || {
                (
                    Leader::new(unsynced_log::Unsynced),
                    register::Callers::new(true),
                )
            },
        ),
        served(
            "compare-then-set",
            "compares, and sets later",
            bug("linearizable", "forked-cas", &[]),
            || {
                (
                    Leader::new(compare_then_set::CompareThenSet),
                    register::Callers::new(true),
                )
            },
        ),
        served(
            "refused-but-kept",
            "refuses writes and keeps them",
            bug("linearizable", "aborted-read", &[]),
            || {
                (
                    Leader::new(refused_but_kept::Keeps),
                    register::Callers::new(true),
                )
            },
        ),
        served(
            "sloppy-quorum",
            "quorums of two out of five",
            bug("linearizable", "stale-read", &[]),
            || {
                (
                    Quorum::new(sloppy_quorum::TwoOfFive),
                    register::Callers::new(false),
                )
            },
        ),
        served(
            "no-write-back",
            "majorities, without write-back",
            bug("linearizable", "non-monotonic-read", &[]),
            || {
                (
                    Quorum::new(no_write_back::ReadsOnly),
                    register::Callers::new(false),
                )
            },
        ),
    ]
}

/// Broken sets.
pub(super) fn sets() -> Vec<Simulated<Set>> {
    vec![
        served(
            "lost-elements",
            "a crash takes the last elements along",
            bug("eventual", "lost-element", &[]),
            || {
                (
                    set::OnePlace::new(lost_elements::InMemory),
                    set::Callers::default(),
                )
            },
        ),
        served(
            "stale-set",
            "followers answer reads",
            bug("linearizable", "stale-read", &[]),
            || {
                (
                    set::OnePlace::new(stale_set::ReadsAnywhere),
                    set::Callers::default(),
                )
            },
        ),
        served(
            "added-twice",
            "a retry adds again",
            bug("eventual", "duplicate-element", &[]),
            || {
                (
                    set::OnePlace::new(added_twice::Retries),
                    set::Callers::default(),
                )
            },
        ),
    ]
}

/// Broken counters.
pub(super) fn counters() -> Vec<Simulated<Counter>> {
    vec![
        served(
            "lost-increment",
            "reads, adds and writes",
            bug("linearizable", "counter-too-low", &[]),
            || {
                (
                    counter::Sum::new(lost_increment::ReadThenWrite),
                    counter::Callers,
                )
            },
        ),
        served(
            "counted-twice",
            "a retry adds again",
            bug("linearizable", "counter-too-high", &[]),
            || {
                (
                    counter::Sum::new(counted_twice::TriesAgain),
                    counter::Callers,
                )
            },
        ),
    ]
}

/// Broken banks.
pub(super) fn banks() -> Vec<Simulated<Bank>> {
    vec![
        served(
            "torn-read",
            "reads account by account",
            bug("linearizable", "wrong-total", &[]),
            || {
                (
                    bank::Accounts::new(torn_read::AccountByAccount),
                    bank::Callers,
                )
            },
        ),
        served(
            "overdraft",
            "looks first and takes later",
            bug("linearizable", "negative-balance", &[]),
            || (bank::Accounts::new(overdraft::LooksFirst), bank::Callers),
        ),
    ]
}

/// Broken queues.
pub(super) fn queues() -> Vec<Simulated<Queue>> {
    vec![
        served(
            "lost-messages",
            "a crash takes the newest messages along",
            bug("at-least-once", "lost-message", &[]),
            || {
                (
                    queue::Broker::new(lost_messages::InMemory),
                    queue::Callers::default(),
                )
            },
        ),
        served(
            "redelivery",
            "delivers again what was not acknowledged in time",
            bug("exactly-once", "duplicate-delivery", &[]),
            || {
                (
                    queue::Broker::new(redelivery::Impatient),
                    queue::Callers::default(),
                )
            },
        ),
    ]
}

/// Broken locks.
pub(super) fn locks() -> Vec<Simulated<Lock>> {
    vec![
        served(
            "expired-lease",
            "a lease that ends while its owner works",
            bug("mutual-exclusion", "two-owners", &[]),
            || {
                (
                    lock::Sessions::new(expired_lease::Expires),
                    lock::Callers::default(),
                )
            },
        ),
        served(
            "forgotten-token",
            "tokens start again after a crash",
            bug("mutual-exclusion", "fencing-token-backwards", &[]),
            || {
                (
                    lock::Sessions::new(forgotten_token::StartsAgain),
                    lock::Callers::default(),
                )
            },
        ),
    ]
}

/// Broken services that hand out ids.
pub(super) fn unique_ids() -> Vec<Simulated<UniqueIds>> {
    vec![served(
        "repeated-ids",
        "a count that is saved now and then",
        bug("unique-ids", "duplicate-id", &[]),
        || {
            (
                unique_ids::Counting::new(repeated_ids::EveryTenth),
                unique_ids::Callers,
            )
        },
    )]
}

/// Broken groups that elect a leader.
pub(super) fn elections() -> Vec<Simulated<Election>> {
    vec![
        served(
            "forgotten-vote",
            "a crash takes the vote along",
            bug("election", "two-leaders", &[]),
            || {
                (
                    election::Group::new(forgotten_vote::VotesTwice),
                    election::Callers,
                )
            },
        ),
        served(
            "forgotten-term",
            "a crash takes the term along",
            bug("election", "term-backwards", &[]),
            || {
                (
                    election::Group::new(forgotten_term::EveryFourth),
                    election::Callers,
                )
            },
        ),
    ]
}

/// Broken decisions.
pub(super) fn decisions() -> Vec<Simulated<Consensus>> {
    vec![
        served(
            "own-value-first",
            "a proposer that insists",
            bug("consensus", "two-decisions", &[]),
            || {
                (
                    consensus::Paxos::new(own_value_first::Insists),
                    consensus::Callers::default(),
                )
            },
        ),
        served(
            "forgotten-decision",
            "a crash takes the decision along",
            bug("consensus", "decision-forgotten", &[]),
            || {
                (
                    consensus::Paxos::new(forgotten_decision::Forgets),
                    consensus::Callers::default(),
                )
            },
        ),
    ]
}

/// Broken reads of several registers.
pub(super) fn snapshots() -> Vec<Simulated<Snapshot>> {
    vec![
        served(
            "forked-reads",
            "each client's writes in its order",
            bug("long-fork", "long-fork", &[]),
            || {
                (
                    snapshot::Registers::new(forked_reads::ClientByClient),
                    snapshot::Callers::default(),
                )
            },
        ),
        served(
            "disordered-writes",
            "writes as they come",
            bug("sequential", "sequential-violation", &[]),
            || {
                (
                    snapshot::Registers::new(disordered_writes::AsTheyCome),
                    snapshot::Callers::default(),
                )
            },
        ),
        served(
            "missed-write",
            "each shard by its own clock",
            bug("causal-reverse", "causal-reverse", &[]),
            || {
                (
                    snapshot::Registers::new(missed_write::ClockOfEachShard),
                    snapshot::Callers::default(),
                )
            },
        ),
    ]
}

/// Broken guarded inserts.
pub(super) fn guarded_inserts() -> Vec<Simulated<Guarded>> {
    vec![served(
        "phantom-insert",
        "locks on rows",
        bug("serializable", "predicate-write-skew", &[]),
        || {
            (
                guarded::Groups::new(phantom_insert::LocksRows),
                guarded::Callers::default(),
            )
        },
    )]
}

/// Broken tables.
pub(super) fn tables() -> Vec<Simulated<Rows>> {
    vec![
        served(
            "torn-write",
            "rows become visible one by one",
            bug("atomic-commit", "fractured-read", &[]),
            || {
                (
                    rows::Table::new(torn_write::RowByRow),
                    rows::Callers::default(),
                )
            },
        ),
        served(
            "rollback-in-name",
            "a rollback that is not done",
            bug("atomic-commit", "aborted-read", &[]),
            || {
                (
                    rows::Table::new(rollback_in_name::LeavesIt),
                    rows::Callers::default(),
                )
            },
        ),
    ]
}
