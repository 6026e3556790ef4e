//! The honest services, by what they are asked.

use history::{
    Register,
    ops::{
        Bank, Consensus, Counter, Election, Guarded, Lock, Queue, Rows, Set, Snapshot, UniqueIds,
    },
};

use super::served;
use crate::{
    Promise, Simulated,
    services::{
        bank, consensus, counter, election, guarded, lock, queue,
        quorum::{Majority, Quorum},
        register::{self, Followers, Leader},
        rows, set, snapshot, unique_ids,
    },
};

/// Registers.
pub(super) fn registers() -> Vec<Simulated<Register>> {
    let linearizable = Promise::Honest("linearizable");
    vec![
        served(
            "leader",
            "a leader answers everything",
            linearizable,
            || (Leader::new(register::Honest), register::Callers::new(true)),
        ),
        served(
            "majority-quorum",
            "reads and writes of majorities, with write-back",
            linearizable,
            || (Quorum::new(Majority), register::Callers::new(false)),
        ),
        served(
            "followers",
            "each client reads from its follower",
            Promise::Honest("sequential"),
            || (Followers::default(), register::Callers::new(true)),
        ),
    ]
}

/// Sets that only grow.
pub(super) fn sets() -> Vec<Simulated<Set>> {
    vec![
        served(
            "set",
            "a set at one place",
            Promise::Honest("linearizable"),
            || (set::OnePlace::new(set::Honest), set::Callers::default()),
        ),
        served(
            "merging-set",
            "replicas that merge",
            Promise::Honest("eventual"),
            || (set::Merging::default(), set::Callers::default()),
        ),
    ]
}

/// Counters.
pub(super) fn counters() -> Vec<Simulated<Counter>> {
    vec![served(
        "counter",
        "a counter at one place",
        Promise::Honest("linearizable"),
        || (counter::Sum::new(counter::Honest), counter::Callers),
    )]
}

/// Banks.
pub(super) fn banks() -> Vec<Simulated<Bank>> {
    vec![served(
        "bank",
        "transfers and reads at one moment each",
        Promise::Honest("linearizable"),
        || (bank::Accounts::new(bank::Honest), bank::Callers),
    )]
}

/// Queues.
pub(super) fn queues() -> Vec<Simulated<Queue>> {
    vec![
        served(
            "queue",
            "each message once",
            Promise::Honest("exactly-once"),
            || (queue::Broker::new(queue::Once), queue::Callers::default()),
        ),
        served(
            "at-least-once-queue",
            "each message until it is acknowledged",
            Promise::Honest("at-least-once"),
            || {
                (
                    queue::Broker::new(queue::AtLeastOnce),
                    queue::Callers::default(),
                )
            },
        ),
    ]
}

/// Locks.
pub(super) fn locks() -> Vec<Simulated<Lock>> {
    vec![served(
        "lock",
        "a lock per session, with fencing tokens",
        Promise::Honest("mutual-exclusion"),
        || (lock::Sessions::new(lock::Honest), lock::Callers::default()),
    )]
}

/// Services that hand out ids.
pub(super) fn unique_ids() -> Vec<Simulated<UniqueIds>> {
    vec![served(
        "unique-ids",
        "a counter that forgets nothing",
        Promise::Honest("unique-ids"),
        || {
            (
                unique_ids::Counting::new(unique_ids::Honest),
                unique_ids::Callers,
            )
        },
    )]
}

/// Groups that elect a leader.
pub(super) fn elections() -> Vec<Simulated<Election>> {
    vec![served(
        "election",
        "votes on the disk",
        Promise::Honest("election"),
        || (election::Group::new(election::Honest), election::Callers),
    )]
}

/// Groups that decide.
pub(super) fn decisions() -> Vec<Simulated<Consensus>> {
    vec![served(
        "paxos",
        "single decisions by majorities",
        Promise::Honest("consensus"),
        || {
            (
                consensus::Paxos::new(consensus::Honest),
                consensus::Callers::default(),
            )
        },
    )]
}

/// Registers that are written once each and read several at a time.
pub(super) fn snapshots() -> Vec<Simulated<Snapshot>> {
    vec![served(
        "snapshot",
        "one log",
        Promise::Honest("strict-serializable"),
        || {
            (
                snapshot::Registers::new(snapshot::Honest),
                snapshot::Callers::default(),
            )
        },
    )]
}

/// Groups into which one row may be inserted.
pub(super) fn guarded_inserts() -> Vec<Simulated<Guarded>> {
    vec![served(
        "guarded-inserts",
        "locks on predicates",
        Promise::Honest("serializable"),
        || {
            (
                guarded::Groups::new(guarded::Honest),
                guarded::Callers::default(),
            )
        },
    )]
}

/// Tables whose rows are written together.
pub(super) fn tables() -> Vec<Simulated<Rows>> {
    vec![served(
        "table",
        "all rows at one moment",
        Promise::Honest("atomic-commit"),
        || (rows::Table::new(rows::Honest), rows::Callers::default()),
    )]
}
