//! One line of faults, one after the other, never two at once: where they come from ([`Source`]), and how far the
//! present one has come ([`State`]).
//!
//! Every number and every seed of the *n*-th fault is drawn from the track's seed and *n* alone.

use std::time::Duration;

use history::{Nanos, fault::FaultId};
use rand::RngExt;
use rand_pcg::Pcg64;

use super::{after, quiet::Calm};
use crate::{Among, FaultSpec, TimeRange, Trigger};

#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) source: Source,
    pub(super) seed: u64,
    /// How many were begun.
    pub(super) begun: u64,
    /// The number of the next, where it has one already.
    pub(super) number: Option<FaultId>,
    /// Who led when it was looked last, where that is what it waits for.
    pub(super) leaders: Vec<String>,
    pub(super) state: State,
}

/// Where a track's faults come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The same sort again and again.
    Every {
        fault: FaultSpec,
        every: TimeRange,
        lasting: TimeRange,
    },
    /// One of several each time, by weight, each for as long as is said of it.
    Mix {
        faults: Vec<(u32, FaultSpec, TimeRange)>,
        every: TimeRange,
    },
    /// One after the other.
    Sequence { steps: Vec<Step>, repeat: bool },
    /// One at an exact time.
    Once(Shot),
    /// One whenever something has happened, and so much later.
    On {
        trigger: Trigger,
        delay: Duration,
        times: u64,
        fault: FaultSpec,
        lasting: TimeRange,
    },
}

/// A step of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) fault: FaultSpec,
    pub(super) lasting: TimeRange,
    /// How long it is calm after it.
    pub(super) rest: TimeRange,
}

/// A fault of a script.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shot {
    pub(super) fault: FaultSpec,
    /// For so long; without it, until the end.
    pub(super) lasting: Option<TimeRange>,
    /// As it was drawn in an earlier run.
    pub(super) seed: Option<u64>,
    pub(super) among: Among,
}

/// What is drawn for one fault.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draw {
    pub(super) fault: FaultSpec,
    pub(super) seed: u64,
    pub(super) among: Among,
    pub(super) lasting: Duration,
    pub(super) follow: Follow,
}

/// When the next one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// So long after this one began, or when it is healed if that is later.
    Begun(Duration),
    /// So long after this one was healed.
    Healed(Duration),
    /// Never.
    Never,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one a track")]
pub(super) enum State {
    /// The next comes then.
    Resting { until: Nanos },
    /// It is looked whether what the next waits for has happened.
    Watching { fault: FaultId },
    /// It has happened, and the next comes then.
    Armed { until: Nanos },
    /// Being injected.
    Injecting { fault: FaultId, draw: Draw },
    /// To be healed then.
    InForce {
        fault: FaultId,
        until: Nanos,
        began: Nanos,
        follow: Follow,
    },
    /// Being healed.
    Healing {
        fault: FaultId,
        began: Nanos,
        follow: Follow,
    },
    /// Nothing comes any more.
    Over,
}

impl Source {
    /// The `n`th fault, from zero; `None` if there are no more.
    pub(super) fn draw(&self, seed: u64, n: u64) -> Option<Draw> {
        let mut rng = Pcg64::new(u128::from(seed), u128::from(n));
        let mut within = |range: &TimeRange| {
            let (min, max) = (range.min.as_nanos() as u64, range.max.as_nanos() as u64);
            Duration::from_nanos(rng.random_range(min..=max))
        };
        let (fault, lasting, follow) = match self {
            Self::Every {
                fault,
                every,
                lasting,
            } => {
                let every = within(every);
                (fault, within(lasting), Follow::Begun(every))
            }
            Self::Mix { faults, every } => {
                let every = within(every);
                let all: u32 = faults.iter().map(|(weight, ..)| weight).sum();
                let mut point = rng.random_range(0..all);
                let (_, fault, lasting) = faults.iter().find(|(weight, ..)| {
                    let hit = point < *weight;
                    point = point.saturating_sub(*weight);
                    hit
                })?;
                let (min, max) = (lasting.min.as_nanos(), lasting.max.as_nanos());
                let lasting = Duration::from_nanos(rng.random_range(min as u64..=max as u64));
                (fault, lasting, Follow::Begun(every))
            }
            Self::Sequence { steps, repeat } => {
                let last = n + 1 == steps.len() as u64 && !repeat;
                let at = match repeat {
                    true => n % steps.len() as u64,
                    false => n,
                };
                let step = steps.get(at as usize)?;
                let lasting = within(&step.lasting);
                let rest = within(&step.rest);
                let follow = match last {
                    true => Follow::Never,
                    false => Follow::Healed(rest),
                };
                (&step.fault, lasting, follow)
            }
            Self::Once(_) if n > 0 => return None,
            Self::Once(shot) => {
                let lasting = shot.lasting.as_ref().map_or(Duration::MAX, &mut within);
                return Some(Draw {
                    fault: shot.fault.clone(),
                    seed: shot.seed.unwrap_or_else(|| rng.random()),
                    among: shot.among.clone(),
                    lasting,
                    follow: Follow::Never,
                });
            }
            Self::On { times, .. } if n >= *times => return None,
            Self::On {
                times,
                fault,
                lasting,
                ..
            } => {
                let follow = match n + 1 == *times {
                    true => Follow::Never,
                    false => Follow::Healed(Duration::ZERO),
                };
                (fault, within(lasting), follow)
            }
        };
        Some(Draw {
            fault: fault.clone(),
            lasting,
            follow,
            seed: rng.random(),
            among: Among::default(),
        })
    }

    /// The least time for which the next one must be in force to be worth beginning.
    fn least(&self, begun: u64) -> Duration {
        match self {
            Self::Every { lasting, .. } | Self::On { lasting, .. } => lasting.min,
            Self::Mix { faults, .. } => {
                let each = faults.iter().map(|(_, _, lasting)| lasting.min);
                each.max().unwrap_or_default()
            }
            Self::Sequence { steps, repeat } => {
                let at = match repeat {
                    true => begun % steps.len() as u64,
                    false => begun,
                };
                let step = steps.get(at as usize);
                step.map_or(Duration::ZERO, |step| step.lasting.min)
            }
            // Whoever names exact times gets them, even if the run ends in between.
            Self::Once(_) => Duration::ZERO,
        }
    }
}

impl Track {
    /// The first comes then.
    pub(super) fn starting(source: Source, seed: u64, at: Nanos) -> Self {
        Self {
            source,
            seed,
            begun: 0,
            number: None,
            leaders: Vec::new(),
            state: State::Resting { until: at },
        }
    }

    /// When it has something to order; `None` while it waits for an order to be carried out, or for ever.
    pub(super) fn due(&self, calm: &Calm) -> Option<Nanos> {
        match &self.state {
            State::Resting { until } | State::Armed { until } => {
                calm.begin(*until, self.source.least(self.begun))
            }
            State::InForce { until, .. } => Some(*until),
            State::Watching { .. }
            | State::Injecting { .. }
            | State::Healing { .. }
            | State::Over => None,
        }
    }

    /// Whether a fault of it is in force, or may be.
    pub(super) fn strikes(&self) -> bool {
        matches!(
            self.state,
            State::Injecting { .. } | State::InForce { .. } | State::Healing { .. }
        )
    }

    /// Whether an order of it is being carried out, or a fault of it is in force.
    pub(super) fn lives(&self) -> bool {
        self.strikes() || matches!(self.state, State::Watching { .. })
    }

    pub(super) fn about(&self, fault: FaultId) -> bool {
        match &self.state {
            State::Resting { .. } | State::Armed { .. } | State::Over => false,
            State::Watching { fault: f }
            | State::Injecting { fault: f, .. }
            | State::InForce { fault: f, .. }
            | State::Healing { fault: f, .. } => *f == fault,
        }
    }
}

impl Follow {
    /// What the track does once a fault that began then is gone.
    pub(super) fn state(self, began: Nanos, now: Nanos) -> State {
        match self {
            Self::Begun(every) => State::Resting {
                until: after(began, every).max(now),
            },
            Self::Healed(rest) => State::Resting {
                until: after(now, rest),
            },
            Self::Never => State::Over,
        }
    }
}
