//! A lock that belongs to a session: whose session ends loses it, and nobody else does. Every owner gets a token, larger
//! than those before.

use std::collections::BTreeSet;

use history::{
    Outcome, Process,
    ops::{Lock, LockCall, LockOp, LockReturn},
};

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What a lock service does.
pub(crate) trait Rules {
    /// Whether it takes a lock back from someone whose session has not ended.
    fn takes_back(&self, _: &mut Rng) -> bool {
        false
    }
    /// The last token that it remembers after a crash.
    fn remembers(&self, token: i64) -> i64 {
        token
    }
    /// Whether it gives out tokens.
    fn tokens(&self) -> bool {
        true
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A lock service.
pub(crate) struct Sessions<R> {
    rules: R,
    owner: Option<Process>,
    token: i64,
    ended: BTreeSet<Process>,
}

impl<R> Sessions<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            owner: None,
            token: 0,
            ended: BTreeSet::new(),
        }
    }
}

impl<R: Rules> Service<Lock> for Sessions<R> {
    type Stage = ();

    fn serve(
        &mut self,
        from: Process,
        call: &LockCall,
        (): &mut (),
        _: &mut Rng,
    ) -> Progress<LockReturn> {
        if self.ended.contains(&from) {
            return Progress::Failed("session-ended");
        }
        match call.op {
            LockOp::Acquire if self.owner.is_some() => Progress::Failed("held"),
            LockOp::Acquire => {
                self.owner = Some(from);
                self.token += 1;
                Progress::Done(match self.rules.tokens() {
                    true => LockReturn::Token(self.token),
                    false => LockReturn::Done,
                })
            }
            LockOp::Release if self.owner == Some(from) => {
                self.owner = None;
                Progress::Done(LockReturn::Done)
            }
            LockOp::Release => Progress::Failed("not-held"),
        }
    }

    fn gone(&mut self, process: Process) {
        self.ended.insert(process);
        self.owner = self.owner.filter(|owner| *owner != process);
    }

    fn background(&mut self, rng: &mut Rng) {
        if self.rules.takes_back(rng) {
            self.owner = None;
        }
    }

    fn crash(&mut self, _: &mut Rng) {
        self.token = self.rules.remembers(self.token);
    }
}

/// Clients that acquire, and release what they have acquired.
#[derive(Default)]
pub(crate) struct Callers {
    owners: BTreeSet<Process>,
}

impl Clients<Lock> for Callers {
    fn next(&mut self, of: Process, _: &mut Rng) -> LockCall {
        let op = match self.owners.contains(&of) {
            true => LockOp::Release,
            false => LockOp::Acquire,
        };
        LockCall { key: None, op }
    }

    fn ended(&mut self, of: Process, call: &LockCall, outcome: &Outcome<LockReturn>) {
        match (call.op, outcome) {
            (LockOp::Acquire, Outcome::Ok(_)) => self.owners.insert(of),
            _ => self.owners.remove(&of),
        };
    }
}
