//! What to do next, as data.

use history::{Event, Moment, Nanos, Operation, Process};

use crate::{Worker, Workers};

/// What a generator may look at. Combinators that narrow who may work hand a narrowed copy to their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Now.
    pub now: Nanos,
    /// The workers that this generator may use at all.
    pub workers: Workers,
    /// Those of them that are idle.
    pub free: Workers,
    /// How many workers the whole run has: worker = process modulo this.
    pub concurrency: usize,
}

impl Context {
    /// The worker that drives a process.
    pub fn worker(&self, process: Process) -> Worker {
        process.0 as usize % self.concurrency.max(1)
    }
    /// The same, with no other workers than these.
    #[must_use]
    pub fn narrow(&self, to: &Workers) -> Self {
        Self {
            workers: self.workers.and(to),
            free: self.free.and(to),
            ..*self
        }
    }
    /// Whether no call is open among the workers that this generator may use.
    pub fn idle(&self) -> bool {
        self.free == self.workers
    }
}

/// What a generator answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<C> {
    /// Do this now, on any of these workers, of which at least one should be free. The scheduler chooses which. The
    /// call is given away: whoever receives it passes it on.
    Call(C, Workers),
    /// Nothing before this time, unless something changes: after an event, the generator is asked again.
    NotBefore(Nanos),
    /// Nothing until something changes.
    Pending,
    /// Say this to people, then ask again.
    Log(String),
    /// Nothing, ever again.
    Done,
}

/// A source of calls. Pure: time is in the context, randomness comes from a seed given at construction. The contract
/// is in the [crate's documentation](crate).
pub trait Generator<O: Operation>: Send {
    /// The next call, if there is one. Only called while a worker of `cx.workers` is free.
    fn next(&mut self, cx: &Context) -> Next<O::Call>;
    /// Told of every event on the workers it may use; most generators do not care.
    fn update(&mut self, _cx: &Context, _event: &Event<O>) {}
}

/// A generator of any type, for lists of unlike ones.
pub type Boxed<O> = Box<dyn Generator<O>>;

impl<O: Operation, G: Generator<O> + ?Sized> Generator<O> for Box<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        (**self).next(cx)
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        (**self).update(cx, event);
    }
}

/// `None` is a generator that is done.
impl<O: Operation, G: Generator<O>> Generator<O> for Option<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let Some(inner) = self else {
            return Next::Done;
        };
        let next = inner.next(cx);
        if matches!(next, Next::Done) {
            *self = None;
        }
        next
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        if let Some(inner) = self {
            inner.update(cx, event);
        }
    }
}

/// Which calls a combinator itself gave away. The first invocation after an answer [`Next::Call`] is that call: the
/// scheduler asks for nothing in between.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    awaited: bool,
    open: Vec<Process>,
}

impl Own {
    /// Looks at an answer on its way up.
    pub(crate) fn gave<C>(&mut self, next: &Next<C>) {
        self.awaited |= matches!(next, Next::Call(..));
    }
    /// Looks at an event on its way down. `true` if it ends one of these calls.
    pub(crate) fn ends<O: Operation>(&mut self, event: &Event<O>) -> bool {
        match event.moment {
            Moment::Invoke(_) => {
                if std::mem::take(&mut self.awaited) {
                    self.open.push(event.process);
                }
                false
            }
            Moment::Complete(_) => match self.open.iter().position(|p| *p == event.process) {
                Some(at) => {
                    self.open.swap_remove(at);
                    true
                }
                None => false,
            },
        }
    }
}
