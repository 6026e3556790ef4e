//! What the schedule asks of the nemesis: the calls and returns of its own [`Operation`], so that the same scheduler that
//! drives the clients drives the faults.
//!
//! Waiting for something to happen is asked for, too ([`Order::Watch`]), and what was seen is returned. So a schedule
//! decides by nothing but its seed and the returns of its orders, in real time as in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use history::{Operation, fault::FaultId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::FaultSpec;

/// The nemesis, as a family of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Nemesis;

impl Operation for Nemesis {
    type Call = Order;
    type Return = Carried;
}

/// What to do. Every decision that follows is a function of it and of the cluster's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Inject a fault under this number.
    Inject {
        /// The number, new in this run.
        fault: FaultId,
        /// What sort, and where.
        spec: FaultSpec,
        /// From which everything else is chosen.
        seed: u64,
    },
    /// Inject a fault as it was injected before. With this seed, among these, it is aimed at the same nodes; only who
    /// leads is looked up again.
    Repeat {
        /// The number, new in this run.
        fault: FaultId,
        /// What sort, and where.
        spec: FaultSpec,
        /// From which everything else is chosen.
        seed: u64,
        /// What else was in force then.
        among: Among,
    },
    /// See whether this has happened, for a moment; if not, the order fails and can be given again.
    Watch {
        /// The number of the fault that is to follow.
        fault: FaultId,
        /// What.
        event: Awaited,
    },
    /// Take it back.
    Heal {
        /// Which.
        fault: FaultId,
    },
}

impl Order {
    /// The fault it is about.
    pub fn fault(&self) -> FaultId {
        match self {
            Self::Inject { fault, .. }
            | Self::Repeat { fault, .. }
            | Self::Watch { fault, .. }
            | Self::Heal { fault } => *fault,
        }
    }
}

/// What was in force when a fault was planned: all that its plan depends on besides its seed and who leads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Among {
    /// Nodes whose process was killed or paused, and by which fault.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub busy: BTreeMap<String, FaultId>,
    /// Nodes that were cut off from a majority.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub apart: BTreeSet<String>,
    /// Whether each node had no more than a majority to talk to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tight: bool,
}

impl Among {
    /// Whether nothing was.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a watch waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Awaited {
    /// Anybody leads, or, if these led last, anybody else.
    Leader {
        /// Who led when it was looked last.
        besides: Vec<String>,
    },
    /// The clients' calls have come to so many.
    Ops {
        /// So many.
        at_least: u64,
        /// Whether only those count that succeeded.
        ok: bool,
    },
}

/// Something that may happen in a run: `leader-change`, `1000 ops`, `1000 ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A node leads that did not before.
    LeaderChange,
    /// So many calls of clients have ended.
    Ops {
        /// So many.
        count: u64,
        /// Whether only those count that succeeded.
        ok: bool,
    },
}

impl FromStr for Trigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ops = |count: &str, ok| match count.parse() {
            Ok(count) if count > 0 => Some(Self::Ops { count, ok }),
            _ => None,
        };
        let known = match words[..] {
            ["leader-change"] => Some(Self::LeaderChange),
            [count, "ops"] => ops(count, false),
            [count, "ok"] => ops(count, true),
            _ => None,
        };
        known.ok_or_else(|| {
            format!(
                "{text:?} is nothing to wait for: write leader-change, 1000 ops (calls that ended) or 1000 ok \
                 (calls that succeeded)"
            )
        })
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaderChange => f.write_str("leader-change"),
            Self::Ops { count, ok: false } => write!(f, "{count} ops"),
            Self::Ops { count, ok: true } => write!(f, "{count} ok"),
        }
    }
}

impl Serialize for Trigger {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Trigger {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carried {
    /// It was applied everywhere.
    Injected {
        /// What exactly, for people.
        what: String,
        /// Whether a probe saw it bite.
        verified: bool,
    },
    /// It was undone everywhere; also if there was nothing to undo.
    Healed {
        /// Whether a probe saw that it was gone.
        verified: bool,
    },
    /// What was waited for has happened: these lead.
    Leads(Vec<String>),
    /// What was waited for has happened: so many calls.
    Ops(u64),
}
