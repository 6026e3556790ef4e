//! The checker `election`: in each term a group has at most one leader, and no node goes back to an earlier term.
//!
//! A node that is asked answers with the leader and the term that it knows of. Two answers that name different leaders of
//! one term are a violation, whoever gave them and whenever: a term, or an epoch, or a ballot, has one leader for good
//! (Ongaro & Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014, section 5: election safety).
//! That several nodes believe to lead at one moment is none: they do so in different terms.
//!
//! A node's term only grows; it is written to disk before anybody hears of it (ibid., figure 2). An answer with a lower
//! term than an answer of the same node that ended before this call was made shows that it was forgotten.
//!
//! **Sound** for systems with terms. **Incomplete**: leaders that nobody was told of are not seen. O(n log n).

use std::collections::BTreeMap;

use history::{
    History, Index, Key, Outcome,
    ops::{Election, ElectionReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges answers about leaders.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneLeaderPerTerm;

impl Checker<Election> for OneLeaderPerTerm {
    fn name(&self) -> &str {
        "election"
    }

    fn decides(&self) -> String {
        "each term has at most one leader, and no node goes back to an earlier term".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound for systems with terms; incomplete: leaders that nobody was told of are not seen"
    }

    fn check(&self, history: &History<Election>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "election");
        let (mut answers, mut terms) = (0, 0);
        let mut leaders: BTreeMap<(Option<&Key>, i64), (&Key, usize)> = BTreeMap::new();
        let words = Words(history);
        for (at, span) in history.spans().iter().enumerate() {
            let Outcome::Ok(ElectionReturn { term, leader }) = &span.outcome else {
                continue;
            };
            let Some(leader) = leader else { continue };
            answers += 1;
            let key = span.call.key.as_ref();
            let (first, before) = *leaders.entry((key, *term)).or_insert_with(|| {
                terms += 1;
                (leader, at)
            });
            if first == leader {
                continue;
            }
            findings.add("two-leaders", &[before, at], || Told {
                title: format!("two leaders of one term{}", on_key(key)),
                explanation: format!(
                    "{} was told that {first} leads in term {term}. {} was told that in the same term {leader} leads.",
                    capital(&words.place(before)),
                    capital(&words.place(at))
                ),
                key: key.cloned(),
                confidence: CERTAIN,
                minimal: true,
            });
        }
        judge_terms(history, &mut findings);
        findings.or_else(|| match answers {
            0 => Verdict::Unknown(Cause {
                code: "election/no-leader".to_owned(),
                text: "nobody was ever told of a leader".to_owned(),
                remedy: "look at the errors of the calls".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [
                    ("answers with a leader", answers),
                    ("terms with a leader", terms),
                ],
                Vec::new(),
            )),
        })
    }
}

/// An answer: where it ended, its term, its call.
type Answer = (Index, i64, usize);

/// Each answer of a node against the highest term of its answers that ended before this one was asked for.
fn judge_terms(history: &History<Election>, findings: &mut Findings<'_, Election>) {
    let words = Words(history);
    let mut nodes: BTreeMap<_, Vec<Answer>> = BTreeMap::new();
    for (at, span) in history.spans().iter().enumerate() {
        let (Some(node), Outcome::Ok(told), Some(end)) = (span.node, &span.outcome, answered(span))
        else {
            continue;
        };
        let asked = (node, span.call.key.as_ref());
        nodes.entry(asked).or_default().push((end, told.term, at));
    }
    for ((_, key), mut answers) in nodes {
        answers.sort_unstable_by_key(|(end, ..)| *end);
        let mut highest: Vec<Answer> = Vec::with_capacity(answers.len());
        for answer in &answers {
            let most = highest.last().filter(|most| most.1 >= answer.1);
            highest.push((answer.0, most.unwrap_or(answer).1, most.unwrap_or(answer).2));
        }
        for (_, term, at) in answers {
            let asked = words.span(at).invoked;
            let before = highest.partition_point(|(end, ..)| *end < asked);
            let Some((_, known, first)) = before.checked_sub(1).map(|i| highest[i]) else {
                continue;
            };
            if known <= term {
                continue;
            }
            findings.add("term-backwards", &[first, at], || Told {
                title: format!("a node went back to an earlier term{}", on_key(key)),
                explanation: format!(
                    "{} told {} of term {known}. {} later it told {} of term {term}, which had ended.",
                    history.node_name(words.span(first)),
                    words.who(first),
                    words.later(first, at),
                    words.who(at)
                ),
                key: key.cloned(),
                confidence: CERTAIN,
                minimal: true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use history::{Nanos, dsl, ops::ElectionCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Election>(drawing).expect("a drawing");
        OneLeaderPerTerm.check(&history, Budget::default())
    }

    #[test]
    fn two_leaders() {
        let found = verdict(
            r#"
            p0@n1: |-leader _ -> {"term":4,"leader":"n1"}-|
            p1@n2:      |-leader _ -> {"term":4,"leader":"n2"}-|"#,
        );
        let expected = Finding {
            code: "two-leaders".to_owned(),
            title: "two leaders of one term".to_owned(),
            property: "election".to_owned(),
            explanation: "Process 0 (n1, 0:00.000) was told that n1 leads in term 4. Process 1 (n2, 0:00.000) was told that in the same term n2 leads.".to_owned(),
            key: None,
            witness: vec![Index(0), Index(1)],
            from: Nanos(19),
            until: Nanos(63),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn a_term_that_was_forgotten() {
        let found = verdict(
            r#"
            p0@n1: |-leader _ -> {"term":4,"leader":"n1"}-|
            p1@n1:                                           |-leader _ -> {"term":3,"leader":null}-|"#,
        );
        let Verdict::Fail(found) = found else {
            panic!("{found:?}")
        };
        assert_eq!(found[0].code, "term-backwards");
        assert_eq!(
            found[0].explanation,
            "n1 told process 0 of term 4. 0 µs later it told process 1 of term 3, which had ended."
        );
    }

    #[test]
    fn leaders_of_different_terms_or_groups_and_answers_that_overlap_are_fine() {
        for drawing in [
            "p0@n1: |-leader _ -> {\"term\":4,\"leader\":\"n1\"}-|\np1@n2: |-leader _ -> {\"term\":5,\"leader\":\"n2\"}-|",
            "p0@n1: |-leader a -> {\"term\":4,\"leader\":\"n1\"}-|\np1@n2: |-leader b -> {\"term\":4,\"leader\":\"n2\"}-|",
            "p0@n1: |-leader _ -> {\"term\":4,\"leader\":\"n1\"}-|\np1@n1:    |-leader _ -> {\"term\":3,\"leader\":null}-|",
        ] {
            assert_eq!(verdict(drawing).word(), "pass", "{drawing}");
        }
        let silent = verdict("p0@n1: |-leader _ -> {\"term\":4,\"leader\":null}-|");
        assert!(matches!(silent, Verdict::Unknown(c) if c.code == "election/no-leader"));
    }

    /// Three nodes learn late of elections, and all calls are answered by the first; `split` lets two of them win one.
    fn run(seed: u64, split: bool) -> History<Election> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut known = [(0, None); 3];
        let mut term = 0;
        play(
            &mut rng,
            (3, 60),
            |_, _| ElectionCall { key: None },
            |rng, _| {
                if rng.random_bool(0.2) {
                    term += 1;
                    let winner = rng.random_range(0..3usize);
                    known[winner] = (term, Some(winner as i64));
                    if split {
                        let other = (winner + 1) % 3;
                        known[other] = (term, Some(other as i64));
                    }
                }
                let (from, to) = (rng.random_range(0..3usize), rng.random_range(0..3usize));
                known[to] = known[to].max(known[from]);
                let (term, leader) = known[0];
                Some(ElectionReturn {
                    term,
                    leader: leader.map(Key::Int),
                })
            },
        )
    }

    #[test]
    fn an_honest_group_passes_and_one_that_splits_its_vote_is_caught() {
        let mut caught = 0;
        for seed in 0..cases(200) {
            let honest = OneLeaderPerTerm.check(&run(seed, false), Budget::default());
            assert_ne!(honest.word(), "fail", "seed {seed}: {honest:?}");
            if let Verdict::Fail(found) =
                OneLeaderPerTerm.check(&run(seed, true), Budget::default())
            {
                assert!(found.iter().all(|f| f.code == "two-leaders"), "{found:?}");
                caught += 1;
            }
        }
        assert!(caught > 0, "none caught");
    }
}
