//! The fault track: what the nemesis did, when, and whether it was seen to work. Plain data, so that `reports` and
//! `checkers` can use it without knowing any fault.
//!
//! A fault goes through `plan → inject → verify → heal → heal-verify`. Each step is one [`FaultEvent`], one line of
//! `faults.jsonl`; [`FaultSpan::collect`] folds them into one record a fault.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Nanos;

/// Number of a fault within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u32);

/// A step of a fault's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultStep {
    /// It was decided, and its undo is on disk.
    Plan,
    /// It was applied.
    Inject,
    /// It was looked at: does it bite?
    Verify,
    /// It was undone.
    Heal,
    /// It was looked at again: is everything as before?
    HealVerify,
}

/// One line of `faults.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultEvent {
    /// When the step began.
    pub time: Nanos,
    /// When it ended.
    pub until: Nanos,
    /// Which fault.
    pub fault: FaultId,
    /// Which step.
    pub step: FaultStep,
    /// Whether the step did what it should.
    pub ok: bool,
    /// `partition`, `kill`, `pause` …
    pub kind: String,
    /// What exactly, for people: `{n1 n2} | {n3 n4 n5}`, `kill -9 n3`.
    pub what: String,
    /// The nodes it was aimed at.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// For a partition, who can still talk to whom: groups of nodes. Empty for other faults.
    #[serde(default)]
    pub sides: Vec<Vec<String>>,
    /// Proof or error, for people: `0/12 probes crossed`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A fault's whole life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultSpan {
    /// Which.
    pub id: FaultId,
    /// `partition`, `kill`, `pause` …
    pub kind: String,
    /// What exactly, for people.
    pub what: String,
    /// The nodes it was aimed at.
    pub nodes: Vec<String>,
    /// For a partition, groups of nodes that could still talk to each other.
    pub sides: Vec<Vec<String>>,
    /// When it was certainly in force: the end of a successful injection. `None` if it never was.
    pub injected: Option<Nanos>,
    /// When applying it began: the earliest moment at which it may have had an effect.
    pub began: Nanos,
    /// Whether a probe saw it bite, and what the probe said. `None` if nobody looked.
    pub verified: Option<(bool, String)>,
    /// When undoing it was complete; `None` if it was not undone by this run.
    pub healed: Option<Nanos>,
    /// Whether a probe saw that it was gone.
    pub heal_verified: Option<(bool, String)>,
    /// Errors met on the way.
    pub errors: Vec<String>,
}

impl FaultSpan {
    /// One record a fault, in order of their ids.
    pub fn collect<'a>(events: impl IntoIterator<Item = &'a FaultEvent>) -> Vec<Self> {
        let mut spans: BTreeMap<FaultId, Self> = BTreeMap::new();
        for e in events {
            let span = spans.entry(e.fault).or_insert_with(|| Self {
                id: e.fault,
                kind: e.kind.clone(),
                what: e.what.clone(),
                nodes: e.nodes.clone(),
                sides: e.sides.clone(),
                injected: None,
                began: e.time,
                verified: None,
                healed: None,
                heal_verified: None,
                errors: Vec::new(),
            });
            match e.step {
                FaultStep::Plan => {}
                FaultStep::Inject => {
                    span.began = e.time;
                    // The plan may have been refined when it was carried out (who led at that moment?).
                    span.what.clone_from(&e.what);
                    span.nodes.clone_from(&e.nodes);
                    span.sides.clone_from(&e.sides);
                    if e.ok {
                        span.injected = Some(e.until);
                    }
                }
                FaultStep::Verify => span.verified = Some((e.ok, e.detail.clone())),
                FaultStep::Heal => {
                    if e.ok {
                        span.healed = Some(e.until);
                    }
                }
                FaultStep::HealVerify => span.heal_verified = Some((e.ok, e.detail.clone())),
            }
            if !e.ok {
                span.errors.push(e.detail.clone());
            }
        }
        spans.into_values().collect()
    }

    /// Whether it was seen to bite.
    pub fn took_effect(&self) -> bool {
        self.injected.is_some() && self.verified.as_ref().is_some_and(|(ok, _)| *ok)
    }

    /// Whether it may have been in force at some moment of `from..=to`.
    pub fn overlaps(&self, from: Nanos, to: Nanos) -> bool {
        (self.injected.is_some() || !self.errors.is_empty())
            && self.began <= to
            && self.healed.is_none_or(|healed| healed >= from)
    }
}
