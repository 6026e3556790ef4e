//! How often.
//!
//! Both ask their child only when a call is due, so a call never waits in them and grows old.

use std::time::Duration;

use history::{Event, Nanos, Operation};
use rand::RngExt;

use super::sources::after;
use crate::{Context, Generator, Next, Seed, seed::Rng};

/// See [`GeneratorExt::stagger`](crate::GeneratorExt::stagger).
///
/// The first call comes at once. When calls cannot be made on time (all workers are busy, the driver is late), what
/// was missed is made up, but only as much as fits in the largest gap: a long stall is not followed by a flood.
#[derive(Debug, Clone)]
pub struct Stagger<G> {
    inner: G,
    largest: u64,
    rng: Rng,
    due: Option<Nanos>,
}

impl<G> Stagger<G> {
    pub(crate) fn new(inner: G, mean: Duration, seed: Seed) -> Self {
        Self {
            inner,
            largest: after(Nanos(0), mean).0.saturating_mul(2),
            rng: seed.rng(),
            due: None,
        }
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for Stagger<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let due = *self.due.get_or_insert(cx.now);
        if cx.now < due {
            return Next::NotBefore(due);
        }
        let next = self.inner.next(cx);
        if matches!(next, Next::Call(..)) {
            let from = due.0.max(cx.now.0.saturating_sub(self.largest));
            let gap = self.rng.random_range(0..=self.largest);
            self.due = Some(Nanos(from.saturating_add(gap)));
        }
        next
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.inner.update(cx, event);
    }
}

/// See [`GeneratorExt::delay`](crate::GeneratorExt::delay).
#[derive(Debug, Clone)]
pub struct Delay<G> {
    inner: G,
    gap: Duration,
    due: Nanos,
}

impl<G> Delay<G> {
    pub(crate) fn new(inner: G, gap: Duration) -> Self {
        Self {
            inner,
            gap,
            due: Nanos(0),
        }
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for Delay<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if cx.now < self.due {
            return Next::NotBefore(self.due);
        }
        let next = self.inner.next(cx);
        if matches!(next, Next::Call(..)) {
            self.due = after(cx.now, self.gap);
        }
        next
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.inner.update(cx, event);
    }
}
