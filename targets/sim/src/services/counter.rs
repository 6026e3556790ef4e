//! A counter that adds at one moment: linearizable.

use history::{
    Process,
    ops::{Counter, CounterCall, CounterOp, CounterReturn},
};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What a counter does.
pub(crate) trait Rules {
    /// Whether reading, adding and writing is one step.
    fn atomic(&self) -> bool {
        true
    }
    /// How often an amount is added.
    fn times(&self, _: &mut Rng) -> i64 {
        1
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A counter.
pub(crate) struct Sum<R> {
    rules: R,
    value: i64,
}

impl<R> Sum<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self { rules, value: 0 }
    }
}

impl<R: Rules> Service<Counter> for Sum<R> {
    /// What was read.
    type Stage = Option<i64>;

    fn serve(
        &mut self,
        _: Process,
        call: &CounterCall,
        read: &mut Option<i64>,
        rng: &mut Rng,
    ) -> Progress<CounterReturn> {
        let CounterOp::Add(amount) = call.op else {
            return Progress::Done(CounterReturn::Value(self.value));
        };
        if read.is_none() && !self.rules.atomic() {
            *read = Some(self.value);
            return Progress::Going;
        }
        self.value = read.unwrap_or(self.value) + amount * self.rules.times(rng);
        Progress::Done(CounterReturn::Done)
    }
}

/// Clients that add and read.
pub(crate) struct Callers;

impl Clients<Counter> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> CounterCall {
        let op = match rng.random_bool(0.5) {
            true => CounterOp::Read,
            false => CounterOp::Add(rng.random_range(1..5)),
        };
        CounterCall { key: None, op }
    }
}
