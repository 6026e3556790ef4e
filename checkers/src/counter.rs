//! The checker `counter`: every value that was read is one that the additions allow.
//!
//! A value must not be less than what must have been added when the call began (acknowledged additions) and taken away at
//! most (every subtraction that may have happened), nor more than the other way round. An addition of unknown outcome may
//! have happened at any moment after its call; a failed one did not.
//!
//! **Sound. Incomplete**: only the bounds are judged, not whether a sum of whole additions makes the value, nor whether reads
//! agree with each other. O(n log n). After Kyle Kingsbury's `checker/counter` of Jepsen, which knows no
//! subtractions.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use history::{
    History, Index, Key, Outcome,
    ops::{Counter, CounterOp, CounterReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges counters that begin at zero.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds;

/// How many calls of a proof are listed. Where more are needed, the sums must do.
const LISTED: usize = 1000;

/// Sums of amounts up to a place in the record.
#[derive(Default)]
struct Sums(Vec<(Index, i128)>);

impl Sums {
    fn add_up(&mut self) {
        self.0.sort_unstable();
        let mut sum = 0;
        for (_, n) in &mut self.0 {
            sum += *n;
            *n = sum;
        }
    }
    fn before(&self, place: Index) -> i128 {
        let at = self.0.partition_point(|(index, _)| *index < place);
        at.checked_sub(1).map_or(0, |at| self.0[at].1)
    }
}

/// The additions to one counter: up and down, certain and possible.
#[derive(Default)]
struct One {
    up: [Sums; 2],
    down: [Sums; 2],
    reads: Vec<(usize, i64)>,
}

impl Checker<Counter> for Bounds {
    fn name(&self) -> &str {
        "counter"
    }

    fn decides(&self) -> String {
        "every value lies between what was certainly and what was possibly added".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound; incomplete: only bounds are judged, not which additions make a value, nor whether reads agree"
    }

    fn check(&self, history: &History<Counter>, _: Budget) -> Verdict {
        let mut counters: BTreeMap<Option<&Key>, One> = BTreeMap::new();
        for (at, span) in history.spans().iter().enumerate() {
            let one = counters.entry(span.call.key.as_ref()).or_default();
            if let Outcome::Ok(CounterReturn::Value(n)) = &span.outcome {
                one.reads.push((at, *n));
            }
            let CounterOp::Add(n) = span.call.op else {
                continue;
            };
            if matches!(span.outcome, Outcome::Fail(_)) {
                continue;
            }
            let [certain, possible] = if n < 0 { &mut one.down } else { &mut one.up };
            possible.0.push((span.invoked, i128::from(n)));
            if let Some(answer) = answered(span) {
                certain.0.push((answer, i128::from(n)));
            }
        }
        let mut findings = Findings::new(history, "counter");
        let words = Words(history);
        let (mut reads, mut adds) = (0, 0);
        for (key, mut one) in counters {
            one.up
                .iter_mut()
                .chain(&mut one.down)
                .for_each(Sums::add_up);
            let mut told = BTreeSet::new();
            adds += (one.up[1].0.len() + one.down[1].0.len()) as u64;
            reads += one.reads.len() as u64;
            for (at, value) in one.reads {
                let span = &history.spans()[at];
                let end = span.completed.expect("an ok call has an end");
                // An addition that says what it made is itself certain.
                let own = match span.call.op {
                    CounterOp::Add(n) => i128::from(n),
                    CounterOp::Read => 0,
                };
                let low = one.up[0].before(span.invoked) + one.down[1].before(end) + own.max(0);
                let high = one.up[1].before(end) + one.down[0].before(span.invoked) + own.min(0);
                let value = i128::from(value);
                let (code, title, why) = match () {
                    () if value < low => (
                        "counter-too-low",
                        "counter too low",
                        format!(
                            "it could not have been less than {low}: so much was left of the additions acknowledged by {} if every subtraction made by {} took effect",
                            span.start,
                            span.end.unwrap_or_default()
                        ),
                    ),
                    () if value > high => (
                        "counter-too-high",
                        "counter too high",
                        format!(
                            "it could not have been more than {high}: all additions made by {} come to that, less the subtractions acknowledged by {}",
                            span.end.unwrap_or_default(),
                            span.start
                        ),
                    ),
                    () => continue,
                };
                if !told.insert(code) {
                    findings.another(code);
                    continue;
                }
                let (calls, minimal) = match proof(history, at, value) {
                    calls if calls.len() <= LISTED => (calls, true),
                    _ => (vec![at], false),
                };
                findings.add(code, &calls, || Told {
                    title: format!("{title}{}", on_key(key)),
                    explanation: format!(
                        "{} got {value} from the counter, but {why}.",
                        capital(&words.place(at))
                    ),
                    key: key.cloned(),
                    confidence: CERTAIN,
                    minimal,
                });
            }
        }
        findings.or_else(|| match reads {
            0 => Verdict::Unknown(Cause {
                code: "counter/never-read".to_owned(),
                text: "the counter was never read".to_owned(),
                remedy: "look at the errors of the reads, or add reads to the workload".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [("values read", reads), ("additions", adds)],
                Vec::new(),
            )),
        })
    }
}

/// The calls that leave no way to a value: the one that got it, all that could have brought the counter closer to it, and
/// of those that must have brought it further away as few as suffice. O(n log n).
fn proof(history: &History<Counter>, at: usize, value: i128) -> Vec<usize> {
    let read = &history.spans()[at];
    let own = match read.call.op {
        CounterOp::Add(n) => i128::from(n),
        CounterOp::Read => 0,
    };
    let calls = history.spans().iter().enumerate();
    let others = calls.filter(|(i, span)| *i != at && span.call.key == read.call.key);
    let (mut certain, mut closer) = (Vec::new(), Vec::new());
    let (mut ups, mut downs) = (0, 0);
    for (i, span) in others {
        let CounterOp::Add(n) = span.call.op else {
            continue;
        };
        let n = i128::from(n);
        let began = read.completed.is_some_and(|end| span.invoked < end);
        if matches!(span.outcome, Outcome::Fail(_)) || !began {
            continue;
        }
        let acked = answered(span).is_some_and(|answer| answer < read.invoked);
        closer.push((i, n));
        if acked {
            certain.push((i, n));
        }
        match n > 0 {
            true => ups += if acked { n } else { 0 },
            false => downs += n,
        }
    }
    let low = ups + downs + own.max(0) > value;
    // Too low: subtractions could explain it, additions contradict it. Too high: the other way round.
    let contradicts = |n: i128| (n > 0) == low;
    certain.retain(|(_, n)| contradicts(*n));
    closer.retain(|(_, n)| !contradicts(*n));
    let nearest: i128 = closer.iter().map(|(_, n)| n).sum();
    let own = match low {
        true => own.max(0),
        false => own.min(0),
    };
    let mut short = value - nearest - own;
    certain.sort_by_key(|(i, n)| (Reverse(n.abs()), *i));
    let mut needed: Vec<usize> = certain
        .into_iter()
        .take_while(|(_, n)| {
            let more = if low { short >= 0 } else { short <= 0 };
            short -= n;
            more
        })
        .map(|(i, _)| i)
        .collect();
    needed.extend(closer.into_iter().map(|(i, _)| i));
    needed.push(at);
    needed
}

#[cfg(test)]
mod tests {
    use history::{Nanos, dsl, ops::CounterCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{cases, linearizable, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Counter>(drawing).expect("a drawing");
        Bounds.check(&history, Budget::default())
    }

    #[test]
    fn additions_of_unknown_outcome_count_or_not() {
        for (value, word) in [(1, "fail"), (2, "pass"), (5, "pass"), (6, "fail")] {
            let drawing = format!(
                "
            p0: |-add 1 2-| |-add 1 3 info-|
            p1: |-add 1 9 fail-|              |-read 1 -> {value}-|"
            );
            assert_eq!(verdict(&drawing).word(), word, "{value}");
        }
        match verdict("p0: |-add 1 2-|") {
            Verdict::Unknown(cause) => assert_eq!(cause.code, "counter/never-read"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn counter_too_low() {
        let drawing = "
            p0@n1: |-add 1 2-|
            p1@n2:              |-read 1 -> 0-|";
        let expected = Finding {
            code: "counter-too-low".to_owned(),
            title: "counter too low on key 1".to_owned(),
            property: "counter".to_owned(),
            explanation: "Process 1 (n2, 0:00.000) got 0 from the counter, but it could not have been less than 2: so much was left of the additions acknowledged by 0:00.000 if every subtraction made by 0:00.000 took effect.".to_owned(),
            key: Some(Key::Int(1)),
            witness: vec![Index(0), Index(2)],
            from: Nanos(19),
            until: Nanos(46),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(verdict(drawing), Verdict::Fail(vec![expected]));
    }

    fn random(seed: u64, lies: f64, size: (u32, usize)) -> History<Counter> {
        let mut n = 0;
        play::<Counter, _>(
            &mut Pcg64Mcg::seed_from_u64(seed),
            size,
            |rng, _| CounterCall {
                key: None,
                op: match rng.random_bool(0.5) {
                    true => CounterOp::Read,
                    false => CounterOp::Add(rng.random_range(-2..4)),
                },
            },
            |rng, call| match call.op {
                CounterOp::Add(by) => {
                    n += by;
                    Some(match rng.random_bool(0.5) {
                        true => CounterReturn::Done,
                        false => CounterReturn::Value(n),
                    })
                }
                CounterOp::Read if rng.random_bool(lies) => {
                    Some(CounterReturn::Value(n + rng.random_range(-6..6)))
                }
                CounterOp::Read => Some(CounterReturn::Value(n)),
            },
        )
    }

    #[test]
    fn never_fails_what_the_oracle_accepts_and_passes_an_honest_counter() {
        let step = |n: &i64, call: &CounterCall, ret: Option<&CounterReturn>| {
            let next = match call.op {
                CounterOp::Add(by) => n + by,
                CounterOp::Read => *n,
            };
            match ret {
                Some(CounterReturn::Value(seen)) => (*seen == next).then_some(next),
                _ => Some(next),
            }
        };
        let mut caught = 0;
        for seed in 0..cases(3000) {
            let history = random(seed, 0.2, (3, 6));
            let verdict = Bounds.check(&history, Budget::default());
            if let Verdict::Fail(findings) = &verdict {
                caught += 1;
                findings.iter().for_each(|f| proves_alone(&history, f));
                assert!(
                    !linearizable(&history, 0, &step),
                    "seed {seed}: {verdict:?}"
                );
            }
        }
        assert!(caught > 100, "{caught}");
        for seed in 0..cases(50) {
            let verdict = Bounds.check(&random(seed, 0.0, (8, 300)), Budget::default());
            assert_eq!(verdict.word(), "pass", "seed {seed}: {verdict:?}");
        }
    }

    fn codes(verdict: Verdict) -> Vec<String> {
        match verdict {
            Verdict::Fail(findings) => findings.into_iter().map(|f| f.code).collect(),
            _ => Vec::new(),
        }
    }

    /// The calls of a finding show it alone; without one of those that contradict the value, they show nothing.
    fn proves_alone(history: &History<Counter>, finding: &Finding) {
        let part = |calls: &[Index]| {
            let spans = history.spans().iter();
            let kept = spans.filter(|span| calls.contains(&span.invoked));
            let places: BTreeSet<Index> = kept
                .flat_map(|span| [Some(span.invoked), span.completed])
                .flatten()
                .collect();
            let events = history.events().filter(|e| places.contains(&e.index));
            History::new(history.nodes().clone(), events).expect("a part of a history")
        };
        let shown = |calls: &[Index]| codes(Bounds.check(&part(calls), Budget::default()));
        assert!(
            shown(&finding.witness).contains(&finding.code),
            "{finding:?}"
        );
        let low = finding.code == "counter-too-low";
        for call in part(&finding.witness).spans() {
            let rest: Vec<Index> = finding
                .witness
                .iter()
                .copied()
                .filter(|at| *at != call.invoked)
                .collect();
            if matches!(call.call.op, CounterOp::Add(n) if (n > 0) == low && n != 0)
                && !matches!(call.outcome, Outcome::Ok(CounterReturn::Value(_)))
            {
                assert!(
                    !shown(&rest).contains(&finding.code),
                    "{finding:?} without {call:?}"
                );
            }
        }
    }

    #[test]
    fn a_counter_that_drops_additions_is_caught() {
        let drawing = "
            p0: |-add 1 1-| |-add 1 1-| |-add 1 1-| |-read 1 -> 2-|";
        assert_eq!(verdict(drawing).word(), "fail");
    }
}
