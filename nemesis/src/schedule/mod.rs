//! When faults come and go. A [`Generator`] like any other, so the scheduler that drives the clients drives this too, in
//! real or in virtual time.
//!
//! Everything is made of tracks (`track`). By default each sort of fault has one of its own, `every X for Y`: it injects,
//! waits for `for` since it began to, heals, and injects again when `every` has passed since it began the last time;
//! never two at once. What else there is, one fault at a time, mixes, sequences, scripts, triggers, is asked for in
//! `schedule:` ([`ScheduleSpec`]), and quiet times hold for all of them (`quiet`).
//!
//! A slow node shifts times but changes no decision. What is in force when the time is up is healed then, and what would
//! not be in force for at least its shortest `for` is not begun.

mod quiet;
mod spec;
mod track;

use std::{collections::BTreeMap, time::Duration};

use generator::{Context, Generator, Next, Workers};
use history::{Event, Moment, Nanos, Outcome, Process, fault::FaultId};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use self::{
    quiet::Calm,
    track::{Follow, Source, State, Track},
};
pub use self::{
    quiet::Quiet,
    spec::{Arrangement, BadSchedule, Line, ScheduleSpec},
};
use crate::{Awaited, BadSpec, Carried, Faults, Nemesis, Order, TimeRange, Trigger};

/// How long is waited after a look that has seen nothing, before the next.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The tracks of a run. Needs a worker a track; with fewer, orders wait.
#[derive(Debug, Clone)]
pub struct Schedule {
    tracks: Vec<Track>,
    calm: Calm,
    /// Whether no two tracks may have a fault in force at the same time.
    alone: bool,
    /// The number of the next fault.
    next: u32,
    /// What to tell people.
    news: Vec<String>,
    /// Who carries out the order about which fault.
    open: BTreeMap<Process, (FaultId, Nanos)>,
}

impl Schedule {
    /// For a run in which faults may be in force from time zero to `until`, each on its own track.
    pub fn new(faults: &Faults, until: Nanos, seed: u64) -> Result<Self, BadSpec> {
        let tracks = tracks(faults, until, seed)?;
        Ok(Self::of(tracks, Quiet::default().within(until), false))
    }

    /// The same, arranged as somebody wishes.
    pub fn arranged(
        spec: &ScheduleSpec,
        faults: &Faults,
        until: Nanos,
        seed: u64,
    ) -> Result<Self, BadSchedule> {
        let run = until.since(Nanos(0));
        let calm = spec.quiet.within(until);
        let (tracks, alone) = match &spec.arrangement {
            Arrangement::Overlapping => (tracks(faults, until, seed)?, false),
            Arrangement::OneAtATime => (tracks(faults, until, seed)?, true),
            _ => (spec.program(faults, run, seed)?, false),
        };
        Ok(Self::of(tracks, calm, alone))
    }

    fn of(tracks: Vec<Track>, calm: Calm, alone: bool) -> Self {
        Self {
            tracks,
            calm,
            alone,
            next: 0,
            news: Vec::new(),
            open: BTreeMap::new(),
        }
    }

    /// How many workers it keeps busy at most.
    pub fn workers(&self) -> usize {
        self.tracks.len().min(Workers::MAX)
    }

    /// The number that the next fault of this track has.
    fn number(&mut self, at: usize) -> FaultId {
        *self.tracks[at].number.get_or_insert_with(|| {
            let fault = FaultId(self.next);
            self.next += 1;
            fault
        })
    }

    /// What a track that rests, or has seen what it waited for, does now.
    fn begin(&mut self, at: usize) -> Option<Order> {
        let track = &self.tracks[at];
        let Some(draw) = track.source.draw(track.seed, track.begun) else {
            self.tracks[at].state = State::Over;
            return None;
        };
        if let (Source::On { trigger, .. }, State::Resting { .. }) = (&track.source, &track.state) {
            let event = match *trigger {
                Trigger::LeaderChange => Awaited::Leader {
                    besides: track.leaders.clone(),
                },
                Trigger::Ops { count, ok } => Awaited::Ops {
                    at_least: count.saturating_mul(track.begun + 1),
                    ok,
                },
            };
            let fault = self.number(at);
            self.tracks[at].state = State::Watching { fault };
            return Some(Order::Watch { fault, event });
        }
        let fault = self.number(at);
        let (spec, seed) = (draw.fault.clone(), draw.seed);
        let order = match &self.tracks[at].source {
            Source::Once(shot) if shot.seed.is_some() => Order::Repeat {
                fault,
                spec,
                seed,
                among: draw.among.clone(),
            },
            _ => Order::Inject { fault, spec, seed },
        };
        self.tracks[at].number = None;
        self.tracks[at].begun += 1;
        self.tracks[at].state = State::Injecting { fault, draw };
        Some(order)
    }

    /// A look has ended.
    fn looked(&mut self, at: usize, now: Nanos, outcome: &Outcome<Carried>) {
        let track = &mut self.tracks[at];
        let Source::On { trigger, delay, .. } = track.source else {
            return;
        };
        let happened = match outcome {
            Outcome::Ok(Carried::Leads(leaders)) => {
                // Who leads first of all has not changed.
                let before = std::mem::replace(&mut track.leaders, leaders.clone());
                let told = format!(
                    "the leader was {}, and is {}",
                    before.join(", "),
                    leaders.join(", ")
                );
                (!before.is_empty()).then_some(told)
            }
            Outcome::Ok(Carried::Ops(ops)) => Some(format!("{ops} calls")),
            _ => None,
        };
        track.state = match happened {
            Some(what) => {
                self.news.push(format!("on {trigger}: {what}"));
                State::Armed {
                    until: after(now, delay),
                }
            }
            None => State::Resting {
                until: after(now, LOOK_AGAIN),
            },
        };
    }
}

/// A track for each sort of fault.
fn tracks(faults: &Faults, until: Nanos, seed: u64) -> Result<Vec<Track>, BadSpec> {
    let run = until.since(Nanos(0));
    let tracks = faults.0.iter().map(|track| {
        let (every, lasting) = track.timing(run)?;
        // Sorts of faults, not places in a list, tell the draws apart: adding a track changes no other.
        let seed =
            seed ^ u64::from(track.fault.kind() as u8 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let source = Source::Every {
            fault: track.fault.clone(),
            every,
            lasting,
        };
        Ok(Track::starting(source, seed, first_of_many(&every, seed)))
    });
    tracks.collect()
}

/// When the first of a row of faults comes: not at once, and not at the same time in every row.
fn first_of_many(every: &TimeRange, seed: u64) -> Nanos {
    let fraction = Pcg64::seed_from_u64(seed).random_range(0.2..0.8);
    Nanos(every.min.mul_f64(fraction).as_nanos() as u64)
}

fn after(time: Nanos, more: Duration) -> Nanos {
    let more = u64::try_from(more.as_nanos()).unwrap_or(u64::MAX);
    Nanos(time.0.saturating_add(more))
}

impl Generator<Nemesis> for Schedule {
    fn next(&mut self, cx: &Context) -> Next<Order> {
        loop {
            if let Some(news) = self.news.pop() {
                return Next::Log(news);
            }
            let taken = self.alone && self.tracks.iter().any(Track::strikes);
            let earliest = self
                .tracks
                .iter()
                .enumerate()
                .filter(|(_, track)| !taken || track.strikes())
                .filter_map(|(at, track)| Some((track.due(&self.calm)?, at)))
                .min();
            let Some((due, at)) = earliest else {
                let waiting = self.tracks.iter().any(Track::lives);
                return if waiting { Next::Pending } else { Next::Done };
            };
            if due > cx.now {
                return Next::NotBefore(due);
            }
            if let State::InForce {
                fault,
                began,
                follow,
                ..
            } = self.tracks[at].state
            {
                self.tracks[at].state = State::Healing {
                    fault,
                    began,
                    follow,
                };
                return Next::Call(Order::Heal { fault }, cx.workers);
            }
            if let Some(order) = self.begin(at) {
                return Next::Call(order, cx.workers);
            }
        }
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
        let Some(at) = self.tracks.iter().position(|t| t.about(fault)) else {
            return;
        };
        let now = event.time;
        self.tracks[at].state = match &self.tracks[at].state {
            State::Watching { .. } => return self.looked(at, now, outcome),
            State::Injecting { draw, .. } => match outcome {
                Outcome::Ok(_) => State::InForce {
                    fault,
                    until: after(began, draw.lasting)
                        .min(self.calm.end(began))
                        .max(now),
                    began,
                    follow: draw.follow,
                },
                // As long as it would have been in force nothing is: a row of faults that are all skipped is no race.
                Outcome::Fail(_) => draw.follow.state(
                    began,
                    match draw.follow {
                        Follow::Healed(_) => after(began, draw.lasting).max(now),
                        Follow::Begun(_) | Follow::Never => now,
                    },
                ),
                // Nobody knows what is in force: away with it.
                Outcome::Info(_) => State::InForce {
                    fault,
                    until: now,
                    began,
                    follow: draw.follow,
                },
            },
            // Healed or not, the track goes on: what could not be undone is in the ledger, and is tried again at the end.
            State::Healing { began, follow, .. } => follow.state(*began, now),
            State::Resting { .. } | State::Armed { .. } | State::InForce { .. } | State::Over => {
                return;
            }
        };
    }
}
