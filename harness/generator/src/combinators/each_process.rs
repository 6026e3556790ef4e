//! One for each: every process works through a generator of its own.

use std::collections::BTreeMap;

use history::{Event, Moment, Operation, Outcome, Process};

use super::any::Wait;
use crate::{Context, Generator, Next, Worker, Workers};

/// See [`each_process`].
#[derive(Debug, Clone)]
pub struct EachProcess<F, G> {
    make: F,
    /// Per worker the process that it is now, and what is left for that process to do.
    own: BTreeMap<Worker, (Process, Option<G>)>,
    first: Worker,
}

/// A generator for every process, made when the process could first work. A worker that goes on as a new process after
/// `info` gets a new one. Done when all of them are.
pub fn each_process<F: FnMut(Process) -> G, G>(make: F) -> EachProcess<F, G> {
    EachProcess {
        make,
        own: BTreeMap::new(),
        first: 0,
    }
}

impl<O, F, G> Generator<O> for EachProcess<F, G>
where
    O: Operation,
    F: FnMut(Process) -> G + Send,
    G: Generator<O>,
{
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let mut wait = Wait::default();
        let mut free = cx.free;
        // From `first` round the circle, so that no worker starves the ones after it.
        while let Some(worker) = free.next_from(self.first) {
            free.remove(worker);
            self.first = worker + 1;
            let make = &mut self.make;
            let (_, own) = self.own.entry(worker).or_insert_with(|| {
                let process = Process(worker as u32);
                (process, Some(make(process)))
            });
            match own.next(&cx.narrow(&Workers::one(worker))) {
                found @ (Next::Call(..) | Next::Log(_)) => return found,
                other => wait.add(&other),
            }
        }
        // A worker that is busy may still have calls to make, or may become a new process.
        if !cx.idle() {
            wait.busy();
        }
        wait.answer()
    }

    fn update(&mut self, cx: &Context, event: &Event<O>) {
        let worker = cx.worker(event.process);
        let lost = matches!(event.moment, Moment::Complete(Outcome::Info(_)));
        match self.own.get_mut(&worker) {
            Some(slot) if lost => {
                let renewed = Process(event.process.0 + cx.concurrency as u32);
                *slot = (renewed, Some((self.make)(renewed)));
            }
            Some((_, own)) => own.update(&cx.narrow(&Workers::one(worker)), event),
            None => {}
        }
    }
}
