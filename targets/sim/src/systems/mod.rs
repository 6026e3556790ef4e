//! The lists of the simulated services, by what they are asked: honest ones first, then broken ones.

mod broken;
mod honest;

use history::{
    Operation, Register,
    ops::{
        Bank, Consensus, Counter, Election, Guarded, Lock, Queue, Rows, Set, Snapshot, UniqueIds,
    },
};

use crate::{
    Promise, Simulated,
    service::{Served, Service},
    system::Clients,
};

/// A service with its clients, each made anew for every run.
fn served<O, S, C>(
    name: &'static str,
    does: &'static str,
    promise: Promise,
    start: fn() -> (S, C),
) -> Simulated<O>
where
    O: Operation,
    S: Service<O> + 'static,
    C: Clients<O> + 'static,
{
    Simulated::new(name, does, promise, move || {
        let (service, clients) = start();
        (Served::new(service), clients)
    })
}

fn both<O: Operation>(
    mut honest: Vec<Simulated<O>>,
    broken: Vec<Simulated<O>>,
) -> Vec<Simulated<O>> {
    honest.extend(broken);
    honest
}

/// Registers.
pub fn registers() -> Vec<Simulated<Register>> {
    both(honest::registers(), broken::registers())
}

/// Sets that only grow.
pub fn sets() -> Vec<Simulated<Set>> {
    both(honest::sets(), broken::sets())
}

/// Counters.
pub fn counters() -> Vec<Simulated<Counter>> {
    both(honest::counters(), broken::counters())
}

/// Banks of [`ACCOUNTS`](crate::ACCOUNTS) accounts with a [`BALANCE`](crate::BALANCE) each.
pub fn banks() -> Vec<Simulated<Bank>> {
    both(honest::banks(), broken::banks())
}

/// Queues.
pub fn queues() -> Vec<Simulated<Queue>> {
    both(honest::queues(), broken::queues())
}

/// Locks.
pub fn locks() -> Vec<Simulated<Lock>> {
    both(honest::locks(), broken::locks())
}

/// Services that hand out ids.
pub fn unique_ids() -> Vec<Simulated<UniqueIds>> {
    both(honest::unique_ids(), broken::unique_ids())
}

/// Groups that elect a leader.
pub fn elections() -> Vec<Simulated<Election>> {
    both(honest::elections(), broken::elections())
}

/// Groups that decide.
pub fn decisions() -> Vec<Simulated<Consensus>> {
    both(honest::decisions(), broken::decisions())
}

/// Registers that are written once each and read several at a time.
pub fn snapshots() -> Vec<Simulated<Snapshot>> {
    both(honest::snapshots(), broken::snapshots())
}

/// Groups into which one row may be inserted.
pub fn guarded_inserts() -> Vec<Simulated<Guarded>> {
    both(honest::guarded_inserts(), broken::guarded_inserts())
}

/// Tables whose rows are written together.
pub fn tables() -> Vec<Simulated<Rows>> {
    both(honest::tables(), broken::tables())
}
