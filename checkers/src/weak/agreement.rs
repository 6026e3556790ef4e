//! Each guarantee against a search through all orders, on small random histories with lost and failed calls.

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Register,
    RegisterCall, RegisterOp, RegisterReturn,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    Guarantee,
    Guarantee::*,
    Sessions,
    ops::{Does, Ops},
};
use crate::{Budget, Checker, Verdict, oracle::cases};

/// Sessions that write values once and read any that there were, the newest more often.
fn random(rng: &mut Pcg64Mcg) -> History<Register> {
    let keys = rng.random_range(1..=2usize);
    let mut names: Vec<u32> = (0..rng.random_range(1..=4)).collect();
    let mut versions = [vec![None], vec![None]];
    let mut value = 0;
    let mut events: Vec<Event<Register>> = Vec::new();
    for _ in 0..rng.random_range(3..=8) {
        let key = rng.random_range(0..keys);
        let all = &mut versions[key];
        let any = match rng.random_bool(0.5) {
            true => all[all.len() - 1],
            false => all[rng.random_range(0..all.len())],
        };
        value += 1;
        let (op, ret) = match rng.random_range(0..10) {
            0..=4 => (RegisterOp::Read, RegisterReturn::Value(any)),
            5..=8 => (RegisterOp::Write(value), RegisterReturn::Done),
            _ => match any {
                Some(from) => (RegisterOp::Cas { from, to: value }, RegisterReturn::Done),
                None => (RegisterOp::Write(value), RegisterReturn::Done),
            },
        };
        let worker = rng.random_range(0..names.len());
        let process = Process(names[worker]);
        let outcome = match rng.random_range(0..12) {
            0 => {
                names[worker] += 100;
                Outcome::Info(Reason::new("timeout"))
            }
            1 => Outcome::Fail(Reason::new("refused")),
            _ => Outcome::Ok(ret),
        };
        if op != RegisterOp::Read && !matches!(outcome, Outcome::Fail(_)) {
            all.push(Some(value));
        }
        let key = Key::Int(key as i64);
        for moment in [
            Moment::Invoke(RegisterCall { key, op }),
            Moment::Complete(outcome),
        ] {
            let at = events.len() as u32;
            events.push(Event {
                index: Index(at),
                time: Nanos::from_millis(u64::from(at)),
                process,
                node: None,
                moment,
            });
        }
    }
    History::new(Nodes::default(), events).expect("well formed")
}

/// Whether some order of some ops keeps pairs, and each of some reads sees in it the last write to its key.
fn ordered(
    ops: &Ops<'_>,
    among: &[usize],
    before: &dyn Fn(usize, usize) -> bool,
    store: [Option<i64>; 2],
) -> bool {
    among.is_empty()
        || among.iter().any(|i| {
            if among.iter().any(|j| j != i && before(*j, *i)) {
                return false;
            }
            let op = ops.all[*i];
            let mut store = store;
            let held = &mut store[op.key as usize];
            match op.does {
                Does::Write(v) => *held = Some(v),
                Does::Read(seen) if seen != *held => return false,
                Does::Read(_) => {}
            }
            let rest: Vec<usize> = among.iter().copied().filter(|j| j != i).collect();
            ordered(ops, &rest, before, store)
        })
}

fn allows(ops: &Ops<'_>, guarantee: Guarantee) -> bool {
    let n = ops.all.len();
    let write = |i: usize| matches!(ops.all[i].does, Does::Write(_));
    let session = |i: usize, j: usize| i < j && ops.all[i].session == ops.all[j].session;
    let wrote = |i: usize, j: usize| match (ops.all[i].does, ops.all[j].does) {
        (Does::Write(v), Does::Read(seen)) => ops.all[i].key == ops.all[j].key && seen == Some(v),
        _ => false,
    };
    // What happened before what.
    let mut past = vec![vec![false; n]; n];
    for (i, row) in past.iter_mut().enumerate() {
        for (j, before) in row.iter_mut().enumerate() {
            *before = session(i, j) || wrote(i, j);
        }
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                past[i][j] |= past[i][k] && past[k][j];
            }
        }
    }
    if guarantee == Causal && (0..n).any(|i| past[i][i]) {
        return false;
    }
    // What a session's later writes follow.
    let follows =
        |i: usize, j: usize| write(i) && write(j) && (0..n).any(|r| wrote(i, r) && session(r, j));
    if guarantee == SequentialKeys {
        return (0..2).all(|key| {
            let of_key: Vec<usize> = (0..n).filter(|i| ops.all[*i].key == key).collect();
            ordered(ops, &of_key, &session, [None; 2])
        });
    }
    let sessions = ops.all.iter().map(|op| op.session);
    sessions.max().is_none_or(|last| {
        (0..=last).all(|own| {
            let mine = |i: usize| ops.all[i].session == own;
            let there = |i: &usize| write(*i) || mine(*i);
            let all: Vec<usize> = (0..n).filter(there).collect();
            let reads = |i: usize, j: usize| mine(i) && session(i, j) && !write(i) && !write(j);
            let writes = |i: usize, j: usize| write(i) && write(j) && session(i, j);
            let by_key = |before: &dyn Fn(usize, usize) -> bool| {
                (0..2).all(|key| {
                    let of_key = all.iter().copied().filter(|i| ops.all[*i].key == key);
                    let of_key: Vec<usize> = of_key.collect();
                    ordered(ops, &of_key, before, [None; 2])
                })
            };
            match guarantee {
                // A read for itself: the order of the session's reads is not this guarantee's business.
                ReadYourWrites => (0..n).filter(|i| mine(*i) && !write(*i)).all(|read| {
                    let of_key = all.iter().copied();
                    let of_key = of_key.filter(|i| ops.all[*i].key == ops.all[read].key);
                    let of_key: Vec<usize> = of_key.filter(|i| write(*i) || *i == read).collect();
                    let own = |i: usize, j: usize| mine(i) && session(i, j) && write(i);
                    ordered(ops, &of_key, &own, [None; 2])
                }),
                MonotonicReads => by_key(&reads),
                MonotonicWrites => by_key(&|i, j| reads(i, j) || writes(i, j)),
                WritesFollowReads => {
                    // Nobody reads what follows the read.
                    let own = (0..n).any(|i| follows(i, i));
                    !own && by_key(&|i, j| {
                        let same = ops.all[i].key == ops.all[j].key;
                        reads(i, j)
                            || same
                                && (0..n).any(|r| {
                                    ops.all[r].key == ops.all[i].key && wrote(i, r) && session(r, j)
                                })
                                && write(j)
                    })
                }
                Pram => ordered(ops, &all, &session, [None; 2]),
                _ => ordered(ops, &all, &|i, j| past[i][j], [None; 2]),
            }
        })
    })
}

#[test]
fn a_guarantee_is_violated_exactly_if_no_order_keeps_it() {
    let mut rng = Pcg64Mcg::seed_from_u64(41);
    let mut illegal = [0u64; Guarantee::ALL.len()];
    for case in 0..cases(4_000) {
        let history = random(&mut rng);
        let ops = Ops::of(&history, None);
        for (guarantee, illegal) in Guarantee::ALL.into_iter().zip(&mut illegal) {
            let legal = allows(&ops, guarantee);
            let verdict = Sessions::expecting(guarantee).check(&history, Budget::default());
            assert_eq!(
                verdict.word() != "fail",
                legal,
                "case {case}, {guarantee}: {:#?}\n{verdict:#?}",
                ops.all
            );
            *illegal += u64::from(!legal);
        }
    }
    assert!(
        illegal.iter().all(|n| *n > cases(4_000) / 100),
        "{illegal:?}: too easy"
    );
}

#[test]
fn a_witness_alone_is_a_contradiction_and_none_without_any_of_its_calls() {
    let mut rng = Pcg64Mcg::seed_from_u64(42);
    let mut proofs = 0;
    for case in 0..cases(2_000) {
        let history = random(&mut rng);
        let only = |kept: &[Index]| {
            let events = history.spans().iter().filter(|s| kept.contains(&s.invoked));
            let events = events.flat_map(|span| {
                let event = |index, time, moment| Event {
                    index,
                    time,
                    process: span.process,
                    node: span.node,
                    moment,
                };
                let end = span.completed.zip(span.end);
                let end = end.map(|(i, t)| event(i, t, Moment::Complete(span.outcome.clone())));
                [
                    Some(event(
                        span.invoked,
                        span.start,
                        Moment::Invoke(span.call.clone()),
                    )),
                    end,
                ]
            });
            let mut events: Vec<Event<Register>> = events.flatten().collect();
            events.sort_by_key(|event| event.index);
            History::new(Nodes::default(), events).expect("a part")
        };
        let Verdict::Fail(findings) = Sessions::all().check(&history, Budget::default()) else {
            continue;
        };
        for finding in findings {
            let guarantee: Guarantee = finding.property.parse().expect("a name");
            let fails = |kept: &[Index]| {
                let mut alone = Sessions::expecting(guarantee);
                alone.expected = vec![guarantee];
                alone.check(&only(kept), Budget::default()).word() == "fail"
            };
            assert!(
                finding.minimal && fails(&finding.witness),
                "case {case}: {finding:#?}"
            );
            for gone in &finding.witness {
                let rest = finding.witness.iter().copied().filter(|i| i != gone);
                let rest: Vec<Index> = rest.collect();
                assert!(!fails(&rest), "case {case}, without {gone:?}: {finding:#?}");
            }
            proofs += 1;
        }
    }
    assert!(proofs > cases(2_000) / 4, "{proofs} proofs");
}
