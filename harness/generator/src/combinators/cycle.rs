//! Again and again.

use history::{Event, Operation};

use crate::{Context, Generator, Next};

/// See [`GeneratorExt::cycle`](crate::GeneratorExt::cycle) and [`times`](crate::GeneratorExt::times). Every round is a
/// copy of the generator as it was given, so a seeded one makes the same choices each time.
#[derive(Debug, Clone)]
pub struct Cycle<G> {
    original: G,
    current: G,
    /// Rounds to go, with the one that is running; `None` for ever.
    left: Option<u64>,
    /// Whether this round has made a call or waited. One that has not never will, and must not be tried for ever.
    lively: bool,
}

impl<G: Clone> Cycle<G> {
    pub(crate) fn new(original: G, times: Option<u64>) -> Self {
        Self {
            current: original.clone(),
            original,
            left: times,
            lively: true,
        }
    }
}

impl<O: Operation, G: Generator<O> + Clone> Generator<O> for Cycle<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if self.left == Some(0) {
            return Next::Done;
        }
        loop {
            match self.current.next(cx) {
                Next::Done => {
                    self.left = self.left.map(|n| n - 1);
                    if self.left == Some(0) || !self.lively {
                        self.left = Some(0);
                        return Next::Done;
                    }
                    self.current = self.original.clone();
                    self.lively = false;
                }
                other => {
                    self.lively = true;
                    return other;
                }
            }
        }
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.current.update(cx, event);
    }
}
