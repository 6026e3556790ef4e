//! What to do next, as data.

use history::{Event, Nanos, Operation};

/// Index of a worker, below [`Workers::MAX`].
pub type Worker = usize;

/// A set of workers, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workers(pub u128);

/// What a generator may look at. Combinators that narrow who may work hand a narrowed copy to their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Now.
    pub now: Nanos,
    /// The workers that this generator may use at all.
    pub workers: Workers,
    /// Those of them that are idle.
    pub free: Workers,
}

/// What a generator answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<C> {
    /// Do this now, on any of these workers. The scheduler chooses which; the call may also wait in a combinator,
    /// without going stale, until one of them is free.
    Call(C, Workers),
    /// Nothing before this time.
    NotBefore(Nanos),
    /// Nothing until something changes.
    Pending,
    /// Nothing, ever again.
    Done,
}

/// A source of calls. Pure: time is in the context, randomness comes from a seed given at construction.
pub trait Generator<O: Operation>: Send {
    /// The next call, if there is one. Only called while a worker of `cx.workers` is free.
    fn next(&mut self, cx: &Context) -> Next<O::Call>;
    /// Told of every event; most generators do not care.
    fn update(&mut self, _cx: &Context, _event: &Event<O>) {}
}

impl<O: Operation> Generator<O> for Box<dyn Generator<O>> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        (**self).next(cx)
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        (**self).update(cx, event);
    }
}
