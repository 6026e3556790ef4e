//! What a user asks for. On the command line a list of words, `partition,kill@leader,pause`; in YAML the same list, or a
//! map that says more:
//!
//! ```yaml
//! faults:
//!   partition: { every: 20s, for: 5s..15s, at: [minority, ring, leader], clients: true }
//!   kill:      { every: 30s, for: 3s, at: one }
//!   pause:
//! ```
//!
//! `at` lists alternatives: each injection draws one. A name that is no word of ours is a node's; `[n1, n2]` inside the
//! list, or `n1+n2`, are several nodes at once.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use crate::{FaultSpec, Kind, TimeRange, body::Timing};

/// Why a text does not name faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSpec {
    /// A word that is no fault.
    #[error("unknown fault {word:?}{}: there are {}", meant(.nearest), known())]
    Unknown {
        /// The word.
        word: String,
        /// The fault whose name looks most like it.
        nearest: Option<Kind>,
    },
    /// The same fault twice.
    #[error("{0} is named twice: give it one `at` list instead")]
    Twice(Kind),
    /// `kill@` and nothing behind it.
    #[error("{0}@ names no place: write {0}@leader or {0}@n1+n2")]
    Nowhere(Kind),
    /// `kill@leader`, of a fault that has no places.
    #[error("{0} strikes no place of its own: write {0} alone")]
    NoPlaces(Kind),
    /// A schedule that cannot be kept.
    #[error(
        "{kind}: every {every} for {lasting} leaves no time between two of them: make `every` longer than `for`"
    )]
    NoRest {
        /// Which.
        kind: Kind,
        /// The time between two injections.
        every: TimeRange,
        /// How long each is in force.
        lasting: TimeRange,
    },
}

fn known() -> String {
    let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    match words.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn meant(nearest: &Option<Kind>) -> String {
    nearest.map_or_else(String::new, |kind| format!(", did you mean {kind}?"))
}

impl BadSpec {
    pub(crate) fn unknown(word: &str) -> Self {
        let nearest = Kind::ALL
            .iter()
            .map(|kind| (strsim::damerau_levenshtein(word, kind.word()), *kind))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, kind)| kind);
        Self::Unknown {
            word: word.to_owned(),
            nearest,
        }
    }
}

/// A fault with its schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackSpec {
    /// What, and where.
    pub fault: FaultSpec,
    /// From one injection to the next; from the run's length where it is not said.
    pub every: Option<TimeRange>,
    /// How long each is in force; from `every` where it is not said.
    pub lasting: Option<TimeRange>,
    /// Whether it is left out, rather than the run refused, where it is impossible.
    pub optional: bool,
}

/// All faults of a run, each on its own track.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults(pub Vec<TrackSpec>);

impl TrackSpec {
    /// This sort of fault, with defaults for everything else.
    pub fn of(kind: Kind) -> Self {
        Self {
            fault: FaultSpec::of(kind),
            every: None,
            lasting: None,
            optional: false,
        }
    }

    /// Aims it at a place, where one is told.
    fn strike(&mut self, at: Option<&str>) -> Result<(), BadSpec> {
        let kind = self.fault.kind();
        match at {
            None => Ok(()),
            Some("") => Err(BadSpec::Nowhere(kind)),
            Some(at) => match self.fault.fault_mut().aim(at) {
                true => Ok(()),
                false => Err(BadSpec::NoPlaces(kind)),
            },
        }
    }

    /// Its schedule in a run of this length: what was said, and otherwise about five windows a run, each a third to a half
    /// of the time from one to the next, so that the cluster recovers in between.
    ///
    /// A window is never under half a second: a probe across a cut takes up to a second to fail.
    pub fn timing(&self, run: Duration) -> Result<(TimeRange, TimeRange), BadSpec> {
        let every = self.every.unwrap_or_else(|| match self.lasting {
            Some(lasting) => TimeRange::exactly((lasting.max * 2).max(run / 5)),
            None => {
                TimeRange::exactly((run / 5).clamp(Duration::from_secs(2), Duration::from_secs(30)))
            }
        });
        let lasting = self.lasting.unwrap_or_else(|| TimeRange {
            min: every.min / 3,
            max: every.min / 2,
        });
        if every.max.is_zero() || lasting.min >= every.max {
            return Err(BadSpec::NoRest {
                kind: self.fault.kind(),
                every,
                lasting,
            });
        }
        Ok((every, lasting))
    }
}

impl FromStr for TrackSpec {
    type Err = BadSpec;

    fn from_str(text: &str) -> Result<Self, BadSpec> {
        let (kind, at) = match text.trim().split_once('@') {
            None => (text.trim(), None),
            Some((kind, at)) => (kind.trim(), Some(at.trim())),
        };
        let kind: Kind = kind.parse()?;
        let mut track = Self::of(kind);
        track.strike(at)?;
        Ok(track)
    }
}

impl Faults {
    /// From tracks; each sort at most once.
    pub fn new(tracks: Vec<TrackSpec>) -> Result<Self, BadSpec> {
        for (i, track) in tracks.iter().enumerate() {
            let kind = track.fault.kind();
            if tracks[..i].iter().any(|t| t.fault.kind() == kind) {
                return Err(BadSpec::Twice(kind));
            }
        }
        Ok(Self(tracks))
    }
    /// Every sort of fault that is possible where it will run.
    pub fn all() -> Self {
        let optional = |kind: &Kind| TrackSpec {
            optional: true,
            ..TrackSpec::of(*kind)
        };
        Self(Kind::ALL.iter().map(optional).collect())
    }
    /// `partition+kill`, or `all`, or `none`.
    pub fn name(&self) -> String {
        if self.0.is_empty() {
            return "none".to_owned();
        }
        if self.0.iter().all(|track| track.optional) {
            return "all".to_owned();
        }
        let words: Vec<_> = self.kinds().iter().map(|kind| kind.word()).collect();
        words.join("+")
    }
    /// The sorts of them, each once, in their order.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = Vec::new();
        for track in &self.0 {
            let kind = track.fault.kind();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
}

/// `partition,kill@leader`, or `all`, or `none`.
impl FromStr for Faults {
    type Err = BadSpec;

    fn from_str(text: &str) -> Result<Self, BadSpec> {
        match text.trim() {
            "" | "none" => return Ok(Self::default()),
            "all" => return Ok(Self::all()),
            _ => {}
        }
        Self::new(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
    }
}

/// What is written of a track, all of it: the same map that is read.
impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for track in &self.0 {
            let timing = Timing {
                every: track.every,
                lasting: track.lasting,
            };
            track.fault.write(timing, &mut map)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Faults {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FaultsVisitor)
    }
}

struct FaultsVisitor;

impl<'de> de::Visitor<'de> for FaultsVisitor {
    type Value = Faults;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faults: a list such as [partition, kill], or a map such as { kill: { every: 20s, for: 5s } }")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Faults, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_unit<E: de::Error>(self) -> Result<Faults, E> {
        Ok(Faults::default())
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Faults, A::Error> {
        let mut tracks = Vec::new();
        while let Some(word) = seq.next_element::<String>()? {
            tracks.push(word.parse().map_err(de::Error::custom)?);
        }
        Faults::new(tracks).map_err(de::Error::custom)
    }
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Faults, A::Error> {
        let mut tracks = Vec::new();
        while let Some(word) = map.next_key::<String>()? {
            let mut track: TrackSpec = word.parse().map_err(de::Error::custom)?;
            let (fault, Timing { every, lasting }) = FaultSpec::read(track.fault.kind(), &mut map)?;
            track.fault = fault;
            if track.fault.fault().places().is_empty() {
                let at = word.split_once('@').map(|(_, at)| at.trim());
                track.strike(at).map_err(de::Error::custom)?;
            }
            track.every = every;
            track.lasting = lasting;
            if every.is_some() && lasting.is_some() {
                // The run's length plays no part where both are said.
                track.timing(Duration::ZERO).map_err(de::Error::custom)?;
            }
            tracks.push(track);
        }
        Faults::new(tracks).map_err(de::Error::custom)
    }
}
