//! The checker `consensus`: each decision is one value (agreement), that somebody proposed (validity), and that no node
//! forgets (integrity).
//!
//! - *Agreement*: no two answers name different values for one decision, whoever gave them.
//! - *Validity*: a decided value was proposed, by a call that was made before the answer came and did not fail.
//! - *Integrity*: a node that knew of a decision does not later say that there is none. Another node may: it may not have
//!   heard yet.
//! - *Termination* is not safety: decisions that nobody ever learned are counted, and do not fail. If none was ever
//!   learned, nothing was judged, and the verdict is `unknown`.
//!
//! **Sound and complete** for these properties of what was answered. O(n log n). After Lamport, "The Part-Time
//! Parliament", 1998, and Cachin, Guerraoui & Rodrigues, "Introduction to Reliable and Secure Distributed
//! Programming", 2011, module 5.2 (uniform consensus).

use std::collections::BTreeMap;

use history::{
    History, Index, Key, Outcome,
    ops::{Consensus, ConsensusOp, ConsensusReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, UNLESS_MISREPORTED, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges decisions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreement;

/// Everything about one decision.
#[derive(Default)]
struct Decision {
    /// Per value: the first call to propose it that may have happened, and the first that failed.
    proposed: BTreeMap<i64, [Option<usize>; 2]>,
    /// Per value: the first answer to name it.
    decided: BTreeMap<i64, usize>,
    proposals: u64,
}

impl Checker<Consensus> for Agreement {
    fn name(&self) -> &str {
        "consensus"
    }

    fn decides(&self) -> String {
        "each decision is one value, that somebody proposed, and that no node forgets".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound and complete for these properties of what was answered; decisions that nobody learned are counted only"
    }

    fn check(&self, history: &History<Consensus>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "consensus");
        let mut decisions: BTreeMap<Option<&Key>, Decision> = BTreeMap::new();
        let mut answers = 0;
        for (at, span) in history.spans().iter().enumerate() {
            let decision = decisions.entry(span.call.key.as_ref()).or_default();
            if let ConsensusOp::Propose(value) = span.call.op {
                decision.proposals += 1;
                let failed = matches!(span.outcome, Outcome::Fail(_));
                let first = decision.proposed.entry(value).or_default();
                first[usize::from(failed)].get_or_insert(at);
            }
            if let Outcome::Ok(ConsensusReturn::Decided(Some(value))) = span.outcome {
                answers += 1;
                let first = decision.decided.entry(value).or_insert(at);
                // The first to be complete leaves the least time for a proposal.
                if history.spans()[*first].completed > span.completed {
                    *first = at;
                }
            }
        }
        for (key, decision) in &decisions {
            judge_agreement(history, *key, decision, &mut findings);
            judge_validity(history, *key, decision, &mut findings);
        }
        judge_integrity(history, &mut findings);
        let decided = decisions.values().filter(|d| !d.decided.is_empty()).count() as u64;
        let open = decisions.len() as u64 - decided;
        findings.or_else(|| match decided {
            0 => Verdict::Unknown(Cause {
                code: "consensus/never-decided".to_owned(),
                text: "nobody ever learned of a decision".to_owned(),
                remedy: "look at the errors of the calls, or give the cluster time to decide"
                    .to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [
                    ("decisions", decided),
                    ("answers with a decision", answers),
                    ("proposals", decisions.values().map(|d| d.proposals).sum()),
                    ("decisions that nobody learned", open),
                ],
                Vec::new(),
            )),
        })
    }
}

fn judge_agreement(
    history: &History<Consensus>,
    key: Option<&Key>,
    decision: &Decision,
    findings: &mut Findings<'_, Consensus>,
) {
    let words = Words(history);
    let mut all: Vec<(usize, i64)> = decision.decided.iter().map(|(v, at)| (*at, *v)).collect();
    all.sort_unstable();
    for pair in all.windows(2) {
        let [(first, a), (second, b)] = *pair else {
            continue;
        };
        findings.add("two-decisions", &[first, second], || Told {
            title: format!("two different decisions{}", on_key(key)),
            explanation: format!(
                "{} was told that {a} was decided. {} was told that {b} was.",
                capital(&words.place(first)),
                capital(&words.place(second))
            ),
            key: key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        });
    }
}

fn judge_validity(
    history: &History<Consensus>,
    key: Option<&Key>,
    decision: &Decision,
    findings: &mut Findings<'_, Consensus>,
) {
    let words = Words(history);
    for (value, told) in &decision.decided {
        let [made, failed] = decision.proposed.get(value).copied().unwrap_or_default();
        let place = capital(&words.place(*told));
        let title = format!("decision that nobody proposed{}", on_key(key));
        let said = format!("{place} was told that {value} was decided.");
        let answer = words.span(*told).completed;
        match (made, failed) {
            (Some(made), _) if answer.is_none_or(|end| words.span(made).invoked < end) => {}
            (Some(made), _) => findings.add("decided-before-proposed", &[made, *told], || Told {
                title: format!("decision before its proposal{}", on_key(key)),
                explanation: format!(
                    "{said} It was proposed only later, by {}.",
                    words.place(made)
                ),
                key: key.cloned(),
                confidence: CERTAIN,
                minimal: true,
            }),
            (None, Some(failed)) => {
                findings.add("decided-failed-proposal", &[failed, *told], || Told {
                    title: format!("decision for a proposal that failed{}", on_key(key)),
                    explanation: format!("{said} {}", words.call(failed)),
                    key: key.cloned(),
                    confidence: UNLESS_MISREPORTED,
                    minimal: true,
                });
            }
            (None, None) => findings.add("phantom-decision", &[*told], || Told {
                title,
                explanation: format!("{said} Nobody ever proposed it."),
                key: key.cloned(),
                confidence: CERTAIN,
                minimal: true,
            }),
        }
    }
}

/// Each answer "nothing is decided" against the earliest decision that the same node had told of.
fn judge_integrity(history: &History<Consensus>, findings: &mut Findings<'_, Consensus>) {
    let words = Words(history);
    let mut known: BTreeMap<_, (Index, usize)> = BTreeMap::new();
    let asked = |at: usize| {
        let span = &history.spans()[at];
        span.node.map(|node| (node, span.call.key.as_ref()))
    };
    for (at, span) in history.spans().iter().enumerate() {
        if let (Outcome::Ok(ConsensusReturn::Decided(Some(_))), Some(who), Some(end)) =
            (&span.outcome, asked(at), answered(span))
        {
            let first = known.entry(who).or_insert((end, at));
            *first = (*first).min((end, at));
        }
    }
    for (at, span) in history.spans().iter().enumerate() {
        let (Outcome::Ok(ConsensusReturn::Decided(None)), Some(who)) = (&span.outcome, asked(at))
        else {
            continue;
        };
        let Some((_, first)) = known.get(&who).filter(|(end, _)| *end < span.invoked) else {
            continue;
        };
        findings.add("decision-forgotten", &[*first, at], || Told {
            title: format!("decision that was forgotten{}", on_key(who.1)),
            explanation: format!(
                "{} told {} of a decision. {} later it told {} that there was none.",
                history.node_name(span),
                words.who(*first),
                words.later(*first, at),
                words.who(at)
            ),
            key: who.1.cloned(),
            confidence: CERTAIN,
            minimal: true,
        });
    }
}

#[cfg(test)]
mod tests {
    use history::{Nanos, dsl, ops::ConsensusCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{self, cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Consensus>(drawing).expect("a drawing");
        Agreement.check(&history, Budget::default())
    }

    fn codes(drawing: &str) -> Vec<String> {
        oracle::codes(verdict(drawing))
    }

    #[test]
    fn two_decisions() {
        let found = verdict(
            "
            p0@n1: |-propose x 1 -> 1-|
            p1@n2:    |-propose x 2 -> 2-|",
        );
        let expected = Finding {
            code: "two-decisions".to_owned(),
            title: "two different decisions on key x".to_owned(),
            property: "consensus".to_owned(),
            explanation: "Process 0 (n1, 0:00.000) was told that 1 was decided. Process 1 (n2, 0:00.000) was told that 2 was.".to_owned(),
            key: Some(Key::Text("x".into())),
            witness: vec![Index(0), Index(1)],
            from: Nanos(19),
            until: Nanos(41),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn what_was_never_proposed_is_not_decided() {
        assert_eq!(codes("p0: |-propose x 1 -> 7-|"), ["phantom-decision"]);
        assert_eq!(
            codes("p0: |-propose x 1 fail-|\np1:                   |-learn x -> 1-|"),
            ["decided-failed-proposal"]
        );
        assert_eq!(
            codes("p0:                   |-propose x 1 -> 1-|\np1: |-learn x -> 1-|"),
            ["decided-before-proposed"]
        );
        // It may have happened.
        assert_eq!(
            codes("p0: |-propose x 1 info-|\np1:                   |-learn x -> 1-|"),
            ["pass"]
        );
    }

    #[test]
    fn a_node_does_not_forget_and_another_may_not_have_heard() {
        let drawing = |node: &str| {
            format!(
                "p0@n1: |-propose x 1 -> 1-|\np1@{node}:                      |-learn x -> nil-|"
            )
        };
        assert_eq!(codes(&drawing("n1")), ["decision-forgotten"]);
        assert_eq!(codes(&drawing("n2")), ["pass"]);
        assert_eq!(codes("p0: |-learn x -> nil-|"), ["unknown"]);
    }

    /// Some decisions, learned late; `forgetful` decides again now and then.
    fn run(seed: u64, forgetful: bool) -> History<Consensus> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let (mut decided, mut fresh) = ([None; 3], 0);
        play::<Consensus, _>(
            &mut rng,
            (4, 50),
            |rng, _| ConsensusCall {
                key: Some(Key::Int(rng.random_range(0..3))),
                op: if rng.random_bool(0.6) {
                    fresh += 1;
                    ConsensusOp::Propose(fresh)
                } else {
                    ConsensusOp::Learn
                },
            },
            |rng, call| {
                let Some(Key::Int(key)) = call.key else {
                    unreachable!("asked above")
                };
                let held = &mut decided[key as usize];
                if let ConsensusOp::Propose(value) = call.op
                    && (held.is_none() || forgetful && rng.random_bool(0.2))
                {
                    *held = Some(value);
                }
                Some(ConsensusReturn::Decided(*held))
            },
        )
    }

    #[test]
    fn an_honest_group_passes_and_one_that_decides_again_is_caught() {
        let mut caught = 0;
        for seed in 0..cases(200) {
            let honest = Agreement.check(&run(seed, false), Budget::default());
            assert_ne!(honest.word(), "fail", "seed {seed}: {honest:?}");
            if let Verdict::Fail(found) = Agreement.check(&run(seed, true), Budget::default()) {
                assert!(found.iter().all(|f| f.code == "two-decisions"), "{found:?}");
                caught += 1;
            }
        }
        assert!(caught > 0, "none caught");
    }
}
