//! The fault track: what the nemesis did, when, and whether it was seen to work. Plain data, so that `reports` and
//! `checkers` can use it without knowing any fault.
//!
//! A fault goes through `plan → inject → verify → heal → heal-verify`. Each step is one [`FaultEvent`], one line of
//! `faults.jsonl`; [`FaultSpan::collect`] folds them into one record a fault.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ClockReading, Nanos};

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

impl FaultEvent {
    /// The fault in a few words: see [`FaultSpan::label`].
    pub fn label(&self) -> String {
        label(&self.kind, &self.what)
    }
}

fn label(kind: &str, what: &str) -> String {
    match what.strip_prefix(kind) {
        Some(more) if more.is_empty() || more.starts_with(' ') => what.to_owned(),
        _ => format!("{kind} {what}"),
    }
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
    /// What was measured of the clocks that it made wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<ClockReading>,
}

impl FaultSpan {
    /// Its kind and what it did, for people: `partition {n1} | {n2 n3}`, but `kill -9 n3`.
    pub fn label(&self) -> String {
        label(&self.kind, &self.what)
    }

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
                clocks: Vec::new(),
            });
            span.clocks.extend(ClockReading::of(e));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fault: u32, from: u64, step: FaultStep, ok: bool, detail: &str) -> FaultEvent {
        FaultEvent {
            time: Nanos(from),
            until: Nanos(from + 5),
            fault: FaultId(fault),
            step,
            ok,
            kind: "kill".to_owned(),
            what: format!("kill at {from}"),
            nodes: vec!["n1".to_owned()],
            sides: Vec::new(),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn a_whole_life_is_one_span_and_says_what_was_done_not_what_was_planned() {
        let life = [
            event(1, 0, FaultStep::Plan, true, ""),
            event(1, 10, FaultStep::Inject, true, ""),
            event(1, 20, FaultStep::Verify, true, "no pid"),
            event(1, 30, FaultStep::Heal, true, ""),
            event(1, 40, FaultStep::HealVerify, true, "pid 7"),
        ];
        let span = FaultSpan::collect(&life).pop().expect("a span");
        assert_eq!(span.what, "kill at 10");
        assert_eq!((span.began, span.injected), (Nanos(10), Some(Nanos(15))));
        assert_eq!(span.verified, Some((true, "no pid".to_owned())));
        assert_eq!(span.healed, Some(Nanos(35)));
        assert_eq!(span.heal_verified, Some((true, "pid 7".to_owned())));
        assert!(span.errors.is_empty() && span.took_effect());
        let seen = [(0, 9), (0, 10), (35, 99), (36, 99)];
        assert_eq!(
            seen.map(|(a, b)| span.overlaps(Nanos(a), Nanos(b))),
            [false, true, true, false]
        );
    }

    #[test]
    fn a_fault_that_failed_to_apply_may_have_had_an_effect_but_is_not_said_to_have() {
        let life = [
            event(1, 0, FaultStep::Plan, true, ""),
            event(1, 10, FaultStep::Inject, false, "ssh died"),
        ];
        let span = FaultSpan::collect(&life).pop().expect("a span");
        assert_eq!((span.injected, span.healed), (None, None));
        assert_eq!(span.errors, ["ssh died"]);
        assert!(!span.took_effect());
        assert!(span.overlaps(Nanos(99), Nanos(100)), "nobody undid it");
    }

    #[test]
    fn a_plan_alone_was_never_in_force() {
        let span = FaultSpan::collect(&[event(1, 0, FaultStep::Plan, true, "")])
            .pop()
            .expect("a span");
        assert!(!span.overlaps(Nanos(0), Nanos(100)));
    }

    #[test]
    fn interleaved_faults_come_out_in_order_of_their_ids() {
        let life = [
            event(2, 0, FaultStep::Inject, true, ""),
            event(1, 1, FaultStep::Inject, true, ""),
            event(2, 9, FaultStep::Heal, true, ""),
        ];
        let spans: Vec<_> = FaultSpan::collect(&life)
            .into_iter()
            .map(|s| (s.id.0, s.healed))
            .collect();
        assert_eq!(spans, [(1, None), (2, Some(Nanos(14)))]);
    }
}
