//! The engines against the oracle on small random histories, and what is claimed about witnesses.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    NEVER, brute,
    prepare::{INITIAL, Kind, Op, Register1, problem},
    problem::Answer,
    search::search,
    shrink::{part, removable, shrink},
    zones,
};
use crate::Budget;

/// How many histories; more with `SCHISM_PROPERTY_CASES`.
fn cases(usual: u64) -> u64 {
    let more = std::env::var("SCHISM_PROPERTY_CASES").ok();
    more.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

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
    Register1 {
        key: history::Key::Int(1),
        ops,
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
        while let Some(i) = removable(&register, &register.ops)
            .iter()
            .position(|may| *may)
        {
            let gone = register.ops.remove(i);
            assert!(
                by_oracle(&register),
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
