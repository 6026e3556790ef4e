//! A window of time.

use std::time::Duration;

use history::{Event, Nanos, Operation};

use super::sources::after;
use crate::{Context, Generator, Next};

/// See [`GeneratorExt::time_limit`](crate::GeneratorExt::time_limit).
#[derive(Debug, Clone)]
pub struct TimeLimit<G> {
    inner: G,
    limit: Duration,
    end: Option<Nanos>,
}

impl<G> TimeLimit<G> {
    pub(crate) fn new(inner: G, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            end: None,
        }
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for TimeLimit<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let end = *self.end.get_or_insert(after(cx.now, self.limit));
        if cx.now >= end {
            return Next::Done;
        }
        match self.inner.next(cx) {
            // Whatever the child waits for, the window closes: it must be asked again then.
            Next::NotBefore(at) => Next::NotBefore(at.min(end)),
            Next::Pending => Next::NotBefore(end),
            other => other,
        }
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.inner.update(cx, event);
    }
}
