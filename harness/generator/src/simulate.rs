//! The scheduler's driver in virtual time: how generators are tested, and how a schedule can be looked at without
//! running it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use history::{Event, Index, Moment, Nanos, Operation, Outcome, Reason};

use crate::{Generator, Scheduler, Step, Worker};

/// How often in a row a generator may say "pending" while no call is open. Nothing can change in virtual time, so it
/// would say so for ever.
const STUCK: usize = 100_000;

/// A system to be simulated: how long a call takes, and how it ends.
pub trait System<O: Operation> {
    /// The answer to a call.
    fn answer(&mut self, call: &O::Call) -> (u64, Outcome<O::Return>);
}

impl<O: Operation, F: FnMut(&O::Call) -> (u64, Outcome<O::Return>)> System<O> for F {
    fn answer(&mut self, call: &O::Call) -> (u64, Outcome<O::Return>) {
        self(call)
    }
}

/// Everything is `ok` at once. `ret` says what is returned.
pub fn quick<O: Operation>(ret: impl Fn(&O::Call) -> O::Return) -> impl System<O> {
    move |call: &O::Call| (0, Outcome::Ok(ret(call)))
}

/// Everything is `ok` after 10 ns.
pub fn perfect<O: Operation>(ret: impl Fn(&O::Call) -> O::Return) -> impl System<O> {
    move |call: &O::Call| (10, Outcome::Ok(ret(call)))
}

/// `fail`, `info`, `ok` by turns, each after 10 ns.
pub fn imperfect<O: Operation>(ret: impl Fn(&O::Call) -> O::Return) -> impl System<O> {
    let mut turn = 0;
    move |call: &O::Call| {
        turn += 1;
        let outcome = match turn % 3 {
            1 => Outcome::Fail(Reason::new("simulated")),
            2 => Outcome::Info(Reason::new("simulated")),
            _ => Outcome::Ok(ret(call)),
        };
        (10, outcome)
    }
}

/// Runs a generator to its end, and returns what happened. Calls that end at the same time end in the order in which
/// they began, and before anything new begins.
///
/// # Panics
/// If the generator waits for something although no call is open.
pub fn simulate<O: Operation>(
    concurrency: usize,
    generator: impl Generator<O>,
    mut system: impl System<O>,
) -> Vec<Event<O>> {
    let mut scheduler = Scheduler::new(concurrency, generator);
    let mut now = Nanos(0);
    let mut events: Vec<Event<O>> = Vec::new();
    let mut ends: BinaryHeap<Reverse<(Nanos, usize, Worker)>> = BinaryHeap::new();
    let mut outcomes: BTreeMap<Worker, Outcome<O::Return>> = BTreeMap::new();
    let mut stuck = 0;
    loop {
        while let Some(Reverse((at, _, worker))) = ends.peek().copied()
            && at <= now
        {
            ends.pop();
            let outcome = outcomes.remove(&worker).expect("an open call has an end");
            events.push(scheduler.complete(at, worker, outcome));
        }
        let before = now;
        match scheduler.poll(now) {
            Step::Start(worker, process, call) => {
                stuck = 0;
                let (length, outcome) = system.answer(&call);
                ends.push(Reverse((Nanos(now.0 + length), events.len(), worker)));
                outcomes.insert(worker, outcome);
                events.push(Event {
                    index: Index(events.len() as u32),
                    time: now,
                    process,
                    node: None,
                    moment: Moment::Invoke(call),
                });
            }
            Step::WaitUntil(at) => {
                let next = ends.peek().map(|Reverse((end, ..))| *end);
                now = next.map_or(at, |end| end.min(at));
            }
            Step::WaitForCompletion => {
                now = ends.peek().expect("a call is open").0.0;
            }
            Step::Log(_) => {}
            Step::Finished => return events,
        }
        if now > before && ends.is_empty() {
            stuck += 1;
            assert!(
                stuck < STUCK,
                "the generator waits at {now}, and no call is open"
            );
        }
    }
}
