//! Guarded inserts under a lock on the predicate: who looks whether a group has a row keeps everyone else from inserting one.

use std::collections::BTreeSet;

use history::{
    Key, Process,
    ops::{Guarded, GuardedCall, GuardedReturn},
};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What guards an insert.
pub(crate) trait Rules {
    /// Whether nobody can insert between the look and the insert.
    fn locks_predicates(&self) -> bool {
        true
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// Groups of rows.
pub(crate) struct Groups<R> {
    rules: R,
    rows: BTreeSet<(Key, i64)>,
}

impl<R> Groups<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            rows: BTreeSet::new(),
        }
    }
}

impl<R: Rules> Service<Guarded> for Groups<R> {
    /// Whether it has looked.
    type Stage = bool;

    fn serve(
        &mut self,
        _: Process,
        call: &GuardedCall,
        looked: &mut bool,
        _: &mut Rng,
    ) -> Progress<GuardedReturn> {
        if !*looked && self.rows.iter().any(|(group, _)| *group == call.key) {
            return Progress::Failed("not-empty");
        }
        if !*looked && !self.rules.locks_predicates() {
            *looked = true;
            return Progress::Going;
        }
        self.rows.insert((call.key.clone(), call.row));
        Progress::Done(GuardedReturn)
    }
}

/// Clients that insert two or three rows into each group.
#[derive(Default)]
pub(crate) struct Callers {
    row: i64,
}

impl Clients<Guarded> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> GuardedCall {
        self.row += 1;
        GuardedCall {
            key: Key::Int(self.row / 3 + rng.random_range(0..2)),
            row: self.row,
        }
    }
}
