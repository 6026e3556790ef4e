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

use crate::{
    Fault, TimeRange,
    at::{Aim, OneOrMany, Place, Shape},
    faults::{Kill, Partition, Pause},
};

/// The sorts of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Links between nodes are cut.
    Partition,
    /// Processes are killed, and started again.
    Kill,
    /// Processes are stopped, and go on.
    Pause,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Partition, Self::Kill, Self::Pause];

    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Partition => "partition",
            Self::Kill => "kill",
            Self::Pause => "pause",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Kind {
    type Err = BadSpec;

    fn from_str(text: &str) -> Result<Self, BadSpec> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| BadSpec::unknown(text))
    }
}

/// Why a text does not name faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSpec {
    /// A word that is no fault.
    #[error("unknown fault {word:?}{}: there are partition, kill and pause", meant(.nearest))]
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

fn meant(nearest: &Option<Kind>) -> String {
    nearest.map_or_else(String::new, |kind| format!(", did you mean {kind}?"))
}

impl BadSpec {
    fn unknown(word: &str) -> Self {
        let nearest = Kind::ALL
            .into_iter()
            .map(|kind| (strsim::damerau_levenshtein(word, kind.word()), kind))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, kind)| kind);
        Self::Unknown {
            word: word.to_owned(),
            nearest,
        }
    }
}

/// A fault, as asked for: what sort, and where it may strike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultSpec {
    /// Links between nodes are cut.
    Partition(Partition),
    /// Processes are killed, and started again.
    Kill(Kill),
    /// Processes are stopped, and go on.
    Pause(Pause),
}

impl FaultSpec {
    /// What sort it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Partition(_) => Kind::Partition,
            Self::Kill(_) => Kind::Kill,
            Self::Pause(_) => Kind::Pause,
        }
    }
    /// What can be done with it.
    pub fn fault(&self) -> &dyn Fault {
        match self {
            Self::Partition(fault) => fault,
            Self::Kill(fault) => fault,
            Self::Pause(fault) => fault,
        }
    }
}

/// `kill@leader`; alternatives are told with `or`.
impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn words<P: Place>(at: &[P]) -> String {
            at.iter().map(Place::write).collect::<Vec<_>>().join(" or ")
        }
        let at = match self {
            Self::Partition(partition) => words(&partition.at),
            Self::Kill(kill) => words(&kill.at),
            Self::Pause(pause) => words(&pause.at),
        };
        match at.as_str() {
            "" => write!(f, "{}", self.kind()),
            at => write!(f, "{}@{at}", self.kind()),
        }
    }
}

/// A fault with its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackSpec {
    /// What, and where.
    pub fault: FaultSpec,
    /// From one injection to the next; from the run's length where it is not said.
    pub every: Option<TimeRange>,
    /// How long each is in force; from `every` where it is not said.
    pub lasting: Option<TimeRange>,
}

/// All faults of a run, each on its own track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<TrackSpec>);

impl TrackSpec {
    /// This sort of fault, with defaults for everything else.
    pub fn of(kind: Kind) -> Self {
        Self {
            fault: match kind {
                Kind::Partition => FaultSpec::Partition(Partition::default()),
                Kind::Kill => FaultSpec::Kill(Kill::default()),
                Kind::Pause => FaultSpec::Pause(Pause::default()),
            },
            every: None,
            lasting: None,
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
        match (at, &mut track.fault) {
            (None, _) => {}
            (Some(""), _) => return Err(BadSpec::Nowhere(kind)),
            (Some(at), FaultSpec::Partition(p)) => p.at = vec![Shape::read(at)],
            (Some(at), FaultSpec::Kill(k)) => k.at = vec![Aim::read(at)],
            (Some(at), FaultSpec::Pause(p)) => p.at = vec![Aim::read(at)],
        }
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
    /// `partition+kill`, or `none`.
    pub fn name(&self) -> String {
        if self.0.is_empty() {
            return "none".to_owned();
        }
        let words: Vec<_> = self.0.iter().map(|t| t.fault.kind().word()).collect();
        words.join("+")
    }
}

/// `partition,kill@leader`, or `none`.
impl FromStr for Faults {
    type Err = BadSpec;

    fn from_str(text: &str) -> Result<Self, BadSpec> {
        if matches!(text.trim(), "" | "none") {
            return Ok(Self::default());
        }
        Self::new(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
    }
}

/// What is written of a track, all of it: the same map that is read.
impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a, P> {
            #[serde(skip_serializing_if = "Option::is_none")]
            every: Option<TimeRange>,
            #[serde(skip_serializing_if = "Option::is_none")]
            r#for: Option<TimeRange>,
            #[serde(skip_serializing_if = "<[P]>::is_empty")]
            at: &'a [P],
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            clients: bool,
        }
        fn body<'a, P>(track: &TrackSpec, at: &'a [P], clients: bool) -> Body<'a, P> {
            Body {
                every: track.every,
                r#for: track.lasting,
                at,
                clients,
            }
        }
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for track in &self.0 {
            let kind = track.fault.kind();
            match &track.fault {
                FaultSpec::Partition(p) => {
                    map.serialize_entry(&kind, &body(track, &p.at, p.clients))?;
                }
                FaultSpec::Kill(Kill { at }) | FaultSpec::Pause(Pause { at }) => {
                    map.serialize_entry(&kind, &body(track, at, false))?;
                }
            }
        }
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartitionBody {
    every: Option<TimeRange>,
    r#for: Option<TimeRange>,
    at: Option<OneOrMany<Shape>>,
    #[serde(default)]
    clients: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessBody {
    every: Option<TimeRange>,
    r#for: Option<TimeRange>,
    at: Option<OneOrMany<Aim>>,
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
            let (every, lasting) = match &mut track.fault {
                FaultSpec::Partition(partition) => {
                    match map.next_value::<Option<PartitionBody>>()? {
                        None => (None, None),
                        Some(body) => {
                            if let Some(at) = body.at {
                                partition.at = at.into();
                            }
                            partition.clients = body.clients;
                            (body.every, body.r#for)
                        }
                    }
                }
                FaultSpec::Kill(Kill { at }) | FaultSpec::Pause(Pause { at }) => {
                    match map.next_value::<Option<ProcessBody>>()? {
                        None => (None, None),
                        Some(body) => {
                            if let Some(said) = body.at {
                                *at = said.into();
                            }
                            (body.every, body.r#for)
                        }
                    }
                }
            };
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
