//! How faults are arranged, as people write it. `faults:` says which there are and, by default, each comes `every` so
//! often `for` so long on its own; `schedule:` says otherwise:
//!
//! ```yaml
//! schedule: overlapping                             # as by default: every fault on its own track
//! schedule: one-at-a-time                           # the same, but never two in force
//! schedule: mix                                     # one after the other, drawn from all of `faults:` alike
//! schedule: { mix: { partition: 3, kill: 1 }, every: 10s, for: 3s..5s }
//! schedule:
//!   sequence:
//!     - { inject: partition@ring, for: 10s }
//!     - { rest: 5s }
//!     - { inject: { kill: { at: leader } }, for: 2s..4s }
//!   repeat: true
//! schedule:
//!   script:
//!     - { at: 10s, inject: partition@n1 }
//!     - { at: 20s, inject: kill@leader, for: 3s }
//!     - { at: 25s, heal: partition }                # or `heal: all`
//!     - { on: leader-change, after: 500ms, inject: pause@leader, for: 2s, times: 3 }
//!     - { on: 1000 ok, inject: kill, for: 2s }
//! ```
//!
//! With each of them `quiet` may be said, see [`Quiet`]. A fault that is named without options has those that `faults:`
//! gives it.

use std::{collections::BTreeMap, time::Duration};

use history::Nanos;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    first_of_many,
    quiet::Quiet,
    track::{Shot, Source, Step, Track},
};
use crate::{Among, BadSpec, FaultSpec, Faults, Kind, Time, TimeRange, TrackSpec, Trigger};

/// What `schedule:` says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScheduleSpec {
    /// Which faults come when.
    pub arrangement: Arrangement,
    /// When there are none.
    pub quiet: Quiet,
}

/// Which faults come when.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Arrangement {
    /// Every sort on its own track.
    #[default]
    Overlapping,
    /// The same, but never two in force.
    OneAtATime,
    /// One after the other, drawn by weight.
    Mix {
        /// The weights; all the same where none are said.
        weights: BTreeMap<Kind, u32>,
        /// From one injection to the next.
        every: Option<TimeRange>,
        /// How long each is in force that does not say so itself.
        lasting: Option<TimeRange>,
    },
    /// One after the other, in this order.
    Sequence {
        /// Injections and rests.
        steps: Vec<Line>,
        /// Whether it begins again when it is over.
        repeat: bool,
    },
    /// At exact times, and when something happens.
    Script(Vec<Line>),
}

/// A line of a sequence or a script.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Line {
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// Once this has happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Trigger>,
    /// So much later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Time>,
    /// How often it may happen; once where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What is injected.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_one",
        deserialize_with = "read_one"
    )]
    pub inject: Option<FaultSpec>,
    /// For how long.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<TimeRange>,
    /// What is healed: a sort of fault, or `all`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heal: Option<String>,
    /// How long nothing happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<TimeRange>,
    /// What an earlier run drew for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What else was in force when it was.
    #[serde(skip_serializing_if = "Among::is_none")]
    pub among: Among,
    /// What came of it then, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// Why faults cannot be arranged so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// A fault's own timing.
    #[error(transparent)]
    Fault(#[from] BadSpec),
    /// Weights of faults that there are not.
    #[error("mix names {0}, which is not among the faults of this run")]
    NotAFault(Kind),
    /// Nothing can be drawn.
    #[error("the weights of a mix are all zero, or there are no faults to mix")]
    NoWeight,
    /// More than one arrangement.
    #[error("{0} and {1} exclude each other: say one of mix, sequence and script")]
    Both(&'static str, &'static str),
    /// A key that belongs to another arrangement.
    #[error("`{0}` belongs to {1}")]
    Misplaced(&'static str, &'static str),
    /// Half of a period.
    #[error("quiet: `for` and `every` belong together: {{ for: 20s, every: 60s }}")]
    HalfQuiet,
    /// A period without a moment that is not quiet.
    #[error("quiet: {0} of every {1} leave no time for faults")]
    AlwaysQuiet(Time, Time),
    /// A script has exact times.
    #[error("a script says exactly when, so `quiet` has no place beside it")]
    QuietScript,
    /// A line that cannot be.
    #[error("line {line} of the {part}: {why}")]
    Line {
        /// `script` or `sequence`.
        part: &'static str,
        /// Which, from one.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl ScheduleSpec {
    /// A script.
    pub fn script(lines: Vec<Line>) -> Self {
        Self {
            arrangement: Arrangement::Script(lines),
            quiet: Quiet::default(),
        }
    }

    /// Completes a sequence or script by what `faults` says of those it names, and leaves in `faults` what is injected:
    /// what has to be possible.
    pub fn settle(&mut self, faults: &mut Faults) {
        let (Arrangement::Sequence { steps: lines, .. } | Arrangement::Script(lines)) =
            &mut self.arrangement
        else {
            return;
        };
        let mut injected: Vec<TrackSpec> = Vec::new();
        for fault in lines.iter_mut().filter_map(|line| line.inject.as_mut()) {
            *fault = defined(fault, faults);
            if injected.iter().all(|track| track.fault != *fault) {
                let mut track = TrackSpec::of(fault.kind());
                track.fault = fault.clone();
                injected.push(track);
            }
        }
        faults.0 = injected;
    }

    /// Whether it waits for a leader to change.
    pub fn watches_leader(&self) -> bool {
        let Arrangement::Script(lines) = &self.arrangement else {
            return false;
        };
        lines
            .iter()
            .any(|line| line.on == Some(Trigger::LeaderChange))
    }

    /// Whether it could be carried out in a run of this length.
    pub fn check(&self, faults: &Faults, run: Duration) -> Result<(), BadSchedule> {
        self.quiet.check()?;
        match &self.arrangement {
            Arrangement::Overlapping | Arrangement::OneAtATime => Ok(()),
            Arrangement::Mix { weights, .. } => {
                let named = |kind: &&Kind| faults.0.iter().all(|t| t.fault.kind() != **kind);
                match weights.keys().find(named) {
                    Some(kind) => Err(BadSchedule::NotAFault(*kind)),
                    None => self.program(faults, run, 0).map(drop),
                }
            }
            Arrangement::Sequence { .. } => self.program(faults, run, 0).map(drop),
            Arrangement::Script(_) if !self.quiet.is_none() => Err(BadSchedule::QuietScript),
            Arrangement::Script(_) => self.program(faults, run, 0).map(drop),
        }
    }

    /// The tracks of a mix, a sequence or a script.
    pub(super) fn program(
        &self,
        faults: &Faults,
        run: Duration,
        seed: u64,
    ) -> Result<Vec<Track>, BadSchedule> {
        match &self.arrangement {
            Arrangement::Overlapping | Arrangement::OneAtATime => Ok(Vec::new()),
            Arrangement::Mix {
                weights,
                every,
                lasting,
            } => mix(faults, weights, *every, *lasting, run).map(|(source, every)| {
                let first = first_of_many(&every, seed);
                vec![Track::starting(source, seed, first)]
            }),
            Arrangement::Sequence { steps, repeat } => {
                let (source, first) = sequence(steps, *repeat)?;
                Ok(vec![Track::starting(source, seed, first)])
            }
            Arrangement::Script(lines) => script(lines, run, seed),
        }
    }
}

/// What `faults` says of a fault that is named without options.
fn defined(fault: &FaultSpec, faults: &Faults) -> FaultSpec {
    if *fault != FaultSpec::of(fault.kind()) {
        return fault.clone();
    }
    let said = faults.0.iter().find(|t| t.fault.kind() == fault.kind());
    said.map_or_else(|| fault.clone(), |track| track.fault.clone())
}

fn mix(
    faults: &Faults,
    weights: &BTreeMap<Kind, u32>,
    every: Option<TimeRange>,
    lasting: Option<TimeRange>,
    run: Duration,
) -> Result<(Source, TimeRange), BadSchedule> {
    let mut drawn = Vec::new();
    let mut pace = every;
    for track in &faults.0 {
        let weight = match weights.is_empty() {
            true => 1,
            false => weights
                .get(&track.fault.kind())
                .copied()
                .unwrap_or_default(),
        };
        if weight == 0 {
            continue;
        }
        let own = TrackSpec {
            every: every.or(track.every),
            lasting: track.lasting.or(lasting),
            ..track.clone()
        };
        let (every, lasting) = own.timing(run)?;
        // Where nothing is said, the pace is that of the fault that takes longest.
        pace = match pace {
            Some(pace) if pace.max >= every.max => Some(pace),
            _ => Some(every),
        };
        drawn.push((weight, track.fault.clone(), lasting));
    }
    let every = pace.filter(|_| !drawn.is_empty());
    let every = every.ok_or(BadSchedule::NoWeight)?;
    Ok((
        Source::Mix {
            faults: drawn,
            every,
        },
        every,
    ))
}

fn sequence(lines: &[Line], repeat: bool) -> Result<(Source, Nanos), BadSchedule> {
    let mut steps: Vec<Step> = Vec::new();
    let mut first = TimeRange::exactly(Duration::ZERO);
    for (i, line) in lines.iter().enumerate() {
        let bad = |why: &str| bad_line("sequence", i, why);
        let own = Line {
            inject: line.inject.clone(),
            lasting: line.lasting,
            rest: line.rest,
            ..Line::default()
        };
        match line {
            line if *line != own => {
                return Err(bad("it may say `inject` and `for`, or `rest`"));
            }
            Line {
                inject: Some(fault),
                lasting: Some(lasting),
                rest: None,
                ..
            } => steps.push(Step {
                fault: fault.clone(),
                lasting: *lasting,
                rest: TimeRange::exactly(Duration::ZERO),
            }),
            Line {
                rest: Some(rest),
                inject: None,
                lasting: None,
                ..
            } => {
                let before = steps.last_mut().map_or(&mut first, |step| &mut step.rest);
                *before = sum(before, rest);
            }
            Line {
                inject: Some(_), ..
            } => return Err(bad("it says not for how long: `for: 5s`")),
            _ => {
                return Err(bad("there is neither a fault to inject nor a `rest` in it"));
            }
        }
    }
    let Some(last) = steps.last_mut() else {
        return Err(bad_line("sequence", 0, "there is nothing to inject in it"));
    };
    if repeat {
        last.rest = sum(&last.rest, &first);
    }
    // Where it starts is nobody's choice to draw: at the shortest.
    let first = Nanos(first.min.as_nanos() as u64);
    Ok((Source::Sequence { steps, repeat }, first))
}

fn sum(a: &TimeRange, b: &TimeRange) -> TimeRange {
    TimeRange {
        min: a.min + b.min,
        max: a.max + b.max,
    }
}

fn script(lines: &[Line], run: Duration, seed: u64) -> Result<Vec<Track>, BadSchedule> {
    let mut tracks = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let bad = |why: &str| bad_line("script", i, why);
        if line.rest.is_some() {
            return Err(bad("`rest` belongs to a sequence; here are exact times"));
        }
        if let Some(at) = line.at
            && at.0 >= run
        {
            let why = format!("{at} is not within the run, which takes {}", Time(run));
            return Err(bad(&why));
        }
        let seed = seed ^ (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match (line.at, line.on, &line.inject, &line.heal) {
            (Some(at), None, Some(fault), None) => {
                if line.after.is_some() || line.times.is_some() {
                    return Err(bad("`after` and `times` belong to `on`"));
                }
                let source = Source::Once(Shot {
                    fault: fault.clone(),
                    lasting: line
                        .lasting
                        .or_else(|| healed_by(lines, i, at, fault.kind())),
                    seed: line.seed,
                    among: line.among.clone(),
                });
                let at = Nanos(at.0.as_nanos() as u64);
                tracks.push(Track::starting(source, seed, at));
            }
            (None, Some(trigger), Some(fault), None) => {
                let Some(lasting) = line.lasting else {
                    return Err(bad("it says not for how long: `for: 5s`"));
                };
                let source = Source::On {
                    trigger,
                    delay: line.after.unwrap_or_default().0,
                    times: line.times.unwrap_or(1),
                    fault: fault.clone(),
                    lasting,
                };
                tracks.push(Track::starting(source, seed, Nanos(0)));
            }
            (Some(at), None, None, Some(word)) => {
                if word != "all" {
                    word.parse::<Kind>()?;
                }
                let before = lines[..i].iter().any(|earlier| {
                    let kind = earlier.inject.as_ref().map(FaultSpec::kind);
                    let named = kind.is_some_and(|k| word == "all" || k.word() == word);
                    named && earlier.lasting.is_none() && earlier.at.is_some_and(|t| t < at)
                });
                if !before {
                    return Err(bad(&format!("there is no {word} before it to heal")));
                }
            }
            _ => {
                return Err(bad(
                    "it says `at` with `inject` or `heal`, or `on` with `inject`",
                ));
            }
        }
    }
    Ok(tracks)
}

/// How long a fault lasts that a later line heals.
fn healed_by(lines: &[Line], after: usize, from: Time, kind: Kind) -> Option<TimeRange> {
    let heals = |line: &&Line| {
        let word = line.heal.as_deref();
        word.is_some_and(|word| word == "all" || word == kind.word())
    };
    let times = lines[after..].iter().filter(heals).filter_map(|l| l.at);
    let first = times.filter(|at| *at > from).min()?;
    Some(TimeRange::exactly(first.0 - from.0))
}

fn bad_line(part: &'static str, at: usize, why: &str) -> BadSchedule {
    BadSchedule::Line {
        part,
        line: at + 1,
        why: why.to_owned(),
    }
}

/// A word as in a list of `faults:`, or a map of one entry as in a map of them.
fn read_one<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FaultSpec>, D::Error> {
    let Faults(mut tracks) = Faults::deserialize(from)?;
    match (tracks.pop(), tracks.is_empty()) {
        (Some(track), true) if track.every.is_none() && track.lasting.is_none() => {
            Ok(Some(track.fault))
        }
        (Some(track), true) => Err(de::Error::custom(format!(
            "{}: `every` and `for` are said beside `inject`, not in it",
            track.fault.kind()
        ))),
        _ => Err(de::Error::custom(
            "one fault a line: kill@leader, or { kill: { at: leader } }",
        )),
    }
}

fn write_one<S: Serializer>(fault: &Option<FaultSpec>, to: S) -> Result<S::Ok, S::Error> {
    let tracks = fault.iter().map(|fault| {
        let mut track = TrackSpec::of(fault.kind());
        track.fault = fault.clone();
        track
    });
    Faults(tracks.collect()).serialize(to)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    mode: Option<Word>,
    mix: Option<Weights>,
    every: Option<TimeRange>,
    r#for: Option<TimeRange>,
    sequence: Option<Vec<Line>>,
    repeat: Option<bool>,
    script: Option<Vec<Line>>,
    #[serde(default)]
    quiet: Quiet,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Overlapping,
    OneAtATime,
    Mix,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected weights: { partition: 3, kill: 1 }, or even"
)]
enum Weights {
    Even(Even),
    Of(BTreeMap<Kind, u32>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Even {
    Even,
}

impl Written {
    fn arrangement(&mut self) -> Result<Arrangement, BadSchedule> {
        let parts = [
            ("mode", self.mode.is_some()),
            ("mix", self.mix.is_some()),
            ("sequence", self.sequence.is_some()),
            ("script", self.script.is_some()),
        ];
        let mut said = parts
            .iter()
            .filter(|(_, said)| *said)
            .map(|(name, _)| *name);
        if let (Some(one), Some(other)) = (said.next(), said.next()) {
            return Err(BadSchedule::Both(one, other));
        }
        let mixed = self.mix.is_some() || matches!(self.mode, Some(Word::Mix));
        for (key, said) in [
            ("every", self.every.is_some()),
            ("for", self.r#for.is_some()),
        ] {
            if said && !mixed {
                return Err(BadSchedule::Misplaced(key, "mix"));
            }
        }
        if self.repeat.is_some() && self.sequence.is_none() {
            return Err(BadSchedule::Misplaced("repeat", "sequence"));
        }
        let mix = |weights, said: &Self| Arrangement::Mix {
            weights,
            every: said.every,
            lasting: said.r#for,
        };
        Ok(
            match (self.sequence.take(), self.script.take(), self.mix.take()) {
                (Some(steps), ..) => Arrangement::Sequence {
                    steps,
                    repeat: self.repeat.unwrap_or_default(),
                },
                (_, Some(lines), _) => Arrangement::Script(lines),
                (.., Some(Weights::Of(weights))) => mix(weights, self),
                (.., Some(Weights::Even(Even::Even))) => mix(BTreeMap::new(), self),
                (.., None) => match self.mode {
                    None | Some(Word::Overlapping) => Arrangement::Overlapping,
                    Some(Word::OneAtATime) => Arrangement::OneAtATime,
                    Some(Word::Mix) => mix(BTreeMap::new(), self),
                },
            },
        )
    }
}

impl<'de> Deserialize<'de> for ScheduleSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ScheduleSpec;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a schedule: overlapping, one-at-a-time, mix, or a map with mix, sequence or script")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<ScheduleSpec, E> {
                let word = Word::deserialize(de::value::StrDeserializer::new(word))?;
                self.finish(Written {
                    mode: Some(word),
                    mix: None,
                    every: None,
                    r#for: None,
                    sequence: None,
                    repeat: None,
                    script: None,
                    quiet: Quiet::default(),
                })
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ScheduleSpec, A::Error> {
                self.finish(Written::deserialize(
                    de::value::MapAccessDeserializer::new(map),
                )?)
            }
        }
        impl Visitor {
            fn finish<E: de::Error>(self, mut written: Written) -> Result<ScheduleSpec, E> {
                Ok(ScheduleSpec {
                    arrangement: written.arrangement().map_err(E::custom)?,
                    quiet: written.quiet,
                })
            }
        }
        from.deserialize_any(Visitor)
    }
}
