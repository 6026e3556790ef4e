//! Generators made of generators, one a file.

mod any;
mod cycle;
mod each_process;
mod flip_flop;
mod lanes;
mod limit;
mod mix;
mod per_key;
mod phases;
mod sources;
mod stagger;
mod time_limit;
mod until_ok;

use std::time::Duration;

pub use any::{Any, any};
pub use cycle::Cycle;
pub use each_process::{EachProcess, each_process};
pub use flip_flop::{FlipFlop, flip_flop};
pub use lanes::{On, Reserve, reserve};
pub use limit::Limit;
pub use mix::{Mix, mix, weighted};
pub use per_key::{PerKey, per_key};
pub use phases::{Phases, Then, phases};
pub use sources::{Calls, FromFn, Log, Repeat, Sleep, calls, from_fn, log, once, repeat, sleep};
pub use stagger::{Delay, Stagger};
pub use time_limit::TimeLimit;
pub use until_ok::UntilOk;

use crate::{Boxed, Generator, Seed, Workers};

/// Combinators as methods, so that workloads read from left to right.
///
/// Implemented for every type and without naming an operation: a source like `calls([…])` fits any operation with
/// such calls, and only the end of the chain says which is meant.
pub trait GeneratorExt: Sized {
    /// At most `n` calls.
    fn limit(self, n: u64) -> Limit<Self> {
        Limit::new(self, n)
    }
    /// Nothing after this long, counted from when it is first asked. Open calls are not interrupted.
    fn time_limit(self, limit: Duration) -> TimeLimit<Self> {
        TimeLimit::new(self, limit)
    }
    /// One call every `mean` on average over *all* workers, with gaps drawn uniformly from `0..=2 * mean`.
    fn stagger(self, mean: Duration, seed: Seed) -> Stagger<Self> {
        Stagger::new(self, mean, seed)
    }
    /// So many calls a second on average, as [`stagger`](Self::stagger).
    ///
    /// # Panics
    /// If `per_second` is not a positive number.
    fn rate(self, per_second: f64, seed: Seed) -> Stagger<Self> {
        assert!(per_second > 0.0, "a rate must be positive");
        Stagger::new(self, Duration::from_secs_f64(1.0 / per_second), seed)
    }
    /// At least `gap` from each call to the next, over all workers.
    fn delay(self, gap: Duration) -> Delay<Self> {
        Delay::new(self, gap)
    }
    /// This; and when it is done and all its calls have ended, that.
    fn then<B>(self, second: B) -> Then<Self, B> {
        Then::new(self, second)
    }
    /// From the start again whenever it is done, for ever.
    fn cycle(self) -> Cycle<Self>
    where
        Self: Clone,
    {
        Cycle::new(self, None)
    }
    /// `n` times from start to end.
    fn times(self, n: u64) -> Cycle<Self>
    where
        Self: Clone,
    {
        Cycle::new(self, Some(n))
    }
    /// Until one of its calls was `ok`. Others that are open then go on to their end.
    fn until_ok(self) -> UntilOk<Self> {
        UntilOk::new(self)
    }
    /// On these workers only.
    fn on(self, workers: Workers) -> On<Self> {
        On::new(self, workers)
    }
    /// With its type forgotten, for lists of unlike generators.
    fn boxed<O: history::Operation>(self) -> Boxed<O>
    where
        Self: Generator<O> + 'static,
    {
        Box::new(self)
    }
}

impl<G> GeneratorExt for G {}
