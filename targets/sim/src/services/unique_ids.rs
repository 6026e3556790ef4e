//! A service that counts, and hands out the count.

use history::{
    Key, Process,
    ops::{UniqueIds, UniqueIdsCall, UniqueIdsReturn},
};

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What the service does.
pub(crate) trait Rules {
    /// Where it goes on after a crash.
    fn remembers(&self, next: i64) -> i64 {
        next
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A service that counts.
pub(crate) struct Counting<R> {
    rules: R,
    next: i64,
}

impl<R> Counting<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self { rules, next: 0 }
    }
}

impl<R: Rules> Service<UniqueIds> for Counting<R> {
    type Stage = ();

    fn serve(
        &mut self,
        _: Process,
        _: &UniqueIdsCall,
        (): &mut (),
        _: &mut Rng,
    ) -> Progress<UniqueIdsReturn> {
        self.next += 1;
        Progress::Done(UniqueIdsReturn(Key::Int(self.next)))
    }

    fn crash(&mut self, _: &mut Rng) {
        self.next = self.rules.remembers(self.next);
    }
}

/// Clients that ask for ids.
pub(crate) struct Callers;

impl Clients<UniqueIds> for Callers {
    fn next(&mut self, _: Process, _: &mut Rng) -> UniqueIdsCall {
        UniqueIdsCall
    }
}
