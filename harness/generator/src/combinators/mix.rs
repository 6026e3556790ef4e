//! A random choice for every call.

use history::{Event, Operation};
use rand::RngExt;

use super::any::Wait;
use crate::{Context, Generator, Next, Seed, seed::Rng};

/// See [`mix`] and [`weighted`].
#[derive(Debug, Clone)]
pub struct Mix<G> {
    children: Vec<(u32, G)>,
    rng: Rng,
}

/// Each call from one of these, all equally likely. A child that is done is left out; done when all are.
pub fn mix<G>(children: impl IntoIterator<Item = G>, seed: Seed) -> Mix<G> {
    weighted(children.into_iter().map(|child| (1, child)), seed)
}

/// As [`mix`], with weights: `3` is three times as likely as `1`, and `0` is never asked.
pub fn weighted<G>(children: impl IntoIterator<Item = (u32, G)>, seed: Seed) -> Mix<G> {
    Mix {
        children: children
            .into_iter()
            .filter(|(weight, _)| *weight > 0)
            .collect(),
        rng: seed.rng(),
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for Mix<G> {
    /// A drawn child that has nothing now does not stall the others: they are tried in order after it.
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let total: u64 = self.children.iter().map(|(w, _)| u64::from(*w)).sum();
        if total == 0 {
            return Next::Done;
        }
        let mut drawn = self.rng.random_range(0..total);
        let mut at = 0;
        while drawn >= u64::from(self.children[at].0) {
            drawn -= u64::from(self.children[at].0);
            at += 1;
        }
        let mut wait = Wait::default();
        let mut unasked = self.children.len();
        while unasked > 0 {
            unasked -= 1;
            at %= self.children.len();
            match self.children[at].1.next(cx) {
                Next::Done => {
                    self.children.remove(at);
                }
                found @ (Next::Call(..) | Next::Log(_)) => return found,
                other => {
                    wait.add(&other);
                    at += 1;
                }
            }
        }
        wait.answer()
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        for (_, child) in &mut self.children {
            child.update(cx, event);
        }
    }
}
