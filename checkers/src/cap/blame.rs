//! Which side a violation leads to.

use history::{History, Nanos, Operation, Outcome, Span};

use super::{Cap, Consistency, Use, sides::is_member};
use crate::{Finding, Verdict};

/// The findings of the checkers of consistency, with their calls.
pub(super) struct Blame<'a, O: Operation> {
    cap: &'a Cap<O>,
    findings: Vec<(&'a Finding, Vec<&'a Span<O>>)>,
    /// Whether somebody reached a conclusion, and everybody who was asked did.
    concluded: bool,
}

impl<'a, O: Operation> Blame<'a, O> {
    pub(super) fn new(cap: &'a Cap<O>, history: &'a History<O>) -> Self {
        let spans = history.spans();
        let find = |index| {
            let at = spans.binary_search_by_key(&index, |span: &Span<O>| span.invoked);
            at.ok().map(|at| &spans[at])
        };
        let calls = |finding: &'a Finding| {
            let calls = finding.witness.iter().filter_map(|index| find(*index));
            (finding, calls.collect())
        };
        Self {
            cap,
            findings: findings(cap).map(calls).collect(),
            concluded: !cap.judged.is_empty()
                && cap
                    .judged
                    .iter()
                    .all(|(_, verdict)| !matches!(verdict, Verdict::Unknown(_))),
        }
    }

    /// What is known of the reads, or of the writes, of some nodes in a window.
    pub(super) fn consistency(
        &self,
        window: (Nanos, Nanos),
        member: &[bool],
        of: Use,
    ) -> Consistency {
        let mut guilty: Vec<String> = Vec::new();
        for (finding, calls) in &self.findings {
            let accused = self.accused(finding, calls, window);
            if accused.is_some_and(|(u, span)| u == of && is_member(member, span)) {
                guilty.push(finding.title.clone());
            }
        }
        let untold = self.findings.iter().any(|(finding, _)| finding.more > 0);
        match guilty.is_empty() {
            false => Consistency::Violated { findings: guilty },
            true if untold => Consistency::Unclear,
            true if self.concluded => Consistency::NoViolation,
            true => Consistency::NotJudged,
        }
    }

    /// The one call of a witness that a violation is laid at the door of: see the module above.
    fn accused(
        &self,
        finding: &Finding,
        calls: &[&'a Span<O>],
        (from, until): (Nanos, Nanos),
    ) -> Option<(Use, &'a Span<O>)> {
        let inside = |u: Use| {
            let seen = calls.iter().copied().filter(move |span| {
                (self.cap.serves)(&span.call) == Some(u)
                    && !matches!(span.outcome, Outcome::Fail(_))
                    && span.start <= until
                    && span.end.is_none_or(|end| end >= from)
            });
            seen.map(move |span| (u, span))
        };
        let lost = finding.code.starts_with("lost-");
        let write = lost.then(|| inside(Use::Write).min_by_key(|(_, span)| span.invoked));
        write
            .flatten()
            .or_else(|| inside(Use::Read).max_by_key(|(_, span)| span.invoked))
            .or_else(|| inside(Use::Write).max_by_key(|(_, span)| span.invoked))
    }
}

/// All findings that were handed over.
pub(super) fn findings<O: Operation>(cap: &Cap<O>) -> impl Iterator<Item = &Finding> {
    cap.judged.iter().flat_map(|(_, verdict)| match verdict {
        Verdict::Fail(findings) => findings.as_slice(),
        Verdict::Pass(_) | Verdict::Unknown(_) => &[],
    })
}
