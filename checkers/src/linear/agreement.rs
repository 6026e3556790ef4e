//! The engines against the oracle on small random histories, and what is claimed about witnesses.

use history::{
    Event, History, Index, Moment, Nanos, Nodes, Operation, Outcome, Process, Register,
    RegisterCall, RegisterOp, RegisterReturn,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    Judge, NEVER, brute,
    model::{CasRegister, Model},
    prepare::{INITIAL, Kind, Op, Register1, problem},
    problem::{Answer, Problem},
    search::{narrow, search},
    shrink::{part, removable, shrink},
    zones,
};
use crate::{Budget, Checker, Linearizable, Verdict, oracle::cases};

/// A random history of up to nine calls on one register. Half of them come from a real register, with one result
/// changed now and then, so that legal and nearly legal histories are common.
fn random(rng: &mut Pcg64Mcg, distinct: bool) -> Register1 {
    let n = rng.random_range(1..=9usize);
    let lengths = rng.random_range(1..=24u32);
    let values = if distinct {
        n as u32 + 1
    } else {
        rng.random_range(2..=4)
    };
    let mut points: Vec<(u32, usize, bool)> = Vec::new();
    let mut moments = Vec::new();
    for i in 0..n {
        let start = rng.random_range(0..16u32) * 64 + rng.random_range(0..64);
        let length = rng.random_range(0..lengths) * 64 + rng.random_range(1..64);
        points.push((start, i, false));
        points.push((start + length, i, true));
        moments.push((start + rng.random_range(0..=length), i));
    }
    points.sort_unstable();
    let (mut starts, mut ends) = (vec![0; n], vec![0; n]);
    for (at, (_, i, end)) in points.iter().enumerate() {
        let side = if *end { &mut ends } else { &mut starts };
        side[*i] = at as u32 + 1;
    }
    moments.sort_unstable();
    let (mut state, mut fresh) = (INITIAL, 0);
    let mut ops = Vec::new();
    let honest = rng.random_bool(0.8);
    for (_, i) in moments {
        let mut make = || {
            fresh += 1;
            if distinct {
                fresh
            } else {
                rng.random_range(0..values)
            }
        };
        let made = make();
        let seen = if honest {
            state
        } else {
            rng.random_range(0..values)
        };
        let (kind, value) = match rng.random_range(0..8) {
            0..4 => (Kind::Read, seen),
            4..6 if made != INITIAL => (Kind::Write, made),
            // Expecting the absence of a value is not possible.
            _ if seen != INITIAL && made != INITIAL => (Kind::Cas(seen), made),
            _ => (Kind::Read, seen),
        };
        let info = kind != Kind::Read && rng.random_bool(0.25);
        if kind != Kind::Read && !(info && rng.random_bool(0.5)) {
            state = value;
        }
        let end = if info { NEVER } else { ends[i] };
        ops.push(Op {
            kind,
            value,
            start: starts[i],
            end,
            span: 0,
        });
    }
    if rng.random_bool(0.3) {
        let i = rng.random_range(0..n);
        if ops[i].kind == Kind::Read {
            ops[i].value = rng.random_range(0..values);
        }
    }
    ops.sort_unstable_by_key(|op| op.start);
    let mut made = vec![false; values as usize + 1];
    made[INITIAL as usize] = true;
    for v in ops.iter().filter_map(Op::brings) {
        made[v as usize] = true;
    }
    Register1 {
        key: history::Key::Int(1),
        ops,
        made,
        values: (0..values as i64 + 1)
            .map(|v| (v > 0).then_some(v))
            .collect(),
        failed: Vec::new(),
        distinct,
    }
}

fn by_search(register: &Register1) -> bool {
    match search(&problem(register, &register.ops), Budget::default()) {
        Answer::Linearizable => true,
        Answer::Violation { .. } => false,
        Answer::Exhausted { .. } => panic!("out of budget"),
    }
}

fn by_zones(register: &Register1) -> bool {
    zones::conflicts(register, &register.ops).is_empty()
}

fn by_oracle(register: &Register1) -> bool {
    brute::linearizable(&problem(register, &register.ops))
}

#[test]
fn zones_and_search_agree_with_the_oracle_on_distinct_values() {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut legal = 0;
    let n = cases(200_000);
    for case in 0..n {
        let register = random(&mut rng, true);
        let truth = by_oracle(&register);
        legal += u64::from(truth);
        assert_eq!(
            by_zones(&register),
            truth,
            "zones, case {case}: {:#?}",
            register.ops
        );
        assert_eq!(
            by_search(&register),
            truth,
            "search, case {case}: {:#?}",
            register.ops
        );
    }
    assert!(
        (n / 10..n * 9 / 10).contains(&legal),
        "{legal} of {n} are legal: a poor mixture"
    );
}

#[test]
fn search_agrees_with_the_oracle_on_repeated_values() {
    let mut rng = Pcg64Mcg::seed_from_u64(2);
    let mut legal = 0;
    let n = cases(200_000);
    for case in 0..n {
        let register = random(&mut rng, false);
        let truth = by_oracle(&register);
        legal += u64::from(truth);
        assert_eq!(
            by_search(&register),
            truth,
            "case {case}: {:#?}",
            register.ops
        );
    }
    assert!(
        (n / 10..n * 9 / 10).contains(&legal),
        "{legal} of {n} are legal: a poor mixture"
    );
}

#[test]
fn what_may_go_never_makes_a_legal_history_illegal() {
    let mut rng = Pcg64Mcg::seed_from_u64(3);
    for case in 0..cases(50_000) {
        let mut register = random(&mut rng, case % 2 == 0);
        if !by_oracle(&register) {
            continue;
        }
        let whole = register.clone();
        while let Some(i) = removable(&register, &register.ops)
            .iter()
            .position(|may| *may)
        {
            let gone = register.ops.remove(i);
            assert!(
                by_oracle(&part(&whole, &register.ops)),
                "case {case}: {gone:?} was needed by {:#?}",
                register.ops
            );
        }
    }
}

#[test]
fn witnesses_are_impossible_and_minimal() {
    let mut rng = Pcg64Mcg::seed_from_u64(4);
    for case in 0..cases(50_000) {
        let register = random(&mut rng, case % 2 == 0);
        if by_oracle(&register) {
            continue;
        }
        let fails = |ops: &[Op]| !by_search(&part(&register, ops));
        let witness = shrink(&register, &register.ops, NEVER, fails);
        assert!(!by_oracle(&part(&register, &witness)), "case {case}");
        for i in 0..witness.len() {
            if removable(&register, &witness)[i] {
                let mut fewer = witness.clone();
                fewer.remove(i);
                assert!(
                    by_oracle(&part(&register, &fewer)),
                    "case {case}: {:?} may go",
                    witness[i]
                );
            }
        }
    }
}

#[test]
fn a_search_that_gives_up_early_says_nothing_false() {
    let mut rng = Pcg64Mcg::seed_from_u64(5);
    let (mut gave_up, mut decided) = (0, 0);
    let n = cases(50_000);
    for case in 0..n {
        let register = random(&mut rng, case % 2 == 0);
        let problem = problem(&register, &register.ops);
        let answer = if rng.random_bool(0.5) {
            let steps = rng.random_range(0..40);
            search(
                &problem,
                Budget {
                    steps,
                    ..Budget::default()
                },
            )
        } else {
            narrow(&problem, Budget::default(), rng.random_range(1..=2))
        };
        let claim = match answer {
            Answer::Linearizable => true,
            Answer::Violation { .. } => false,
            Answer::Exhausted { .. } => {
                gave_up += 1;
                continue;
            }
        };
        decided += 1;
        assert_eq!(
            claim,
            by_oracle(&register),
            "case {case}: {:#?}",
            register.ops
        );
    }
    assert!(
        gave_up > n / 50 && decided > n / 50,
        "{gave_up} gave up, {decided} decided: a poor mixture"
    );
}

/// A register of which the search knows nothing but its steps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Unhinted(CasRegister);

impl Model for Unhinted {
    type Op = Register;
    fn step(&self, call: &RegisterCall, ret: Option<&RegisterReturn>) -> Option<Self> {
        self.0.step(call, ret).map(Self)
    }
}

#[test]
fn search_needs_no_hints() {
    let mut rng = Pcg64Mcg::seed_from_u64(6);
    for case in 0..cases(50_000) {
        let register = random(&mut rng, case % 2 == 0);
        let hinted = problem(&register, &register.ops);
        let mut plain = Problem::new(Unhinted(hinted.initial));
        for op in &hinted.ops {
            let class = &hinted.classes[op.class as usize];
            plain.call(class.call.clone(), class.ret, op.start, op.end);
        }
        let answer = search(&plain, Budget::default());
        let legal = answer == Answer::Linearizable;
        assert_eq!(
            legal,
            by_oracle(&register),
            "case {case}: {:#?}",
            register.ops
        );
    }
}

/// A queue: no call overwrites, and the order of what happened stays visible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Fifo(Vec<u8>);

#[derive(Debug, Clone, PartialEq)]
struct Queue;

impl Operation for Queue {
    /// What to put; `None` takes.
    type Call = Option<u8>;
    /// What was taken; `None` if nothing was there, or after a put.
    type Return = Option<u8>;
}

impl Model for Fifo {
    type Op = Queue;
    fn step(&self, put: &Option<u8>, ret: Option<&Option<u8>>) -> Option<Self> {
        let mut next = self.clone();
        let taken = match put {
            Some(item) => {
                next.0.push(*item);
                None
            }
            None if next.0.is_empty() => None,
            None => Some(next.0.remove(0)),
        };
        ret.is_none_or(|ret| *ret == taken).then_some(next)
    }
}

#[test]
fn search_agrees_with_the_oracle_on_queues() {
    let mut rng = Pcg64Mcg::seed_from_u64(7);
    let mut legal = 0;
    let n = cases(50_000);
    for case in 0..n {
        let mut problem = Problem::new(Fifo::default());
        // The register's histories with other calls: only the times matter.
        let times = random(&mut rng, false);
        for op in &times.ops {
            let put = rng.random_bool(0.5).then(|| rng.random_range(0..2));
            let taken = rng.random_bool(0.6).then(|| rng.random_range(0..2));
            let ret = if put.is_some() { None } else { taken };
            problem.call(put, (!op.is_info()).then_some(ret), op.start, op.end);
        }
        let truth = brute::linearizable(&problem);
        legal += u64::from(truth);
        let answer = search(&problem, Budget::default());
        assert_eq!(
            answer == Answer::Linearizable,
            truth,
            "case {case}: {problem:#?}"
        );
    }
    assert!(
        (n / 20..n * 19 / 20).contains(&legal),
        "{legal} of {n} are legal: a poor mixture"
    );
}

/// The record that such a register leaves; each call has a process of its own.
fn recorded(register: &Register1) -> History<Register> {
    let value = |v: u32| register.values[v as usize];
    let known = |v: u32| value(v).expect("mutations have values");
    let mut moments: Vec<(u32, u32, Moment<Register>)> = Vec::new();
    for (i, op) in register.ops.iter().enumerate() {
        let (call, ret) = match op.kind {
            Kind::Read => (RegisterOp::Read, RegisterReturn::Value(value(op.value))),
            Kind::Write => (RegisterOp::Write(known(op.value)), RegisterReturn::Done),
            Kind::Cas(from) => {
                let (from, to) = (known(from), known(op.value));
                (RegisterOp::Cas { from, to }, RegisterReturn::Done)
            }
        };
        let call = RegisterCall {
            key: register.key.clone(),
            op: call,
        };
        moments.push((op.start, i as u32, Moment::Invoke(call)));
        if !op.is_info() {
            moments.push((op.end, i as u32, Moment::Complete(Outcome::Ok(ret))));
        }
    }
    moments.sort_unstable_by_key(|(at, ..)| *at);
    let events = moments.into_iter().map(|(at, process, moment)| Event {
        index: Index(at - 1),
        time: Nanos(u64::from(at)),
        process: Process(process),
        node: None,
        moment,
    });
    History::new(Nodes::default(), events).expect("a history")
}

#[test]
fn the_checker_agrees_with_the_oracle_and_its_witnesses_do_too() {
    let mut rng = Pcg64Mcg::seed_from_u64(8);
    for case in 0..cases(50_000) {
        let register = random(&mut rng, case % 2 == 0);
        let history = recorded(&register);
        let verdict = Linearizable::default().check(&history, Budget::default());
        let legal = by_oracle(&register);
        let certificate = Linearizable::default().certify(&history, Budget::default());
        assert_eq!(
            certificate.is_some(),
            legal,
            "case {case}: {:#?}",
            register.ops
        );
        let word = if legal { "pass" } else { "fail" };
        assert_eq!(verdict.word(), word, "case {case}: {:#?}", register.ops);
        let Verdict::Fail(findings) = verdict else {
            continue;
        };
        for finding in findings {
            let shown = |op: &&Op| finding.witness.contains(&Index(op.start - 1));
            let witness: Vec<Op> = register.ops.iter().filter(shown).copied().collect();
            assert_eq!(witness.len(), finding.witness.len(), "case {case}");
            assert!(
                !by_oracle(&part(&register, &witness)),
                "case {case}: {finding:#?}"
            );
        }
    }
}

#[test]
fn a_witness_is_called_minimal_only_if_it_is() {
    let mut rng = Pcg64Mcg::seed_from_u64(9);
    let (mut minimal, mut reduced) = (0, 0);
    for case in 0..cases(20_000) {
        let register = random(&mut rng, false);
        let budget = Budget {
            steps: 1 << rng.random_range(2..14),
            ..Budget::default()
        };
        let Verdict::Fail(findings) = Linearizable::default().check(&recorded(&register), budget)
        else {
            continue;
        };
        for finding in findings {
            if !finding.minimal {
                reduced += 1;
                continue;
            }
            minimal += 1;
            let shown = |op: &&Op| finding.witness.contains(&Index(op.start - 1));
            let witness: Vec<Op> = register.ops.iter().filter(shown).copied().collect();
            // A compare-and-set may count as a write in a witness.
            if witness.iter().any(|op| matches!(op.kind, Kind::Cas(_))) {
                continue;
            }
            for i in (0..witness.len()).filter(|i| removable(&register, &witness)[*i]) {
                let mut fewer = witness.clone();
                fewer.remove(i);
                let legal = by_oracle(&part(&register, &fewer));
                assert!(legal, "case {case}: {:?} may go: {finding:#?}", witness[i]);
            }
        }
    }
    assert!(
        minimal > 0 && reduced > 0,
        "{minimal} and {reduced}: a poor mixture"
    );
}
