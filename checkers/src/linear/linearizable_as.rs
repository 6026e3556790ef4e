//! The checker `linearizable` for any [`Object`]: each object by its [shortcut](Object::shortcut) or by the search, all
//! objects at once.
//!
//! Sound and complete as long as the budget lasts, under the assumptions of the model. A finding is called `not-linearizable`;
//! unlike with registers, what kind of thing went wrong is left to its calls to tell.

use std::marker::PhantomData;

use history::{Codec, History, Index, Operation, Outcome};
use rayon::prelude::*;

use super::{
    accuse::{Judged, accuse, accuse_at_once, contradicted},
    asked::{One, split},
    certificate::{self, Certificate, Refusal},
    distinct::Decision,
    object::Object,
    problem::Answer,
    search::{ordered, search},
    telling::place,
};
use crate::{Budget, Cause, Checker, Evidence, Finding, Verdict, findings::evidence};

/// Up to this many calls, and for this part of the budget, the search looks at what is known to be impossible without it: it
/// finds the moment at which no order was left.
const SEARCHED: usize = 1000;
const LOOKING: u64 = 100;

/// A checker of linearizability, which can also prove that it was right to pass.
pub trait Judge<O: Operation>: Checker<O> {
    /// An order of all calls, if there is one and the budget lasts.
    fn certify(&self, history: &History<O>, budget: Budget) -> Option<Certificate>;

    /// Whether a certificate proves that this history is linearizable, by this checker's model from this checker's first
    /// state.
    fn verify(&self, history: &History<O>, certificate: &Certificate) -> Result<(), Refusal>;
}

/// Judges histories against the model `M`.
///
/// ```
/// use history::{dsl, ops::Queue};
/// use schism_checkers::{Budget, Checker, linear::{LinearizableAs, models::Fifo}};
///
/// let history = dsl::parse::<Queue>("
///     p0: |-enqueue _ 1-| |-enqueue _ 2-|
///     p1:                                 |-dequeue _ -> 2-|
/// ")?;
/// let verdict = LinearizableAs::<Fifo>::default().check(&history, Budget::default());
/// assert_eq!(verdict.word(), "fail");
/// # Ok::<(), dsl::DrawingError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LinearizableAs<M> {
    initial: Option<i64>,
    model: PhantomData<fn() -> M>,
}

impl<M: Object> Default for LinearizableAs<M> {
    fn default() -> Self {
        Self::starting_with(None)
    }
}

impl<M: Object> LinearizableAs<M> {
    /// For objects that are in this state at first: see [`Object::initially`].
    pub fn starting_with(initial: Option<i64>) -> Self {
        Self {
            initial,
            model: PhantomData,
        }
    }
}

impl<M: Object> Checker<M::Recorded> for LinearizableAs<M> {
    fn name(&self) -> &str {
        "linearizable"
    }

    fn decides(&self) -> String {
        format!(
            "every call seems to happen at once, at some moment between its invocation and its answer, on a {}",
            M::NAME
        )
    }

    fn limits(&self) -> &'static str {
        "sound and complete for the model, as long as the budget lasts; then it is unknown"
    }

    fn check(&self, history: &History<M::Recorded>, budget: Budget) -> Verdict {
        let objects = split::<M>(history);
        let initial = M::initially(self.initial);
        let budget = shared(budget, objects.len());
        let judged: Vec<Judged> = objects
            .par_iter()
            .map(|one| judge(history, one, &initial, budget))
            .collect();
        conclude(history, judged)
    }
}

impl<M: Object> Judge<M::Recorded> for LinearizableAs<M> {
    fn certify(&self, history: &History<M::Recorded>, budget: Budget) -> Option<Certificate> {
        let objects = split::<M>(history);
        let initial = M::initially(self.initial);
        let budget = shared(budget, objects.len());
        let orders = objects.par_iter().map(|one| {
            let question = one.question(&initial, |_| true, None);
            let order = ordered(&question.problem, budget)?;
            let placed = order.into_iter().map(|at| {
                let part = question.parts[at as usize];
                certificate::Placed::new(one.spans[part.span as usize].invoked, part.part)
            });
            Some(certificate::Order {
                keys: one.keys.iter().map(|key| (*key).clone()).collect(),
                calls: placed.collect(),
            })
        });
        let orders = orders.collect::<Option<Vec<_>>>()?;
        let certificate = Certificate::new(M::NAME, self.initial, orders);
        self.verify(history, &certificate)
            .ok()
            .map(|()| certificate)
    }

    fn verify(&self, history: &History<M::Recorded>, found: &Certificate) -> Result<(), Refusal> {
        certificate::verify::<M>(history, self.initial, found)
    }
}

/// A budget for each of some objects: all may be in memory at the same time.
pub(super) fn shared(budget: Budget, objects: usize) -> Budget {
    Budget {
        steps: budget.steps,
        bytes: budget.bytes / (rayon::current_num_threads().min(objects).max(1) as u64),
    }
}

fn judge<M: Object>(
    history: &History<M::Recorded>,
    one: &One<'_, M>,
    initial: &M,
    budget: Budget,
) -> Judged {
    let question = one.question(initial, |_| true, None);
    let ended_before = |index: Index| {
        let ended = one.spans.iter().filter(|span| {
            matches!(span.outcome, Outcome::Ok(_)) && span.completed.is_some_and(|end| end < index)
        });
        ended.count()
    };
    let (violation, looking) = match M::shortcut(&question.problem) {
        Some(Decision::Linearizable) => return Judged::Ordered,
        Some(Decision::Violation(found)) => {
            let first = found.into_iter().next();
            let violation = first.expect("a violation is never empty");
            if question.parts.len() > SEARCHED {
                return accuse_at_once(history, one, initial, &question, &violation);
            }
            let steps = budget.steps / LOOKING;
            (Some(violation), Budget { steps, ..budget })
        }
        Some(Decision::NotApplicable(_)) | None => (None, budget),
    };
    match (search(&question.problem, looking), violation) {
        (Answer::Linearizable, None) => Judged::Ordered,
        (Answer::Linearizable, Some(_)) => contradicted(question.parts.len(), &place(one).1),
        (Answer::Exhausted { .. }, Some(violation)) => {
            accuse_at_once(history, one, initial, &question, &violation)
        }
        (Answer::Violation { at }, _) => {
            let until = question.index(at);
            accuse(history, one, initial, until, ended_before(until), budget)
        }
        (Answer::Exhausted { at }, None) => Judged::GaveUp(Cause {
            code: "budget/search".to_owned(),
            text: format!(
                "the search gave up{} after {} of {} calls; those have an order",
                place(one).1,
                ended_before(question.index(at)),
                one.spans.len(),
            ),
            remedy: "use values that are distinct, more keys or fewer clients, or raise --budget"
                .to_owned(),
        }),
    }
}

/// One verdict from those about the objects: the smallest witness.
fn conclude<O: Codec>(history: &History<O>, judged: Vec<Judged>) -> Verdict {
    let objects = judged.len() as u64;
    let mut found: Option<Finding> = None;
    let mut gave_up: Option<(Cause, u64)> = None;
    let mut impossible = 0;
    for one in judged {
        match one {
            Judged::Ordered => {}
            Judged::GaveUp(cause) => match &mut gave_up {
                None => gave_up = Some((cause, 0)),
                Some((_, others)) => *others += 1,
            },
            Judged::Impossible(finding) => {
                impossible += 1;
                let clarity = |f: &Finding| (f.witness.len(), f.until);
                if found
                    .as_ref()
                    .is_none_or(|f| clarity(&finding) < clarity(f))
                {
                    found = Some(*finding);
                }
            }
        }
    }
    if let Some(finding) = found {
        return Verdict::Fail(vec![Finding {
            more: impossible - 1,
            ..finding
        }]);
    }
    if let Some((cause, others)) = gave_up {
        let others = match others {
            0 => String::new(),
            n => format!(" (and {n} more objects without a verdict)"),
        };
        return Verdict::Unknown(Cause {
            text: format!("{}{others}", cause.text),
            ..cause
        });
    }
    let count = |f: fn(&Outcome<O::Return>) -> bool| {
        let spans = history.spans().iter();
        spans.filter(|span| f(&span.outcome)).count() as u64
    };
    let counts: Evidence = evidence(
        [
            ("ok ops", count(|o| matches!(o, Outcome::Ok(_)))),
            ("info", count(|o| matches!(o, Outcome::Info(_)))),
            ("objects judged by search", objects),
        ],
        Vec::new(),
    );
    Verdict::Pass(counts)
}

#[cfg(test)]
mod tests {
    use history::{
        Key, Nanos, dsl,
        ops::{Lock, Queue},
    };

    use super::*;
    use crate::linear::models::{Fifo, Mutex, OwnerMutex};

    fn findings<M: Object>(drawing: &str) -> Vec<Finding> {
        let history = dsl::parse::<M::Recorded>(drawing).expect("a drawing");
        match LinearizableAs::<M>::default().check(&history, Budget::default()) {
            Verdict::Fail(findings) => findings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_that_overtakes_another() {
        let found = findings::<Fifo>(
            "
            p0@n1: |-enqueue 1 10-| |-enqueue 1 20-|
            p1@n2:                                   |-dequeue 1 -> 20-| |-dequeue 1 -> 10-|
            p2@n1: |-enqueue 1 30-|
            p3@n2:                                   |-dequeue 1 -> 30-|",
        );
        let expected = Finding {
            code: "not-linearizable".to_owned(),
            title: "no order explains the calls on key 1".to_owned(),
            property: "linearizable".to_owned(),
            explanation: "Process 0 on n1: enqueue 1 10, 0:00.000 to 0:00.000. Process 0 on n1: enqueue 1 20, 0:00.000 to 0:00.000. Process 1 on n2: dequeue 1 \u{2192} 20, 0:00.000 to 0:00.000. Each must take effect at one moment between its start and its end, and no choice of moments explains all answers. The 3 calls on key 1 that had ended before 0:00.000 have an order; with the answer of process 1 to dequeue 1 at 0:00.000 none is left.".to_owned(),
            key: Some(Key::Int(1)),
            witness: vec![Index(0), Index(4), Index(6)],
            from: Nanos(19),
            until: Nanos(71),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, [expected]);
    }

    const TWO_OWNERS: &str = "
        p0: |-acquire 1-|  |-release 1-|  |-acquire 1-|
        p1:                                              |-acquire 1-|";

    #[test]
    fn a_witness_is_minimal_only_where_every_call_in_it_might_have_gone() {
        let [owned] = &findings::<OwnerMutex>(TWO_OWNERS)[..] else {
            panic!("one finding");
        };
        assert_eq!((owned.witness.len(), owned.minimal), (2, true));
        let [anyone] = &findings::<Mutex>(TWO_OWNERS)[..] else {
            panic!("one finding");
        };
        assert_eq!((anyone.witness.len(), anyone.minimal), (4, false));
    }

    #[test]
    fn who_runs_out_of_budget_says_how_far_it_came() {
        let history = dsl::parse::<Lock>(TWO_OWNERS).expect("a drawing");
        let steps = Budget {
            steps: 1,
            ..Budget::default()
        };
        match LinearizableAs::<OwnerMutex>::default().check(&history, steps) {
            Verdict::Unknown(cause) => {
                assert_eq!(cause.code, "budget/search");
                assert!(cause.text.contains("on key 1 after"), "{}", cause.text);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_drain_of_unknown_outcome_may_have_taken_everything_or_nothing() {
        for (first, second, word) in [
            ("null", "null", "pass"),
            ("1", "2", "pass"),
            ("2", "null", "pass"),
            ("null", "2", "fail"),
        ] {
            let drawing = format!(
                "p0: |-enqueue _ 1-| |-enqueue _ 2-|
                 p1: |-drain _ info-|
                 p2:                                  |-dequeue _ -> {first}-| |-dequeue _ -> {second}-|"
            );
            let history = dsl::parse::<Queue>(&drawing).expect("a drawing");
            let verdict = LinearizableAs::<Fifo>::default().check(&history, Budget::default());
            assert_eq!(verdict.word(), word, "{first}, {second}");
        }
    }
}
