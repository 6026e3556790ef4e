//! A question for the search and the oracle: calls on one object, reduced to what matters.
//!
//! Equal calls with equal returns share a *class*, so that the model is asked once per class and state, and identical
//! calls can be recognized by comparing two numbers.

use history::Operation;

use super::model::{Effect, Model};

type Call<M> = <<M as Model>::Op as Operation>::Call;
type Return<M> = <<M as Model>::Op as Operation>::Return;

/// The end of a call whose end nobody knows: it may take effect at any time after its start, or never.
pub const NEVER: u32 = u32::MAX;

/// How many classes are looked through for an equal one. A miss costs the search time, never correctness.
const LOOK_BACK: usize = 64;

/// Calls on one object, in the order in which they were made.
#[derive(Debug, Clone)]
pub struct Problem<M: Model> {
    pub(crate) initial: M,
    pub(crate) classes: Vec<Class<M>>,
    pub(crate) ops: Vec<Op>,
}

#[derive(Debug, Clone)]
pub(crate) struct Class<M: Model> {
    pub(crate) call: Call<M>,
    pub(crate) ret: Option<Return<M>>,
    pub(crate) effect: Effect,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Op {
    pub(crate) class: u32,
    /// Position of the invocation in the record.
    pub(crate) start: u32,
    /// Position of the completion in the record, or [`NEVER`].
    pub(crate) end: u32,
}

impl<M: Model> Class<M> {
    pub(crate) fn step(&self, state: &M) -> Option<M> {
        state.step(&self.call, self.ret.as_ref())
    }
}

impl<M: Model> Problem<M> {
    /// No calls yet, on an object in this state.
    pub fn new(initial: M) -> Self {
        Self {
            initial,
            classes: Vec::new(),
            ops: Vec::new(),
        }
    }

    /// The first state, told all answers: see [`Model::foreseeing`].
    pub(crate) fn foreseen(&self) -> M {
        let answers = self.classes.iter().filter_map(|class| class.ret.as_ref());
        self.initial.clone().foreseeing(answers)
    }

    /// Adds a call. Starts must grow from call to call, and no two starts or ends may be the same, [`NEVER`] apart. `ret`
    /// is `None` where nobody knows the answer, and `end` is [`NEVER`] where nobody knows whether it took effect; if both an
    /// answer and `NEVER` are given, it took effect with that answer or not at all. Failed calls are left out.
    pub fn call(&mut self, call: Call<M>, ret: Option<Return<M>>, start: u32, end: u32) {
        let recent = self.classes.iter().rev().take(LOOK_BACK);
        let mut recent = recent.map(|c| c.call == call && c.ret == ret);
        let class = match recent.position(|same| same) {
            Some(back) => (self.classes.len() - 1 - back) as u32,
            None => self.class(call, ret),
        };
        self.push(class, start, end);
    }

    /// Adds a class that differs from all others.
    pub(crate) fn class(&mut self, call: Call<M>, ret: Option<Return<M>>) -> u32 {
        let effect = M::effect(&call);
        self.classes.push(Class { call, ret, effect });
        (self.classes.len() - 1) as u32
    }

    pub(crate) fn push(&mut self, class: u32, start: u32, end: u32) {
        debug_assert!(self.ops.last().is_none_or(|last| last.start < start));
        debug_assert!(start < end);
        self.ops.push(Op { class, start, end });
    }
}

/// What was decided about a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is an order.
    Linearizable,
    /// There is none: the call that ended here cannot be put anywhere, whatever the order of those before.
    Violation {
        /// The end of that call.
        at: u32,
    },
    /// The budget ran out. Everything before the call that ended here has an order.
    Exhausted {
        /// The end of that call.
        at: u32,
    },
}
