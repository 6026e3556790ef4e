//! One after the other. The next begins when the one before is done *and* no call is open among their workers: what
//! a phase assumes (faults are healed, everything was written) is then true for all of its calls.

use std::collections::VecDeque;

use history::{Event, Operation};

use crate::{Boxed, Context, Generator, Next};

/// See [`GeneratorExt::then`](crate::GeneratorExt::then).
#[derive(Debug, Clone)]
pub struct Then<A, B> {
    first: Option<A>,
    second: B,
    /// Between the end of the first and the moment at which its calls have ended.
    draining: bool,
}

impl<A, B> Then<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self {
            first: Some(first),
            second,
            draining: false,
        }
    }
}

impl<O: Operation, A: Generator<O>, B: Generator<O>> Generator<O> for Then<A, B> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if let Some(first) = &mut self.first {
            match first.next(cx) {
                Next::Done => {
                    self.first = None;
                    self.draining = true;
                }
                other => return other,
            }
        }
        if self.draining && !cx.idle() {
            return Next::Pending;
        }
        self.draining = false;
        self.second.next(cx)
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        match &mut self.first {
            Some(first) => first.update(cx, event),
            None => self.second.update(cx, event),
        }
    }
}

/// See [`phases`].
pub struct Phases<O: Operation> {
    left: VecDeque<Boxed<O>>,
    draining: bool,
}

/// Any number of generators, one after the other, each beginning when the calls of the one before have ended.
pub fn phases<O: Operation>(phases: impl IntoIterator<Item = Boxed<O>>) -> Phases<O> {
    Phases {
        left: phases.into_iter().collect(),
        draining: false,
    }
}

impl<O: Operation> Generator<O> for Phases<O> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        loop {
            let Some(phase) = self.left.front_mut() else {
                return Next::Done;
            };
            if self.draining && !cx.idle() {
                return Next::Pending;
            }
            self.draining = false;
            match phase.next(cx) {
                Next::Done => {
                    self.left.pop_front();
                    self.draining = true;
                }
                other => return other,
            }
        }
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        if let Some(phase) = self.left.front_mut() {
            phase.update(cx, event);
        }
    }
}
