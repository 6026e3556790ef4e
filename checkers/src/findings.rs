//! Collects violations while a checker works: of each kind the clearest, told whole, and how many others there are.
//!
//! The clearest is the one with the fewest calls, then the earliest to be complete. Words are only made for a violation
//! that is clearer than what was there, so that a million of them cost a million comparisons and few sentences.

use std::collections::BTreeMap;

use history::{History, Index, Key, Nanos, Operation, Outcome};

use crate::{Evidence, Finding, Verdict};

/// What is said of a violation.
pub(crate) struct Told {
    /// See [`Finding::title`].
    pub(crate) title: String,
    /// See [`Finding::explanation`].
    pub(crate) explanation: String,
    /// See [`Finding::key`].
    pub(crate) key: Option<Key>,
    /// See [`Finding::confidence`].
    pub(crate) confidence: &'static str,
    /// See [`Finding::minimal`].
    pub(crate) minimal: bool,
}

/// The witness alone is impossible.
pub(crate) const CERTAIN: &str = "certain";
/// The witness rests on a call that was reported as failed.
pub(crate) const UNLESS_MISREPORTED: &str = "certain unless a failed call was misreported";

/// What was found of one property.
pub(crate) struct Findings<'a, O: Operation> {
    history: &'a History<O>,
    property: &'static str,
    clearest: BTreeMap<&'static str, ((usize, Nanos), Finding)>,
}

impl<'a, O: Operation> Findings<'a, O> {
    pub(crate) fn new(history: &'a History<O>, property: &'static str) -> Self {
        Self {
            history,
            property,
            clearest: BTreeMap::new(),
        }
    }

    /// A violation: its code, and the positions of its calls in the history.
    pub(crate) fn add(&mut self, code: &'static str, calls: &[usize], tell: impl FnOnce() -> Told) {
        let spans = || calls.iter().map(|at| &self.history.spans()[*at]);
        let known = spans()
            .filter(|span| !matches!(span.outcome, Outcome::Info(_)))
            .filter_map(|span| span.end)
            .max();
        let from = spans().map(|span| span.start).min().unwrap_or_default();
        let until = spans().map(|span| span.start).max().max(known);
        let until = until.unwrap_or_default();
        let rank = (calls.len(), until);
        let more = match self.clearest.get_mut(code) {
            None => 0,
            Some((clearest, finding)) if *clearest <= rank => {
                finding.more += 1;
                return;
            }
            Some((_, finding)) => finding.more + 1,
        };
        let mut witness: Vec<Index> = spans().map(|span| span.invoked).collect();
        witness.sort_unstable();
        witness.dedup();
        let told = tell();
        let finding = Finding {
            code: code.to_owned(),
            title: told.title,
            property: self.property.to_owned(),
            explanation: told.explanation,
            key: told.key,
            witness,
            from,
            until,
            minimal: told.minimal,
            confidence: told.confidence.to_owned(),
            more,
            order: Vec::new(),
        };
        self.clearest.insert(code, (rank, finding));
    }

    /// Another violation of a kind that was added before, and no clearer.
    pub(crate) fn another(&mut self, code: &'static str) {
        if let Some((_, finding)) = self.clearest.get_mut(code) {
            finding.more += 1;
        }
    }

    /// The findings, most frequent first; or else what `otherwise` says.
    pub(crate) fn or_else(self, otherwise: impl FnOnce() -> Verdict) -> Verdict {
        let mut findings: Vec<Finding> = self.clearest.into_values().map(|(_, f)| f).collect();
        findings.sort_by(|a, b| (b.more, &a.code).cmp(&(a.more, &b.code)));
        match findings.is_empty() {
            true => otherwise(),
            false => Verdict::Fail(findings),
        }
    }
}

/// Counts for a pass.
pub(crate) fn evidence<const N: usize>(counts: [(&str, u64); N], notes: Vec<String>) -> Evidence {
    Evidence {
        counts: counts.map(|(what, n)| (what.to_owned(), n)).to_vec(),
        notes,
    }
}
