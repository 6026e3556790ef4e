//! A driver that repeats a transaction when it did not hear that it committed, and returns what the second attempt saw: a
//! transaction that reads what it has yet to write.

use std::collections::BTreeMap;

use history::{Process, Txn, TxnCall, TxnReturn};
use rand::RngExt;

use crate::system::{Progress, Rng, System, Ticket};

/// Tries twice.
pub(crate) struct TriesTwice<S> {
    system: S,
    calls: BTreeMap<Ticket, (Process, TxnCall)>,
}

impl<S> TriesTwice<S> {
    pub(crate) fn new(system: S) -> Self {
        Self {
            system,
            calls: BTreeMap::new(),
        }
    }
}

impl<S: System<Txn>> System<Txn> for TriesTwice<S> {
    fn take(&mut self, ticket: Ticket, from: Process, call: &TxnCall) {
        self.calls.insert(ticket, (from, call.clone()));
        self.system.take(ticket, from, call);
    }

    fn step(&mut self, ticket: Ticket, rng: &mut Rng) -> Progress<TxnReturn> {
        let progress = self.system.step(ticket, rng);
        if matches!(progress, Progress::Done(_))
            && let Some((from, call)) = self.calls.remove(&ticket)
            && rng.random_bool(0.05)
        {
            self.system.take(ticket, from, &call);
            return Progress::Going;
        }
        progress
    }

    fn give_up(&mut self, ticket: Ticket) {
        self.system.give_up(ticket);
    }

    fn background(&mut self, rng: &mut Rng) {
        self.system.background(rng);
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.system.crash(rng);
    }
}
