//! "Could it be the test?" Early findings are mostly mistakes of the adapter or of the test, and saying what speaks
//! for and against that builds trust. Every line here was computed from this history; what cannot be computed is not
//! said.

use std::collections::BTreeSet;

use checkers::Finding;
use history::{Codec, History, Key, Nanos, Outcome, Span};
use serde::Serialize;

use crate::{
    During, RunMeta,
    escape::{PROSE, VALUE, inert},
    number::{count, nanos},
};

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Whether it speaks for the finding; otherwise it is a reason to look twice.
    pub settled: bool,
    /// The line.
    pub text: String,
}

impl Doubt {
    fn settled(text: impl Into<String>) -> Self {
        Self {
            settled: true,
            text: text.into(),
        }
    }

    fn open(text: impl Into<String>) -> Self {
        Self {
            settled: false,
            text: text.into(),
        }
    }
}

/// What speaks for and against a finding. O(n) in the number of calls.
pub(crate) fn examine<O: Codec>(
    finding: &Finding,
    witness: &[&Span<O>],
    history: &History<O>,
    during: &[During],
    meta: &RunMeta,
    timed: bool,
) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let unknown = witness
        .iter()
        .filter(|s| matches!(s.outcome, Outcome::Info(_)))
        .count() as u64;
    match unknown {
        _ if witness.is_empty() => {}
        0 => doubts.push(Doubt::settled(
            "every call of the proof ended, and its outcome is known",
        )),
        1 => doubts.push(Doubt::settled(
            "1 call of the proof has an unknown outcome; the finding stands whether it happened or not",
        )),
        n => doubts.push(Doubt::settled(format!(
            "{n} calls of the proof have unknown outcomes; the finding stands whether they happened or not"
        ))),
    }
    if meta.imported {
        doubts.push(Doubt::open(
            "the history came in a file; its order of events is taken as it is",
        ));
    } else {
        doubts.push(Doubt::settled(
            "calls are ordered by one monotonic clock, outside of the nodes under test",
        ));
    }
    if let Some(gap) = narrowest_gap(witness).filter(|_| timed) {
        doubts.push(Doubt::settled(format!(
            "the narrowest gap between two calls of the proof that do not overlap is {}",
            nanos(gap)
        )));
    }
    doubts.extend(refused_values(finding, history));
    if finding.confidence != "certain" && !finding.confidence.is_empty() {
        doubts.push(Doubt::open(inert(&finding.confidence, VALUE)));
    }
    if let Some(fault) = during.iter().find(|d| !d.verified) {
        doubts.push(Doubt::open(format!(
            "{} was not seen to take effect, so it may not be the cause",
            fault.label
        )));
    }
    doubts.extend(meta.caveats.iter().map(|c| Doubt::open(inert(c, PROSE))));
    doubts
}

/// The least time between the end of one call and the start of the next.
fn narrowest_gap<O: Codec>(witness: &[&Span<O>]) -> Option<Nanos> {
    let mut narrowest: Option<Nanos> = None;
    for a in witness {
        let (Some(end), Some(completed)) = (a.end, a.completed) else {
            continue;
        };
        for b in witness.iter().filter(|b| completed < b.invoked) {
            let gap = Nanos(b.start.0.saturating_sub(end.0));
            narrowest = Some(narrowest.map_or(gap, |n| n.min(gap)));
        }
    }
    narrowest
}

/// Whether a value that only calls reported `fail` had offered was returned all the same, on the key of the finding: the
/// sign of an adapter that says `fail` where it should say `info`. Looks at calls whose argument is one scalar.
fn refused_values<O: Codec>(finding: &Finding, history: &History<O>) -> Option<Doubt> {
    let key = finding.key.as_ref()?;
    let on_key = |s: &&Span<O>| O::key(&s.call) == Some(key);
    let mut refused: BTreeSet<String> = BTreeSet::new();
    let mut offered: BTreeSet<String> = BTreeSet::new();
    for span in history.spans().iter().filter(on_key) {
        let Some(value) = O::encode_call(&span.call).value else {
            continue;
        };
        if matches!(span.outcome, Outcome::Fail(_)) && is_scalar(&value) {
            refused.insert(value);
        } else if !matches!(span.outcome, Outcome::Fail(_)) {
            offered.extend(scalars(&value));
        }
    }
    refused.retain(|value| !offered.contains(value));
    if refused.is_empty() {
        return None;
    }
    let seen = history.spans().iter().filter(on_key).find_map(|span| {
        let Outcome::Ok(ret) = &span.outcome else {
            return None;
        };
        let value = O::encode_return(&span.call, ret)?;
        refused.contains(&value).then_some((span.invoked, value))
    });
    let key = match key {
        Key::Int(n) => n.to_string(),
        Key::Text(t) => inert(t, VALUE),
    };
    Some(match seen {
        None => Doubt::settled(format!(
            "no value that only calls reported `fail` offered for key {key} was ever returned ({})",
            count(refused.len() as u64, "value", "values")
        )),
        Some((at, value)) => Doubt::open(format!(
            "call {} returned {}, which only a call reported `fail` had offered: the adapter may report `fail` where it \
             does not know",
            at.0,
            inert(&value, VALUE)
        )),
    })
}

fn is_scalar(json: &str) -> bool {
    !json.starts_with(['[', '{']) && json != "null"
}

/// The scalar itself, or those directly inside of an array.
fn scalars(json: &str) -> Vec<String> {
    if is_scalar(json) {
        return vec![json.to_owned()];
    }
    serde_json::from_str::<Vec<Box<serde_json::value::RawValue>>>(json)
        .map(|parts| parts.iter().map(|p| p.get().to_owned()).collect())
        .unwrap_or_default()
}
