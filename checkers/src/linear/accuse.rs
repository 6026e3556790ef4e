//! From what an engine says of an object to a finding. Nobody is accused by an engine that contradicts another.

use history::{History, Index};

use super::{
    asked::{One, Question},
    brute,
    distinct::Violation,
    object::Object,
    reduce::{Units, reduce},
    telling::{explain, place, told},
};
use crate::{Budget, Cause, Finding, findings::CERTAIN};

/// Up to this many calls the oracle looks at a witness, too.
const ORACLE: usize = 12;

/// What was concluded about one object.
pub(super) enum Judged {
    Ordered,
    Impossible(Box<Finding>),
    GaveUp(Cause),
}

/// Makes a finding of an object of which no order is left after an event, unless the oracle says otherwise: nobody is
/// accused by an engine that contradicts another.
pub(super) fn accuse<M: Object>(
    history: &History<M::Recorded>,
    one: &One<'_, M>,
    initial: &M,
    until: Index,
    ordered: usize,
    budget: Budget,
) -> Judged {
    let reduced = reduce(one, initial, until, budget);
    let witness = reduced.witness(one, initial, until);
    let shown = |at: usize| witness.binary_search(&at).is_ok();
    let few = one.question(initial, shown, Some(until));
    let (key, on) = place(one);
    if few.parts.len() <= ORACLE && brute::linearizable(&few.problem) {
        return contradicted(few.parts.len(), &on);
    }
    let spans = || witness.iter().map(|at| one.spans[*at]);
    let last = spans().find(|span| span.completed == Some(until));
    let starts = spans().map(|span| span.start);
    Judged::Impossible(Box::new(Finding {
        code: "not-linearizable".to_owned(),
        title: format!("no order explains the calls{on}"),
        property: "linearizable".to_owned(),
        explanation: explain(history, one, &witness, until, ordered),
        key,
        witness: spans().map(|span| span.invoked).collect(),
        from: starts.min().unwrap_or_default(),
        until: last.and_then(|span| span.end).unwrap_or_default(),
        minimal: reduced.minimal(&witness),
        confidence: CERTAIN.to_owned(),
        more: 0,
        order: Vec::new(),
    }))
}

/// Two algorithms say different things of some calls.
pub(super) fn contradicted(calls: usize, on: &str) -> Judged {
    Judged::GaveUp(Cause {
        code: "checker/disagreement".to_owned(),
        text: format!(
            "two algorithms contradict each other about {calls} calls{on}: a defect of schism"
        ),
        remedy: "keep the history and report it, please".to_owned(),
    })
}

/// Makes a finding of what is impossible without any search: its calls, and those that go only together with them.
pub(super) fn accuse_at_once<M: Object>(
    history: &History<M::Recorded>,
    one: &One<'_, M>,
    initial: &M,
    question: &Question<M>,
    violation: &Violation,
) -> Judged {
    let calls = violation.calls.iter();
    let calls = calls.map(|call| question.parts[*call].span as usize);
    let witness = Units::new(one).whole(calls);
    let shown = |at: usize| witness.binary_search(&at).is_ok();
    let few = one.question(initial, shown, None);
    let (key, on) = place(one);
    if few.parts.len() <= ORACLE && brute::linearizable(&few.problem) {
        return contradicted(few.parts.len(), &on);
    }
    let spans = || witness.iter().map(|at| one.spans[*at]);
    let mut sentences = vec![violation.explanation()];
    sentences.extend(told(history, one, &witness));
    let starts = spans().map(|span| span.start);
    Judged::Impossible(Box::new(Finding {
        code: "not-linearizable".to_owned(),
        title: format!("{}{on}", violation.title()),
        property: "linearizable".to_owned(),
        explanation: sentences.join(" "),
        key,
        witness: spans().map(|span| span.invoked).collect(),
        from: starts.min().unwrap_or_default(),
        until: spans()
            .filter_map(|span| span.end)
            .max()
            .unwrap_or_default(),
        minimal: violation.is_minimal() && few.parts.len() == violation.calls.len(),
        confidence: CERTAIN.to_owned(),
        more: 0,
        order: Vec::new(),
    }))
}
