//! Counters.

use history::{
    Span,
    ops::{Counter, CounterCall, CounterOp, CounterReturn},
};

use crate::linear::{Calls, Effect, Model, Object, once};

/// A sum. Witnesses lose reads only: every addition shows in all later sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Count(i64);

impl Model for Count {
    type Op = Counter;

    fn step(&self, call: &CounterCall, ret: Option<&CounterReturn>) -> Option<Self> {
        let next = match call.op {
            CounterOp::Add(n) => Self(self.0.wrapping_add(n)),
            CounterOp::Read => *self,
        };
        match ret {
            Some(CounterReturn::Value(told)) if *told != next.0 => None,
            _ => Some(next),
        }
    }

    fn effect(call: &CounterCall) -> Effect {
        match call.op {
            CounterOp::Add(_) => Effect::Updates,
            CounterOp::Read => Effect::Observes,
        }
    }
}

impl Object for Count {
    const NAME: &'static str = "counter";
    type Recorded = Counter;

    fn initially(value: Option<i64>) -> Self {
        Self(value.unwrap_or_default())
    }

    fn asked(span: &Span<Counter>, _: usize) -> Calls<Self::Op> {
        once(span)
    }
}
