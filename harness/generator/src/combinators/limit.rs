//! So many calls and no more.

use history::{Event, Operation};

use crate::{Context, Generator, Next};

/// See [`GeneratorExt::limit`](crate::GeneratorExt::limit).
#[derive(Debug, Clone)]
pub struct Limit<G> {
    inner: G,
    left: u64,
}

impl<G> Limit<G> {
    pub(crate) fn new(inner: G, n: u64) -> Self {
        Self { inner, left: n }
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for Limit<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if self.left == 0 {
            return Next::Done;
        }
        let next = self.inner.next(cx);
        match next {
            Next::Call(..) => self.left -= 1,
            Next::Done => self.left = 0,
            _ => {}
        }
        next
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.inner.update(cx, event);
    }
}
