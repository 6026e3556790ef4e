//! A simulated system by its name: what it promises, or what is wrong with it, and how to run it.

use history::{Event, Operation};

use crate::{
    schedule::{self, Load},
    system::{Clients, System},
};

/// What may be said of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// It keeps this: an isolation level, or a property such as `linearizable`.
    Honest(&'static str),
    /// It has a bug.
    Broken(Bug),
}

/// What is wrong with a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bug {
    /// What it promises and breaks.
    pub promised: &'static str,
    /// What a checker calls the evidence: `lost-update`.
    pub code: &'static str,
    /// The strongest of what it still keeps.
    pub keeps: &'static [&'static str],
}

type Start<O> = dyn Fn() -> (Box<dyn System<O>>, Box<dyn Clients<O>>) + Send + Sync;

/// A system with its clients.
pub struct Simulated<O: Operation> {
    /// Its name: `snapshot-isolation`, or of a broken one the file in `broken/`, with hyphens.
    pub name: &'static str,
    /// What it does, in a few words.
    pub does: &'static str,
    /// What it keeps.
    pub promise: Promise,
    start: Box<Start<O>>,
}

impl<O: Operation> Simulated<O> {
    pub(crate) fn new<S, C>(
        name: &'static str,
        does: &'static str,
        promise: Promise,
        start: impl Fn() -> (S, C) + Send + Sync + 'static,
    ) -> Self
    where
        S: System<O> + 'static,
        C: Clients<O> + 'static,
    {
        let start = Box::new(move || {
            let (system, clients) = start();
            (
                Box::new(system) as Box<dyn System<O>>,
                Box::new(clients) as Box<dyn Clients<O>>,
            )
        });
        Self {
            name,
            does,
            promise,
            start,
        }
    }

    /// Runs it for so many calls of so many clients at a time; how often answers are lost and the system crashes follows
    /// from the seed, like everything else: in a third of the runs never.
    pub fn run(&self, seed: u64, ops: usize, concurrency: u32) -> Vec<Event<O>> {
        let (lost, crashes) = [(0, 0), (5, 5), (30, 40)][(seed % 3) as usize];
        self.run_under(
            Load {
                ops,
                concurrency,
                lost,
                crashes,
            },
            seed,
        )
    }

    /// Runs it with faults of one's choice.
    pub fn run_under(&self, load: Load, seed: u64) -> Vec<Event<O>> {
        let (mut system, mut clients) = (self.start)();
        schedule::run(&mut *system, &mut *clients, load, seed)
    }
}
