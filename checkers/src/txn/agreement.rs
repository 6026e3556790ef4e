//! The checker against a search through all serial orders, on small random histories.

use history::{
    Codec, Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Seen, Txn,
    TxnCall, TxnOp, TxnReturn, TxnStep,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Isolation, Judgement, Level};
use crate::Budget;

/// How many histories; more with `SCHISM_PROPERTY_CASES`.
pub(super) fn cases(usual: u64) -> u64 {
    let more = std::env::var("SCHISM_PROPERTY_CASES").ok();
    more.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// What a read saw, owned.
pub(super) type Saw = Vec<i64>;

/// A random history of up to five transactions on two keys, from a store that is serial most of the time.
pub(super) fn random(rng: &mut Pcg64Mcg, lists: bool) -> History<Txn> {
    let n = rng.random_range(1..=5usize);
    let processes = rng.random_range(1..=4u32);
    // Where each transaction takes effect; each overlaps some others.
    let mut store: [Vec<Saw>; 2] = [vec![vec![]], vec![vec![]]];
    let mut value = 0;
    let mut events: Vec<(u32, Event<Txn>)> = Vec::new();
    let mut free = vec![0u32; processes as usize];
    let mut names: Vec<u32> = (0..processes).collect();
    let doubt = [0.0, 0.1, 0.3][rng.random_range(0..3usize)];
    for at in 1..=n as u32 {
        let worker = rng.random_range(0..processes) as usize;
        let point = at * 100;
        let start = rng
            .random_range(free[worker].min(point - 1)..point)
            .max(free[worker]);
        let start = start.max(point.saturating_sub(250));
        let end = point.max(start) + rng.random_range(1..250);
        free[worker] = end + 1;
        let (mut steps, mut seen) = (Vec::new(), Vec::new());
        for _ in 0..rng.random_range(1..=3) {
            let key = rng.random_range(0..2usize);
            let op = match rng.random_bool(0.5) {
                true => TxnOp::Read,
                false => {
                    value += 1;
                    let mut next = match lists {
                        true => store[key].last().cloned().unwrap_or_default(),
                        false => Vec::new(),
                    };
                    next.push(value);
                    store[key].push(next);
                    if lists {
                        TxnOp::Append(value)
                    } else {
                        TxnOp::Write(value)
                    }
                }
            };
            if op == TxnOp::Read {
                let versions = &store[key];
                // An old version, or what is to come, now and then.
                let mut saw = match rng.random_bool(doubt) {
                    true => versions[rng.random_range(0..versions.len())].clone(),
                    false => versions[versions.len() - 1].clone(),
                };
                if rng.random_bool(doubt / 4.0) {
                    saw.push(value + rng.random_range(0..3));
                }
                seen.push(saw);
            }
            steps.push(TxnStep {
                key: Key::Int(key as i64),
                op,
            });
        }
        let process = Process(names[worker]);
        let outcome = match rng.random_range(0..10) {
            0 => {
                names[worker] += 100;
                Outcome::Info(Reason::new("timeout"))
            }
            1 if rng.random_bool(doubt) => Outcome::Fail(Reason::new("aborted")),
            _ => Outcome::Ok(TxnReturn::new(seen.iter().map(|saw| {
                match (lists, saw.last()) {
                    (true, _) => Seen::List(saw),
                    (false, Some(v)) => Seen::Value(*v),
                    (false, None) => Seen::Nothing,
                }
            }))),
        };
        let event = |moment| Event {
            index: Index(0),
            time: Nanos(0),
            process,
            node: None,
            moment,
        };
        events.push((2 * start, event(Moment::Invoke(TxnCall(steps.into())))));
        events.push((2 * end + 1, event(Moment::Complete(outcome))));
    }
    events.sort_by_key(|(time, _)| *time);
    let events = events
        .into_iter()
        .enumerate()
        .map(|(i, (time, event))| Event {
            index: Index(i as u32),
            time: Nanos(u64::from(time)),
            ..event
        });
    History::new(Nodes::default(), events).expect("well formed")
}

/// Whether some serial order explains every read.
fn serial(history: &History<Txn>, before: &dyn Fn(usize, usize) -> bool) -> bool {
    fn go(
        history: &History<Txn>,
        before: &dyn Fn(usize, usize) -> bool,
        left: u32,
        store: &[Saw; 2],
    ) -> bool {
        let spans = history.spans();
        let needed = |i: usize| left & 1 << i != 0 && matches!(spans[i].outcome, Outcome::Ok(_));
        if !(0..spans.len()).any(needed) {
            return true;
        }
        (0..spans.len()).filter(|i| left & 1 << i != 0).any(|i| {
            if (0..spans.len()).any(|j| needed(j) && j != i && before(j, i)) {
                return false;
            }
            let mut store = store.clone();
            let mut reads = match &spans[i].outcome {
                Outcome::Ok(ret) => Some(ret.reads()),
                _ => None,
            };
            for step in &spans[i].call.0 {
                let Key::Int(key) = step.key else {
                    unreachable!()
                };
                let list = &mut store[key as usize];
                match step.op {
                    TxnOp::Append(v) => list.push(v),
                    TxnOp::Write(v) => *list = vec![v],
                    TxnOp::Read => match reads.as_mut().and_then(Iterator::next) {
                        None => {}
                        Some(Seen::List(saw)) if saw == list => {}
                        Some(Seen::Value(v)) if [v] == list[..] => {}
                        Some(Seen::Nothing) if list.is_empty() => {}
                        Some(_) => return false,
                    },
                }
            }
            go(history, before, left & !(1 << i), &store)
        })
    }
    let spans = history.spans().iter().enumerate();
    let left = spans.filter(|(_, s)| !matches!(s.outcome, Outcome::Fail(_)));
    let left = left.fold(0, |left, (i, _)| left | 1 << i);
    go(history, before, left, &Default::default())
}

/// Whether there is a serial order, one that keeps sessions in order, and one that respects real time.
pub(super) fn oracle(history: &History<Txn>) -> [(Level, bool); 3] {
    let spans = history.spans();
    let ok = |i: usize| matches!(spans[i].outcome, Outcome::Ok(_));
    let ended =
        |i: usize, j: usize| ok(i) && spans[i].completed.is_some_and(|end| end < spans[j].invoked);
    let session = |i: usize, j: usize| spans[i].process == spans[j].process && ended(i, j);
    [
        (Level::Serializable, serial(history, &|_, _| false)),
        (Level::StrongSessionSerializable, serial(history, &session)),
        (Level::StrictSerializable, serial(history, &ended)),
    ]
}

pub(super) fn judged(history: &History<Txn>) -> Judgement {
    Isolation::expecting(Level::StrictSerializable).judge(history, Budget::default())
}

pub(super) fn violates(judgement: &Judgement, level: Level) -> bool {
    judgement
        .found
        .iter()
        .any(|found| found.anomaly.excluded_by(level))
}

/// A history in a few lines, for those who look into a disagreement.
pub(super) fn shown(history: &History<Txn>) -> String {
    let line = |span: &history::Span<Txn>| {
        let what = match &span.outcome {
            Outcome::Ok(ret) => Txn::describe(&span.call, ret),
            Outcome::Fail(_) => format!("{} fails", Txn::describe_call(&span.call)),
            Outcome::Info(_) => format!("{} info", Txn::describe_call(&span.call)),
        };
        let end = span
            .completed
            .map_or(String::new(), |end| end.0.to_string());
        format!("p{} {}..{end}: {what}\n", span.process.0, span.invoked.0)
    };
    history.spans().iter().map(line).collect()
}

#[test]
fn lists_are_serializable_exactly_if_some_serial_order_explains_them() {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut illegal = 0;
    for case in 0..cases(60_000) {
        let history = random(&mut rng, true);
        let judgement = judged(&history);
        for (level, legal) in oracle(&history) {
            illegal += u64::from(!legal);
            assert_eq!(
                !violates(&judgement, level),
                legal,
                "case {case}, {level}:\n{}{:#?}",
                shown(&history),
                judgement.found
            );
        }
    }
    assert!(illegal > cases(60_000) / 10, "{illegal} illegal: too easy");
}

#[test]
fn registers_that_some_serial_order_explains_are_never_accused() {
    let mut rng = Pcg64Mcg::seed_from_u64(8);
    let (mut illegal, mut missed) = (0u64, 0u64);
    for case in 0..cases(60_000) {
        let history = random(&mut rng, false);
        let judgement = judged(&history);
        for (level, legal) in oracle(&history) {
            let accused = violates(&judgement, level);
            illegal += u64::from(!legal);
            missed += u64::from(!legal && !accused);
            assert!(
                !(legal && accused),
                "case {case}, {level}:\n{}{:#?}",
                shown(&history),
                judgement.found
            );
        }
    }
    assert!(illegal > cases(60_000) / 10, "{illegal} illegal: too easy");
    assert!(missed * 20 < illegal, "{missed} of {illegal} missed");
}

#[test]
fn a_weaker_level_accepts_what_a_stronger_one_accepts() {
    let mut rng = Pcg64Mcg::seed_from_u64(9);
    for case in 0..cases(5_000) {
        let judgement = judged(&random(&mut rng, case % 2 == 0));
        for strong in Level::ALL {
            for weak in Level::ALL.into_iter().filter(|weak| strong.implies(*weak)) {
                let words = [strong, weak].map(|level| judgement.verdict(level).word());
                assert!(words != ["pass", "fail"], "case {case}: {strong} {weak}");
            }
        }
    }
}
