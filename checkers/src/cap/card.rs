//! The answer as data: what a report draws its CAP card from.

use history::{Nanos, fault::FaultId};
use serde::{Deserialize, Serialize};

use super::Use;

/// What a run shows of the choice between consistency and availability. An observation, not a proof: another run may
/// show more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The properties that were judged: `linearizable`. Empty if nobody judged.
    pub properties: Vec<String>,
    /// The partitions that were seen to take effect, in the order of their injection.
    pub partitions: Vec<Partition>,
    /// How many were injected, and not seen to bite. Nothing is said of those.
    pub unproven: u64,
    /// What it is like without faults.
    pub normal: Normal,
    /// All partitions in a sentence.
    pub sentence: String,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number in the fault track.
    pub fault: FaultId,
    /// `{n1 n2} | {n3 n4 n5}`.
    pub what: String,
    /// From when it was certainly in force.
    pub from: Nanos,
    /// When it was healed; `None` if it never was.
    pub healed: Option<Nanos>,
    /// Other faults that were in force at some moment of it: what was seen may be their doing.
    pub overlaps: Vec<FaultId>,
    /// Its sides, in the order of the fault track.
    pub sides: Vec<Side>,
    /// All of it in a few sentences.
    pub sentence: String,
}

/// Nodes that could still talk to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Which.
    pub nodes: Vec<String>,
    /// Which part of the cluster that is.
    pub role: Role,
    /// What became of reads.
    pub reads: Access,
    /// What became of writes.
    pub writes: Access,
}

impl Side {
    /// What became of reads, or of writes.
    pub fn access(&self, of: Use) -> &Access {
        match of {
            Use::Read => &self.reads,
            Use::Write => &self.writes,
        }
    }
}

/// Which part of the cluster a side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Fewer than half of the nodes.
    Minority,
    /// Just half of them.
    Half,
    /// More than half of them.
    Majority,
    /// Sides that have nodes in common, as those of a ring or a bridge.
    Overlapping,
    /// The nodes that a fault without sides was aimed at, as one that cuts in one direction only.
    Targets,
    /// All but the targets.
    Others,
}

/// What became of the reads, or of the writes, of one side while a partition was in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Access {
    /// Calls that were made.
    pub tried: u64,
    /// Of those, answered before the heal.
    pub accepted: u64,
    /// Answered, and only after the heal.
    pub late: u64,
    /// Refused.
    pub failed: u64,
    /// Of unknown outcome.
    pub lost: u64,
    /// What that amounts to.
    pub availability: Availability,
    /// The longest time in which calls were made and none was answered: from the start of the first to the next answer, or
    /// to the heal. Zero if all were answered.
    pub longest_outage: Nanos,
    /// How long it took to be there again.
    pub recovery: Recovery,
    /// What the checkers of consistency found.
    pub consistency: Consistency,
    /// What was given up.
    pub gave_up: Choice,
}

/// Whether calls were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// Nobody asked.
    NotTried,
    /// They were, without an outage worth the name.
    Available,
    /// There was an outage, and it ended before the heal: an election, for instance.
    Interrupted,
    /// At first, and then no more until the heal.
    Stopped,
    /// None was.
    Unavailable,
}

/// When calls were answered again, counted from the heal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recovery {
    /// The partition was not healed in this run.
    NotHealed,
    /// Nobody asked after the heal and before the next fault.
    NotTried,
    /// Nobody was answered after the heal and before the next fault.
    Never {
        /// How many asked.
        tried: u64,
    },
    /// This long after the heal a call that was made after it had been answered.
    After {
        /// How long.
        time: Nanos,
    },
}

/// What is known of the consistency of a side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// Nobody judged, or without a conclusion.
    NotJudged,
    /// No violation was found that leads here.
    NoViolation,
    /// None of the findings leads here, but they stand for others that were not told one by one.
    Unclear,
    /// These findings lead here.
    Violated {
        /// Their titles.
        findings: Vec<String>,
    },
}

/// What was given up, as far as was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Nobody asked.
    NotTried,
    /// Neither.
    Neither,
    /// Calls were not answered.
    Availability,
    /// Answers contradict each other.
    Consistency,
    /// Both.
    Both,
    /// Calls were answered; nobody judged the answers.
    Unknown,
}

impl Choice {
    /// What follows from what was seen.
    pub(super) fn of(availability: Availability, consistency: &Consistency) -> Self {
        let gone = match availability {
            Availability::NotTried => return Self::NotTried,
            Availability::Available | Availability::Interrupted => false,
            Availability::Stopped | Availability::Unavailable => true,
        };
        match (gone, consistency) {
            (true, Consistency::Violated { .. }) => Self::Both,
            (true, _) => Self::Availability,
            (false, Consistency::Violated { .. }) => Self::Consistency,
            (false, Consistency::NoViolation) => Self::Neither,
            (false, Consistency::NotJudged | Consistency::Unclear) => Self::Unknown,
        }
    }

    /// What two partitions show together.
    pub(super) fn and(self, other: Self) -> Self {
        use Choice::{Availability, Both, Consistency, Neither, NotTried, Unknown};
        match (self, other) {
            (NotTried, one) | (one, NotTried) => one,
            (Both, _) | (_, Both) => Both,
            (Availability, Consistency) | (Consistency, Availability) => Both,
            (Availability, _) | (_, Availability) => Availability,
            (Consistency, _) | (_, Consistency) => Consistency,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Neither, Neither) => Neither,
        }
    }
}

/// Without faults: latency against staleness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    /// How long reads took; `None` if none was answered.
    pub reads: Option<Latency>,
    /// How long writes took.
    pub writes: Option<Latency>,
    /// By how much reads were behind at most, where that was measured.
    pub staleness: Option<Nanos>,
    /// Findings whose calls were all made while no fault was in force.
    pub findings: u64,
    /// All of it in a sentence.
    pub sentence: String,
}

/// How long calls took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many.
    pub calls: u64,
    /// Half of them no longer than this.
    pub median: Nanos,
    /// 99 of a hundred no longer than this.
    pub p99: Nanos,
}
