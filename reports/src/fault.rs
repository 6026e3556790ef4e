//! A fault as the report tells it: what it was, whether it was seen to bite, and what clients felt of it.

use history::{Codec, History, Nanos, Outcome, Span, fault::FaultSpan};
use serde::{Deserialize, Serialize};

use crate::{
    Counts, OutcomeKind,
    escape::{VALUE, inert},
    number::{grouped, list},
};

/// How far the faults of a run came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCounts {
    /// Decided.
    pub planned: u64,
    /// Applied.
    pub injected: u64,
    /// Seen to bite.
    pub verified: u64,
    /// Of those that were applied, undone.
    pub healed: u64,
}

impl FaultCounts {
    pub(crate) fn of(faults: &[FaultView]) -> Self {
        let count = |f: fn(&FaultView) -> bool| faults.iter().filter(|x| f(x)).count() as u64;
        Self {
            planned: faults.len() as u64,
            injected: count(|f| f.span.injected.is_some()),
            verified: count(|f| f.span.took_effect()),
            healed: count(|f| f.span.injected.is_some() && f.span.healed.is_some()),
        }
    }
}

/// What clients of some nodes felt while a fault was in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideUse {
    /// The nodes: `n1 n2`.
    pub nodes: String,
    /// Which part of the cluster that is: `minority`, `half`, `majority`, `targets`, `others`; empty where no word fits.
    pub role: &'static str,
    /// How the calls made to them meanwhile ended.
    pub counts: Counts,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultView {
    /// Its life; all text in it is inert.
    pub span: FaultSpan,
    /// `partition {n1 n2} | {n3 n4 n5}`.
    pub label: String,
    /// What clients felt, side by side; empty if it never was in force.
    pub sides: Vec<SideUse>,
    /// From healing to the first `ok` answer of a node it had hit to a call made after it; `None` if there was none.
    pub recovery: Option<Nanos>,
}

impl FaultView {
    pub(crate) fn new<O: Codec>(fault: FaultSpan, history: &History<O>) -> Self {
        let span = clean(fault);
        let label = span.label();
        let sides = sides(&span, history);
        let recovery = recovery(&span, history);
        Self {
            span,
            label,
            sides,
            recovery,
        }
    }

    /// The end of its reach: when it was undone, or `otherwise`.
    pub(crate) fn end(&self, otherwise: Nanos) -> Nanos {
        self.span.healed.unwrap_or(otherwise).max(self.span.began)
    }

    /// `verified: 0/20 probes crossed`; `NOT verified: …`.
    pub fn verification(&self) -> String {
        match &self.span.verified {
            Some((true, how)) if how.is_empty() => "verified".to_owned(),
            Some((true, how)) => format!("verified: {how}"),
            Some((false, how)) if how.is_empty() => "NOT verified".to_owned(),
            Some((false, how)) => format!("NOT verified: {how}"),
            None => "NOT verified: nobody looked".to_owned(),
        }
    }

    /// What it did to some nodes, in sentences: `n1 was on the minority side.` Empty where nothing certain can be said.
    pub(crate) fn effect_on(&self, nodes: &[String]) -> String {
        let all: usize = self.span.sides.iter().map(Vec::len).sum();
        let mut parts: Vec<(&'static str, Vec<&str>)> = Vec::new();
        for node in nodes {
            let words = if self.span.sides.len() > 1 {
                let mut with = self.span.sides.iter().filter(|s| s.contains(node));
                match (with.next(), with.next()) {
                    (Some(side), None) if side.len() * 2 < all => "on the minority side",
                    (Some(side), None) if side.len() * 2 > all => "on the majority side",
                    _ => continue,
                }
            } else if self.span.nodes.contains(node) {
                "among its targets"
            } else {
                continue;
            };
            match parts.iter_mut().find(|(w, _)| *w == words) {
                Some((_, who)) => who.push(node),
                None => parts.push((words, vec![node])),
            }
        }
        parts
            .into_iter()
            .map(|(words, who)| {
                let verb = if who.len() == 1 { "was" } else { "were" };
                format!("{} {verb} {words}.", list(&who))
            })
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn clean(mut f: FaultSpan) -> FaultSpan {
    let probe = |p: Option<(bool, String)>| p.map(|(ok, how)| (ok, inert(&how, VALUE)));
    let names = |v: Vec<String>| -> Vec<String> { v.iter().map(|n| inert(n, VALUE)).collect() };
    f.kind = inert(&f.kind, VALUE);
    f.what = inert(&f.what, VALUE);
    f.nodes = names(f.nodes);
    f.sides = f.sides.into_iter().map(names).collect();
    f.verified = probe(f.verified);
    f.heal_verified = probe(f.heal_verified);
    for reading in &mut f.clocks {
        reading.node = inert(&reading.node, VALUE);
    }
    let left_out = f.errors.len().saturating_sub(20);
    f.errors.truncate(20);
    f.errors = names(f.errors);
    if left_out > 0 {
        f.errors
            .push(format!("and {} more", grouped(left_out as u64)));
    }
    f
}

fn sides<O: Codec>(fault: &FaultSpan, history: &History<O>) -> Vec<SideUse> {
    let Some(from) = fault.injected else {
        return Vec::new();
    };
    let groups: Vec<(Vec<String>, &'static str)> = if fault.sides.len() > 1 {
        let all: usize = fault.sides.iter().map(Vec::len).sum();
        let role = |n: usize| match (n * 2).cmp(&all) {
            std::cmp::Ordering::Less => "minority",
            std::cmp::Ordering::Equal => "half",
            std::cmp::Ordering::Greater => "majority",
        };
        let mut names: Vec<&String> = fault.sides.iter().flatten().collect();
        names.sort_unstable();
        let overlapping = names.windows(2).any(|w| w[0] == w[1]);
        fault
            .sides
            .iter()
            .map(|s| (s.clone(), if overlapping { "" } else { role(s.len()) }))
            .collect()
    } else {
        let others = history
            .nodes()
            .iter()
            .map(|(_, n)| inert(n, VALUE))
            .filter(|n| !fault.nodes.contains(n))
            .collect();
        vec![(fault.nodes.clone(), "targets"), (others, "others")]
    };
    let members: Vec<Vec<bool>> = groups
        .iter()
        .map(|(names, _)| {
            history
                .nodes()
                .iter()
                .map(|(_, n)| names.contains(&inert(n, VALUE)))
                .collect()
        })
        .collect();
    let mut counts = vec![Counts::default(); groups.len()];
    for span in spans_from(history, from) {
        if fault.healed.is_some_and(|healed| span.start > healed) {
            break;
        }
        let Some(node) = span.node.map(|id| usize::from(id.0)) else {
            continue;
        };
        for (members, counts) in members.iter().zip(&mut counts) {
            if members.get(node) == Some(&true) {
                counts.add(OutcomeKind::of(&span.outcome));
            }
        }
    }
    groups
        .into_iter()
        .zip(counts)
        .filter(|((names, _), _)| !names.is_empty())
        .map(|((names, role), counts)| SideUse {
            nodes: names.join(" "),
            role,
            counts,
        })
        .collect()
}

fn recovery<O: Codec>(fault: &FaultSpan, history: &History<O>) -> Option<Nanos> {
    let healed = fault.healed.filter(|_| fault.injected.is_some())?;
    let minority: Vec<&String> = fault
        .sides
        .iter()
        .min_by_key(|s| s.len())
        .map_or_else(|| fault.nodes.iter().collect(), |s| s.iter().collect());
    spans_from(history, healed)
        .iter()
        .filter(|s| matches!(s.outcome, Outcome::Ok(_)))
        .filter(|s| minority.contains(&&inert(history.node_name(s), VALUE)))
        .find_map(|s| s.end)
        .map(|end| Nanos(end.0.saturating_sub(healed.0)))
}

/// The calls made at `from` or later: they are in the order in which they were made.
fn spans_from<O: Codec>(history: &History<O>, from: Nanos) -> &[Span<O>] {
    let spans = history.spans();
    &spans[spans.partition_point(|s| s.start < from)..]
}
