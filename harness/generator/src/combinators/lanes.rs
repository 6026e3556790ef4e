//! Who does what: generators that keep to some of the workers. With lanes side by side, a slow kind of call cannot use
//! up the workers that another kind needs.

use history::{Event, Operation};

use super::any::Wait;
use crate::{Boxed, Context, Generator, Next, Workers};

/// See [`GeneratorExt::on`](crate::GeneratorExt::on).
#[derive(Debug, Clone)]
pub struct On<G> {
    inner: G,
    workers: Workers,
}

impl<G> On<G> {
    pub(crate) fn new(inner: G, workers: Workers) -> Self {
        Self { inner, workers }
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for On<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let cx = cx.narrow(&self.workers);
        match (cx.workers.is_empty(), cx.free.is_empty()) {
            (true, _) => Next::Done,
            (_, true) => Next::Pending,
            _ => self.inner.next(&cx),
        }
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        if self.workers.contains(cx.worker(event.process)) {
            self.inner.update(&cx.narrow(&self.workers), event);
        }
    }
}

/// See [`reserve`].
pub struct Reserve<O: Operation> {
    lanes: Vec<(Option<usize>, Boxed<O>)>,
    first: usize,
}

/// Lanes of so many workers each, in order of their indices; a lane without a number gets all that are left. Done when
/// all lanes are.
///
/// ```
/// # use schism_generator::{GeneratorExt, repeat, reserve};
/// # use history::{Key, Register, RegisterCall, RegisterOp};
/// # let read = RegisterCall { key: Key::Int(1), op: RegisterOp::Read };
/// # let write = RegisterCall { key: Key::Int(1), op: RegisterOp::Write(1) };
/// reserve::<Register>([(Some(5), repeat(write).boxed()), (None, repeat(read).boxed())]);
/// ```
pub fn reserve<O: Operation>(
    lanes: impl IntoIterator<Item = (Option<usize>, Boxed<O>)>,
) -> Reserve<O> {
    Reserve {
        lanes: lanes.into_iter().collect(),
        first: 0,
    }
}

impl<O: Operation> Reserve<O> {
    /// The workers of every lane.
    fn split(&self, cx: &Context) -> Vec<Workers> {
        let mut left = cx.workers;
        self.lanes
            .iter()
            .map(|(size, _)| {
                let lane = left.first(size.unwrap_or(Workers::MAX));
                left = left.without(&lane);
                lane
            })
            .collect()
    }
}

impl<O: Operation> Generator<O> for Reserve<O> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let split = self.split(cx);
        let mut wait = Wait::default();
        for turn in 0..self.lanes.len() {
            let at = (self.first + turn) % self.lanes.len();
            let cx = cx.narrow(&split[at]);
            if cx.workers.is_empty() {
                continue;
            }
            if cx.free.is_empty() {
                wait.busy();
                continue;
            }
            match self.lanes[at].1.next(&cx) {
                found @ (Next::Call(..) | Next::Log(_)) => {
                    self.first = at + 1;
                    return found;
                }
                other => wait.add(&other),
            }
        }
        wait.answer()
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        let worker = cx.worker(event.process);
        for (workers, (_, lane)) in self.split(cx).iter().zip(&mut self.lanes) {
            if workers.contains(worker) {
                lane.update(&cx.narrow(workers), event);
            }
        }
    }
}
