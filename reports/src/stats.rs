//! Counting: how many calls of each kind ended how, how fast, what went wrong, and what each node had to say.

use std::collections::{BTreeMap, btree_map::Entry};

use history::{Codec, History, Nanos, Outcome, Reason, Span};
use serde::Serialize;

use crate::{
    Window,
    escape::{VALUE, inert},
};

/// How a call ended, without what it returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// It happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Outcome unknown: it may or may not have happened.
    Info,
}

impl OutcomeKind {
    /// All three, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Fail, Self::Info];

    /// Of an outcome.
    pub fn of<R>(outcome: &Outcome<R>) -> Self {
        match outcome {
            Outcome::Ok(_) => Self::Ok,
            Outcome::Fail(_) => Self::Fail,
            Outcome::Info(_) => Self::Info,
        }
    }

    /// `ok`, `fail`, `info`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }
}

/// How many calls ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Counts {
    /// Happened.
    pub ok: u64,
    /// Certainly did not happen.
    pub fail: u64,
    /// Outcome unknown.
    pub info: u64,
}

impl Counts {
    /// All of them.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }

    /// Those that ended in one way.
    pub fn of(self, kind: OutcomeKind) -> u64 {
        match kind {
            OutcomeKind::Ok => self.ok,
            OutcomeKind::Fail => self.fail,
            OutcomeKind::Info => self.info,
        }
    }

    pub(crate) fn add(&mut self, kind: OutcomeKind) {
        match kind {
            OutcomeKind::Ok => self.ok += 1,
            OutcomeKind::Fail => self.fail += 1,
            OutcomeKind::Info => self.info += 1,
        }
    }
}

/// One function of the workload: `read`, `write`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallStats {
    /// Its name.
    pub f: String,
    /// How its calls ended.
    pub counts: Counts,
    /// Latency of the `ok` ones: median, 99th percentile, slowest. `None` if there were none.
    pub latency: Option<[Nanos; 3]>,
}

/// When and where an error was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// When the call was made.
    pub at: Nanos,
    /// On which node; `?` if not known.
    pub node: String,
    /// Index of its invocation.
    pub index: u32,
    /// The system's own words, made inert; empty if there were none.
    pub detail: String,
}

/// One class of error, with the outcome it was mapped to: where a wrong `fail` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorClass {
    /// Its name: `timeout`, `refused`.
    pub class: String,
    /// What calls with it were taken for.
    pub outcome: OutcomeKind,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Example,
    /// The last.
    pub last: Example,
}

/// One node, as clients saw it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeUse {
    /// Its name.
    pub name: String,
    /// How the calls sent to it ended.
    pub counts: Counts,
    /// The longest stretch of the workload without an `ok` answer from it, if it was asked at all.
    pub silence: Option<Window>,
}

/// All counts of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Of all calls.
    pub counts: Counts,
    /// Latency of all `ok` calls: median, 99th percentile, slowest.
    pub latency: Option<[Nanos; 3]>,
    /// By function, in alphabetical order.
    pub calls: Vec<CallStats>,
    /// Error classes, the most frequent first.
    pub errors: Vec<ErrorClass>,
    /// Error classes beyond the [`Stats::MAX_ERRORS`]th; a system that puts values into its error classes has many.
    pub errors_left_out: u64,
    /// By node, in the order of the run.
    pub nodes: Vec<NodeUse>,
}

impl Stats {
    /// How many error classes are told apart.
    pub const MAX_ERRORS: usize = 100;

    /// O(n log n) in the number of calls.
    pub(crate) fn new<O: Codec>(history: &History<O>, workload: Window, timed: bool) -> Self {
        let mut counts = Counts::default();
        let mut by_f: BTreeMap<&'static str, (Counts, Vec<u64>)> = BTreeMap::new();
        let mut errors: BTreeMap<(String, OutcomeKind), ErrorClass> = BTreeMap::new();
        for span in history.spans() {
            let kind = OutcomeKind::of(&span.outcome);
            counts.add(kind);
            let (of_f, latencies) = by_f.entry(O::name(&span.call)).or_default();
            of_f.add(kind);
            match &span.outcome {
                Outcome::Ok(_) if timed => latencies.extend(latency(span).map(|n| n.0)),
                Outcome::Ok(_) => {}
                Outcome::Fail(reason) | Outcome::Info(reason) => {
                    note_error(&mut errors, history, span, kind, reason);
                }
            }
        }
        let mut all: Vec<u64> = by_f.values().flat_map(|(_, l)| l.iter().copied()).collect();
        let calls = by_f
            .into_iter()
            .map(|(f, (counts, mut latencies))| CallStats {
                f: f.to_owned(),
                counts,
                latency: quantiles(&mut latencies),
            })
            .collect();
        let mut errors: Vec<_> = errors.into_values().collect();
        errors.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.class.cmp(&b.class)));
        let errors_left_out = errors.len().saturating_sub(Self::MAX_ERRORS) as u64;
        errors.truncate(Self::MAX_ERRORS);
        Self {
            counts,
            latency: quantiles(&mut all),
            calls,
            errors,
            errors_left_out,
            nodes: nodes(history, workload),
        }
    }

    /// The longest stretch without an `ok` answer from a node, and which node.
    pub fn longest_silence(&self) -> Option<(&str, Window)> {
        self.nodes
            .iter()
            .filter_map(|n| Some((n.name.as_str(), n.silence?)))
            .max_by_key(|(_, w)| w.until.since(w.from))
    }
}

/// From sending to the answer, where there was one.
pub(crate) fn latency<O: Codec>(span: &Span<O>) -> Option<Nanos> {
    span.end
        .map(|end| Nanos(end.0.saturating_sub(span.start.0)))
}

/// Median, 99th percentile (nearest rank) and maximum.
pub(crate) fn quantiles(values: &mut [u64]) -> Option<[Nanos; 3]> {
    values.sort_unstable();
    let max = *values.last()?;
    let at = |permille: usize| {
        let rank = (values.len() * permille).div_ceil(1000).max(1);
        Nanos(values[rank - 1])
    };
    Some([at(500), at(990), Nanos(max)])
}

fn note_error<O: Codec>(
    errors: &mut BTreeMap<(String, OutcomeKind), ErrorClass>,
    history: &History<O>,
    span: &Span<O>,
    outcome: OutcomeKind,
    reason: &Reason,
) {
    let example = || Example {
        at: span.start,
        node: inert(history.node_name(span), VALUE),
        index: span.invoked.0,
        detail: inert(reason.detail(), VALUE),
    };
    let class = inert(reason.class(), VALUE);
    match errors.entry((class.clone(), outcome)) {
        Entry::Vacant(slot) => {
            slot.insert(ErrorClass {
                class,
                outcome,
                count: 1,
                first: example(),
                last: example(),
            });
        }
        Entry::Occupied(mut slot) => {
            let class = slot.get_mut();
            class.count += 1;
            class.last = example();
        }
    }
}

fn nodes<O: Codec>(history: &History<O>, workload: Window) -> Vec<NodeUse> {
    let mut counts = vec![Counts::default(); history.nodes().iter().len()];
    let mut answers: Vec<Vec<u64>> = vec![Vec::new(); counts.len()];
    for span in history.spans() {
        let Some(at) = span.node.map(|id| usize::from(id.0)) else {
            continue;
        };
        let Some(of_node) = counts.get_mut(at) else {
            continue;
        };
        of_node.add(OutcomeKind::of(&span.outcome));
        if let (Outcome::Ok(_), Some(end)) = (&span.outcome, span.end)
            && (workload.from..=workload.until).contains(&end)
        {
            answers[at].push(end.0);
        }
    }
    history
        .nodes()
        .iter()
        .zip(counts)
        .zip(answers)
        .map(|(((_, name), counts), answers)| NodeUse {
            name: inert(name, VALUE),
            counts,
            silence: (counts.total() > 0).then(|| longest_gap(answers, workload)),
        })
        .collect()
}

fn longest_gap(mut answers: Vec<u64>, within: Window) -> Window {
    answers.push(within.until.0);
    answers.sort_unstable();
    let mut longest = Window {
        from: within.from,
        until: within.from,
    };
    let mut last = within.from;
    for at in answers.into_iter().map(Nanos) {
        if at.since(last) > longest.until.since(longest.from) {
            longest = Window {
                from: last,
                until: at,
            };
        }
        last = last.max(at);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let mut v: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(quantiles(&mut v), Some([Nanos(50), Nanos(99), Nanos(100)]));
        assert_eq!(quantiles(&mut []), None);
        assert_eq!(quantiles(&mut [7]), Some([Nanos(7); 3]));
    }

    #[test]
    fn the_longest_gap_reaches_to_both_ends_of_the_window() {
        let within = Window {
            from: Nanos(10),
            until: Nanos(100),
        };
        let gap = |from, until| Window {
            from: Nanos(from),
            until: Nanos(until),
        };
        assert_eq!(longest_gap(vec![], within), gap(10, 100));
        assert_eq!(longest_gap(vec![20, 30], within), gap(30, 100));
        assert_eq!(longest_gap(vec![90, 70], within), gap(10, 70));
    }
}
