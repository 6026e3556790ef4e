//! What a system promises when one call is made at a time.

use std::{fmt::Debug, hash::Hash};

use history::{Operation, Register, RegisterCall, RegisterOp, RegisterReturn};

/// A sequential specification: the state of one object, and what each call does to it.
///
/// A new model is about twenty lines. A counter that only grows, and that says what it has become:
///
/// ```
/// use schism_checkers::linear::{Answer, Model, Problem, search};
/// use history::Operation;
///
/// #[derive(Debug, Clone, PartialEq)]
/// struct Counter;
/// impl Operation for Counter {
///     type Call = u64; // how much to add
///     type Return = u64; // what it is then
/// }
///
/// #[derive(Debug, Clone, PartialEq, Eq, Hash)]
/// struct Count(u64);
/// impl Model for Count {
///     type Op = Counter;
///     fn step(&self, add: &u64, ret: Option<&u64>) -> Option<Self> {
///         let next = self.0 + add;
///         ret.is_none_or(|seen| *seen == next).then_some(Self(next))
///     }
/// }
///
/// // Two calls, one after the other; the second did not see the first.
/// let mut problem = Problem::new(Count(0));
/// problem.call(1, Some(1), 0, 1);
/// problem.call(1, Some(1), 2, 3);
/// assert!(matches!(search(&problem, Default::default()), Answer::Violation { .. }));
/// ```
pub trait Model: Clone + Eq + Hash + Debug {
    /// The operation it specifies.
    type Op: Operation;

    /// The state after `call`, if the call can return `ret` in this state; `ret` is `None` when nobody knows what it
    /// returned, and then only an effect is asked for.
    fn step(
        &self,
        call: &<Self::Op as Operation>::Call,
        ret: Option<&<Self::Op as Operation>::Return>,
    ) -> Option<Self>;

    /// The same state, for a search among calls of which these are all the answers that are known. What no such answer
    /// tells apart may become equal from here on: of two such states each call must be possible in both or in neither, and
    /// lead to two such states or to one. The search has fewer to go through then; the default tells everything apart.
    fn foreseeing<'a>(
        self,
        _answers: impl Iterator<Item = &'a <Self::Op as Operation>::Return>,
    ) -> Self
    where
        <Self::Op as Operation>::Return: 'a,
    {
        self
    }

    /// What is known about a call in every state. The search is faster for it; the default claims nothing.
    fn effect(_call: &<Self::Op as Operation>::Call) -> Effect {
        Effect::Updates
    }
}

/// How a call relates to the state, whatever the state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Never changes it.
    Observes,
    /// Always possible, returns nothing that depends on it, and leaves a state that does not depend on it.
    Overwrites,
    /// Anything else.
    Updates,
}

/// One register with read, write and compare-and-set; `None` is absent. A plain register is one that nobody asks for a
/// compare-and-set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CasRegister(pub Option<i64>);

impl Model for CasRegister {
    type Op = Register;

    fn step(&self, call: &RegisterCall, ret: Option<&RegisterReturn>) -> Option<Self> {
        match (call.op, ret) {
            (RegisterOp::Read, Some(RegisterReturn::Value(seen))) if *seen != self.0 => None,
            (RegisterOp::Read, _) => Some(*self),
            (RegisterOp::Write(v), _) => Some(Self(Some(v))),
            (RegisterOp::Cas { from, to }, _) => (self.0 == Some(from)).then_some(Self(Some(to))),
        }
    }

    fn effect(call: &RegisterCall) -> Effect {
        match call.op {
            RegisterOp::Read => Effect::Observes,
            RegisterOp::Write(_) => Effect::Overwrites,
            RegisterOp::Cas { .. } => Effect::Updates,
        }
    }
}
