//! The checker `lock`: no two clients have a lock at the same time, and fencing tokens grow.
//!
//! A client *certainly* has a lock from the answer to its acquire until it asks to release it, or until it makes a call
//! whose outcome is lost (its session may be gone then). With [`MutualExclusion::lease`], at most until the lease ends,
//! counted from when the acquire was sent, as the earliest moment from which the system may have counted.
//! Two such times that overlap are a violation. A token must be larger than that of every acquire that ended before
//! this one began, and no two acquires have the same.
//!
//! **Sound** for locks that are not reentrant. **Incomplete**: what is uncertain is not counted as held. O(n log n).
//! On tokens: Martin Kleppmann, "How to do distributed locking", 2016.

use std::{collections::BTreeMap, time::Duration};

use history::{
    History, Index, Key, Nanos, Outcome, Process,
    ops::{Lock, LockOp, LockReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges locks.
#[derive(Debug, Clone, Copy, Default)]
pub struct MutualExclusion {
    lease: Option<Duration>,
}

impl MutualExclusion {
    /// The system takes a lock back after so long.
    pub fn lease(lease: Duration) -> Self {
        Self { lease: Some(lease) }
    }
}

/// A time for which a lock was certainly held.
struct Held {
    from: Index,
    until: Option<Index>,
    lapses: Option<Nanos>,
    at: usize,
    token: Option<i64>,
}

impl Held {
    fn outlasts(&self, from: Index, time: Nanos) -> bool {
        self.until.is_none_or(|until| until > from) && self.lapses.is_none_or(|end| end > time)
    }
}

impl Checker<Lock> for MutualExclusion {
    fn name(&self) -> &str {
        "lock"
    }

    fn decides(&self) -> String {
        "no two clients have a lock at the same time".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound for locks that are not reentrant; incomplete: what is uncertain is not counted as held"
    }

    fn check(&self, history: &History<Lock>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "mutual-exclusion");
        let (mut acquired, mut tokens) = (0, 0);
        for (key, mut held) in self.held(history) {
            held.sort_by_key(|h| h.from);
            acquired += held.len() as u64;
            tokens += held.iter().filter(|h| h.token.is_some()).count() as u64;
            judge_overlaps(history, key, &held, &mut findings);
            judge_tokens(history, key, &held, &mut findings);
        }
        findings.or_else(|| match acquired {
            0 => Verdict::Unknown(Cause {
                code: "lock/never-acquired".to_owned(),
                text: "no lock was ever acquired".to_owned(),
                remedy: "look at the errors of the calls".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [("ok acquires", acquired), ("fencing tokens", tokens)],
                Vec::new(),
            )),
        })
    }
}

impl MutualExclusion {
    fn held<'a>(&self, history: &'a History<Lock>) -> BTreeMap<Option<&'a Key>, Vec<Held>> {
        let mut all: BTreeMap<Option<&Key>, Vec<Held>> = BTreeMap::new();
        let mut open: BTreeMap<Process, Vec<(Option<&Key>, usize)>> = BTreeMap::new();
        for (at, span) in history.spans().iter().enumerate() {
            let key = span.call.key.as_ref();
            let lost = matches!(span.outcome, Outcome::Info(_));
            let mine = open.entry(span.process).or_default();
            if lost || span.call.op == LockOp::Release {
                mine.retain(|(held, i)| {
                    let ends = lost || *held == key;
                    if ends && let Some(one) = all.get_mut(held) {
                        one[*i].until = Some(span.invoked);
                    }
                    !ends
                });
            }
            if let (LockOp::Acquire, Some(from)) = (span.call.op, answered(span)) {
                let lease = self.lease.map(|lease| lease.as_nanos() as u64);
                let held = all.entry(key).or_default();
                mine.push((key, held.len()));
                held.push(Held {
                    from,
                    until: None,
                    lapses: lease.map(|lease| Nanos(span.start.0.saturating_add(lease))),
                    at,
                    token: match span.outcome {
                        Outcome::Ok(LockReturn::Token(token)) => Some(token),
                        _ => None,
                    },
                });
            }
        }
        all
    }
}

/// Each against the one before it: what overlaps a later one overlaps whatever begins between the two.
fn judge_overlaps(
    history: &History<Lock>,
    key: Option<&Key>,
    held: &[Held],
    findings: &mut Findings<'_, Lock>,
) {
    let words = Words(history);
    for pair in held.windows(2) {
        let [first, second] = pair else { continue };
        let (a, b) = (first.at, second.at);
        let since = words.span(b).end.unwrap_or_default();
        if !first.outlasts(second.from, since) {
            continue;
        }
        findings.add("two-owners", &[a, b], || Told {
            title: format!("two owners of one lock{}", on_key(key)),
            explanation: format!(
                "{} acquired the lock, and did not ask to release it. {} acquired it, too.",
                capital(&words.place(a)),
                capital(&words.place(b))
            ),
            key: key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        });
    }
}

/// Each token against the largest of the acquires that ended before its own began.
fn judge_tokens(
    history: &History<Lock>,
    key: Option<&Key>,
    held: &[Held],
    findings: &mut Findings<'_, Lock>,
) {
    let words = Words(history);
    let by_end = held.iter().filter_map(|h| Some((h.from, h.token?, h.at)));
    let mut largest: Vec<(Index, i64, usize)> = by_end.collect();
    for i in 1..largest.len() {
        if largest[i - 1].1 > largest[i].1 {
            (largest[i].1, largest[i].2) = (largest[i - 1].1, largest[i - 1].2);
        }
    }
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    for one in held {
        let Some(token) = one.token else { continue };
        let told = |title: &str, first: usize, before: i64| Told {
            title: format!("{title}{}", on_key(key)),
            explanation: format!(
                "{} acquired the lock with the fencing token {before}. Then {} acquired it with {token}, which does not outrank it.",
                capital(&words.place(first)),
                words.place(one.at)
            ),
            key: key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        };
        if let Some(first) = seen.insert(token, one.at) {
            findings.add("fencing-token-reused", &[first, one.at], || {
                told("fencing token used twice", first, token)
            });
            continue;
        }
        let before = largest.partition_point(|(end, ..)| *end < words.span(one.at).invoked);
        let Some((_, most, first)) = before.checked_sub(1).map(|i| largest[i]) else {
            continue;
        };
        if most > token {
            findings.add("fencing-token-backwards", &[first, one.at], || {
                told("fencing token went backwards", first, most)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use history::{Event, Moment, Nodes, Reason, dsl, ops::LockCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{Finding, oracle::cases};

    fn verdict(checker: MutualExclusion, drawing: &str) -> Verdict {
        let history = dsl::parse::<Lock>(drawing).expect("a drawing");
        checker.check(&history, Budget::default())
    }

    #[test]
    fn two_owners() {
        let drawing = "
            p0@n1: |-acquire 1-|                   |-release 1-|
            p1@n2:               |-acquire 1-|";
        let expected = Finding {
            code: "two-owners".to_owned(),
            title: "two owners of one lock on key 1".to_owned(),
            property: "mutual-exclusion".to_owned(),
            explanation: "Process 0 (n1, 0:00.000) acquired the lock, and did not ask to release it. Process 1 (n2, 0:00.000) acquired it, too.".to_owned(),
            key: Some(Key::Int(1)),
            witness: vec![Index(0), Index(2)],
            from: Nanos(19),
            until: Nanos(45),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        let found = verdict(MutualExclusion::default(), drawing);
        assert_eq!(found, Verdict::Fail(vec![expected]));
        let lease = MutualExclusion::lease(Duration::from_nanos(20));
        assert_eq!(verdict(lease, drawing).word(), "pass", "it had lapsed");
    }

    #[test]
    fn what_is_uncertain_is_not_held() {
        for drawing in [
            "p0: |-acquire 1-| |-release 1 info-|\np1:                    |-acquire 1-|",
            "p0: |-acquire 1 info-|\np1:                       |-acquire 1-|",
            "p0: |-acquire 1 fail-|\np1:                       |-acquire 1-|",
            "p0: |-acquire 1-|\np1:                       |-acquire 2-|",
        ] {
            assert_eq!(verdict(MutualExclusion::default(), drawing).word(), "pass");
        }
        match verdict(MutualExclusion::default(), "p0: |-acquire 1 fail-|") {
            Verdict::Unknown(cause) => assert_eq!(cause.code, "lock/never-acquired"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fencing_tokens_must_grow() {
        for (token, expected) in [
            (6, "pass"),
            (5, "fencing-token-reused"),
            (4, "fencing-token-backwards"),
        ] {
            let drawing = format!("p0: |-acquire 1 -> 5-| |-release 1-| |-acquire 1 -> {token}-|");
            let code = match verdict(MutualExclusion::default(), &drawing) {
                Verdict::Fail(found) => found[0].code.clone(),
                other => other.word().to_owned(),
            };
            assert_eq!(code, expected);
        }
    }

    /// Three workers that acquire, hold and release; `broken` grants a lock that is taken now and then.
    fn run(seed: u64, broken: bool) -> History<Lock> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut events = Vec::new();
        let (mut owners, mut token) = ([false; 3], 0);
        for _ in 0..40 {
            let worker = rng.random_range(0..3usize);
            let taken = owners.contains(&true) && !(broken && rng.random_bool(0.4));
            let (op, outcome) = match owners[worker] {
                true => (LockOp::Release, Outcome::Ok(LockReturn::Done)),
                false if taken => (LockOp::Acquire, Outcome::Fail(Reason::new("taken"))),
                false => {
                    token += 1;
                    (LockOp::Acquire, Outcome::Ok(LockReturn::Token(token)))
                }
            };
            owners[worker] = op == LockOp::Acquire && matches!(outcome, Outcome::Ok(_));
            let call = LockCall { key: None, op };
            for moment in [Moment::Invoke(call), Moment::Complete(outcome)] {
                let index = events.len() as u32;
                events.push(Event {
                    index: Index(index),
                    time: Nanos(u64::from(index)),
                    process: Process(worker as u32),
                    node: None,
                    moment,
                });
            }
        }
        History::new(Nodes::default(), events).expect("a history")
    }

    #[test]
    fn an_honest_lock_passes_and_one_that_grants_twice_is_caught() {
        for seed in 0..cases(200) {
            for broken in [false, true] {
                let verdict =
                    MutualExclusion::default().check(&run(seed, broken), Budget::default());
                match (broken, verdict) {
                    (false, Verdict::Pass(_)) => {}
                    (true, Verdict::Fail(found)) => assert_eq!(found[0].code, "two-owners"),
                    (_, other) => panic!("seed {seed}: {other:?}"),
                }
            }
        }
    }
}
