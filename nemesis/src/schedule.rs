//! When faults come and go: `every X for Y`, one track a sort of fault, several tracks at once. A [`Generator`] like any
//! other, so the scheduler that drives the clients drives this too, in real or in virtual time.
//!
//! A track injects, waits for `for` since it began to, heals, and injects again when `every` has passed since it began the
//! last time; never two at once. Every number and every seed of its *n*-th fault is drawn from the run's seed, the track
//! and *n* alone, so a slow node shifts times but changes no decision. What is in force when the time is up is healed
//! then, and what would not be in force for at least its shortest `for` is not begun.

use std::{collections::BTreeMap, time::Duration};

use generator::{Context, Generator, Next};
use history::{Event, Moment, Nanos, Outcome, Process, fault::FaultId};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::{BadSpec, FaultSpec, Faults, Nemesis, Order, TimeRange};

/// The tracks of a run. Needs a worker a track; with fewer, orders wait.
#[derive(Debug, Clone)]
pub struct Schedule {
    tracks: Vec<Track>,
    until: Nanos,
    /// The number of the next fault.
    next: u32,
    /// Who carries out the order about which fault.
    open: BTreeMap<Process, (FaultId, Nanos)>,
}

#[derive(Debug, Clone)]
struct Track {
    fault: FaultSpec,
    every: TimeRange,
    lasting: TimeRange,
    seed: u64,
    /// How many were begun.
    begun: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next comes then.
    Resting { until: Nanos },
    /// Being injected, and then to be in force for so long, and the next not before so much has passed.
    Injecting { fault: FaultId, draw: Draw },
    /// To be healed then.
    InForce {
        fault: FaultId,
        until: Nanos,
        next: Nanos,
    },
    /// Being healed.
    Healing { fault: FaultId, next: Nanos },
}

/// What is drawn for one fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Draw {
    every: Duration,
    lasting: Duration,
    seed: u64,
}

impl Schedule {
    /// For a run in which faults may be in force from time zero to `until`.
    pub fn new(faults: &Faults, until: Nanos, seed: u64) -> Result<Self, BadSpec> {
        let run = until.since(Nanos(0));
        let tracks = faults
            .0
            .iter()
            .map(|track| {
                let (every, lasting) = track.timing(run)?;
                // Sorts of faults, not places in a list, tell the draws apart: adding a track changes no other.
                let seed = seed
                    ^ u64::from(track.fault.kind() as u8 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let fraction = Pcg64::seed_from_u64(seed).random_range(0.2..0.8);
                Ok(Track {
                    fault: track.fault.clone(),
                    every,
                    lasting,
                    seed,
                    begun: 0,
                    state: State::Resting {
                        until: Nanos(every.min.mul_f64(fraction).as_nanos() as u64),
                    },
                })
            })
            .collect::<Result<_, BadSpec>>()?;
        Ok(Self {
            tracks,
            until,
            next: 0,
            open: BTreeMap::new(),
        })
    }

    /// How many workers it keeps busy at most.
    pub fn workers(&self) -> usize {
        self.tracks.len()
    }
}

impl Track {
    fn draw(&self) -> Draw {
        let mut rng = Pcg64::new(u128::from(self.seed), u128::from(self.begun));
        let mut within = |range: &TimeRange| {
            let (min, max) = (range.min.as_nanos() as u64, range.max.as_nanos() as u64);
            Duration::from_nanos(rng.random_range(min..=max))
        };
        Draw {
            every: within(&self.every),
            lasting: within(&self.lasting),
            seed: rng.random(),
        }
    }

    /// When it has something to order; `None` while it waits for an order to be carried out, or for ever.
    fn due(&self, end: Nanos) -> Option<Nanos> {
        match self.state {
            State::Resting { until } => (after(until, self.lasting.min) <= end).then_some(until),
            State::InForce { until, .. } => Some(until.min(end)),
            State::Injecting { .. } | State::Healing { .. } => None,
        }
    }

    fn about(&self, fault: FaultId) -> bool {
        match self.state {
            State::Resting { .. } => false,
            State::Injecting { fault: f, .. }
            | State::InForce { fault: f, .. }
            | State::Healing { fault: f, .. } => f == fault,
        }
    }
}

fn after(time: Nanos, more: Duration) -> Nanos {
    Nanos(time.0.saturating_add(more.as_nanos() as u64))
}

impl Generator<Nemesis> for Schedule {
    fn next(&mut self, cx: &Context) -> Next<Order> {
        let end = self.until;
        let earliest = self
            .tracks
            .iter_mut()
            .filter_map(|track| Some((track.due(end)?, track)))
            .min_by_key(|(due, _)| *due);
        let Some((due, track)) = earliest else {
            let waiting = self
                .tracks
                .iter()
                .any(|t| !matches!(t.state, State::Resting { .. }));
            return if waiting { Next::Pending } else { Next::Done };
        };
        if due > cx.now {
            return Next::NotBefore(due);
        }
        let order = match track.state {
            State::InForce { fault, next, .. } => {
                track.state = State::Healing { fault, next };
                Order::Heal { fault }
            }
            _ => {
                let fault = FaultId(self.next);
                self.next += 1;
                let draw = track.draw();
                track.begun += 1;
                track.state = State::Injecting { fault, draw };
                Order::Inject {
                    fault,
                    spec: track.fault.clone(),
                    seed: draw.seed,
                }
            }
        };
        Next::Call(order, cx.workers)
    }

    fn update(&mut self, _cx: &Context, event: &Event<Nemesis>) {
        let outcome = match &event.moment {
            Moment::Invoke(order) => {
                self.open.insert(event.process, (order.fault(), event.time));
                return;
            }
            Moment::Complete(outcome) => outcome,
        };
        let Some((fault, began)) = self.open.remove(&event.process) else {
            return;
        };
        let Some(track) = self.tracks.iter_mut().find(|t| t.about(fault)) else {
            return;
        };
        let now = event.time;
        track.state = match track.state {
            State::Injecting { draw, .. } => {
                let next = after(began, draw.every);
                match outcome {
                    Outcome::Ok(_) => State::InForce {
                        fault,
                        until: after(began, draw.lasting).max(now),
                        next,
                    },
                    Outcome::Fail(_) => State::Resting {
                        until: next.max(now),
                    },
                    // Nobody knows what is in force: away with it.
                    Outcome::Info(_) => State::InForce {
                        fault,
                        until: now,
                        next,
                    },
                }
            }
            // Healed or not, the track goes on: what could not be undone is in the ledger, and is tried again at the end.
            State::Healing { next, .. } => State::Resting {
                until: next.max(now),
            },
            state @ (State::Resting { .. } | State::InForce { .. }) => state,
        };
    }
}
