//! `set` and `set-full`: drawings, the oracle, an honest set and its broken twins.

use std::{collections::BTreeSet, time::Duration};

use history::{
    History, Index, Nanos, dsl,
    ops::{Set, SetCall, SetOp, SetReturn},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::SetFull;
use crate::{
    Budget, Checker, Finding, Verdict,
    oracle::{cases, linearizable, play},
};

fn verdict(checker: SetFull, drawing: &str) -> Verdict {
    let history = dsl::parse::<Set>(drawing).expect("a drawing");
    checker.check(&history, Budget::default())
}

fn findings(checker: SetFull, drawing: &str) -> Vec<Finding> {
    match verdict(checker, drawing) {
        Verdict::Fail(findings) => findings,
        other => panic!("{other:?}"),
    }
}

fn codes(checker: SetFull, drawing: &str) -> Vec<String> {
    let found = findings(checker, drawing).into_iter();
    found.map(|f| f.code).collect()
}

fn count(verdict: &Verdict, what: &str) -> u64 {
    match verdict {
        Verdict::Pass(evidence) => evidence
            .counts
            .iter()
            .find(|(name, _)| name == what)
            .map_or(0, |(_, n)| *n),
        other => panic!("{other:?}"),
    }
}

#[test]
fn adds_of_unknown_outcome_may_be_there_or_not() {
    let drawing = "
        p0: |--add 1 1--|  |--add 1 2 info--|
        p1:   |--add 1 3 fail--|  |--add 1 4 info--|
        p2:                                          |-read 1 -> [1]-| |-read 1 -> [1,4]-|";
    for checker in [
        SetFull::eventual(),
        SetFull::linearizable(),
        SetFull::last_read(),
    ] {
        let verdict = verdict(checker, drawing);
        assert_eq!(count(&verdict, "elements attempted"), 4, "{verdict:?}");
        assert_eq!(count(&verdict, "elements acknowledged"), 1);
        assert_eq!(count(&verdict, "elements recovered"), 1);
    }
}

#[test]
fn lost_element() {
    let drawing = "
        p0@n1: |--add 7 1--|  |-add 7 2-|
        p1@n2:                            |--read 7 -> [2]--|";
    let expected = Finding {
        code: "lost-element".to_owned(),
        title: "lost element on key 7".to_owned(),
        property: "set-full".to_owned(),
        explanation: "n1 acknowledged add 7 1 to process 0 at 0:00.000. 0 µs later process 1 read the set on n2, and 1 was not there. Nobody read it since.".to_owned(),
        key: Some(history::Key::Int(7)),
        witness: vec![Index(0), Index(4)],
        from: Nanos(15),
        until: Nanos(60),
        minimal: true,
        confidence: "certain".to_owned(),
        more: 0,
        order: Vec::new(),
    };
    let last = findings(SetFull::last_read(), drawing);
    assert_eq!(last[0].explanation, expected.explanation);
    assert_eq!(findings(SetFull::eventual(), drawing), [expected]);
}

#[test]
fn a_read_that_overlaps_the_add_need_not_have_it() {
    let drawing = "
        p0: |--add 1 1--|  |-add 1 2-|
        p1:            |--read 1 -> []--|   |-read 1 -> [1,2]-|";
    assert_eq!(verdict(SetFull::linearizable(), drawing).word(), "pass");
}

#[test]
fn a_stale_read_fails_only_where_reads_must_be_fresh() {
    let drawing = "
        p0: |--add 1 1--|
        p1:               |--read 1 -> []--| |-read 1 -> [1]-|";
    let lenient = verdict(SetFull::eventual(), drawing);
    assert_eq!(count(&lenient, "elements stale for a while"), 1);
    assert_eq!(codes(SetFull::linearizable(), drawing), ["stale-read"]);
}

#[test]
fn an_element_that_was_read_must_stay_even_if_its_add_was_never_acknowledged() {
    let drawing = "
        p0: |--add 1 1 info--|
        p1: |--add 1 9--|    |--read 1 -> [1,9]--| |-read 1 -> [9]-|";
    assert_eq!(codes(SetFull::eventual(), drawing), ["lost-element"]);
}

#[test]
fn elements_that_cannot_be_there() {
    for (code, read) in [
        ("duplicate-element", "[1,1]"),
        ("phantom-value", "[1,5]"),
        ("aborted-read", "[1,2]"),
        ("future-read", "[1,3]"),
    ] {
        let drawing = format!(
            "
            p0: |--add 1 1--| |-add 1 2 fail-|                           |-add 1 3-|
            p1:                                |--read 1 -> {read}--|"
        );
        let found = findings(SetFull::eventual(), &drawing);
        assert_eq!(found[0].code, code);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

#[test]
fn reads_that_disagree_on_the_order_of_adds() {
    let drawing = "
        p0: |--add 1 1--------------------------|
        p1: |--add 1 2--------------------------|
        p2:     |--read 1 -> [1]--|
        p3:     |--read 1 -> [2]--|               |-read 1 -> [1,2]-|";
    assert_eq!(verdict(SetFull::eventual(), drawing).word(), "pass");
    let found = findings(SetFull::linearizable(), drawing);
    assert_eq!(found[0].code, "incomparable-reads");
    assert_eq!(found[0].witness.len(), 2);
}

#[test]
fn causal_reverse() {
    let drawing = "
        p0: |--add 1 1--| |--add 1 2--|
        p1: |------------ read 1 -> [2] ---------| |-read 1 -> [1,2]-|";
    assert_eq!(verdict(SetFull::eventual(), drawing).word(), "pass");
    assert_eq!(codes(SetFull::linearizable(), drawing), ["causal-reverse"]);
}

#[test]
fn a_set_that_was_not_read_in_time_is_unknown() {
    for (drawing, code) in [
        ("p0: |--add 1 1--|", "set/never-read"),
        ("p0: |--read 1 -> []--| |--add 1 1--|", "set/nothing-stable"),
    ] {
        match verdict(SetFull::eventual(), drawing) {
            Verdict::Unknown(cause) => assert_eq!(cause.code, code),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn visibility_latency_is_what_a_reader_could_have_noticed() {
    let drawing = "
        p0: |-add 1 1-|
        p1:             |--read 1 -> []--| |-read 1 -> [1]-|";
    let history = dsl::parse::<Set>(drawing).expect("a drawing");
    let (_, timeline) = SetFull::eventual().judge(&history);
    assert_eq!(timeline.latency(1.0), Some(Duration::from_nanos(2)));
    assert_eq!((timeline.stable, timeline.stale), (1, 1));
}

/// A set with distinct adds, whose reads are sometimes not its own.
fn random(seed: u64, lies: f64, size: (u32, usize)) -> History<Set> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let (mut fresh, mut set) = (0, BTreeSet::new());
    play::<Set, _>(
        &mut rng,
        size,
        |rng, _| SetCall {
            key: None,
            op: match rng.random_bool(0.5) {
                true => SetOp::Read,
                false => {
                    fresh += 1;
                    SetOp::Add(fresh)
                }
            },
        },
        |rng, call| match call.op {
            SetOp::Add(v) if rng.random_bool(0.1) => {
                let _ = v;
                None
            }
            SetOp::Add(v) => {
                set.insert(v);
                Some(SetReturn::Done)
            }
            SetOp::Read => {
                let mut all: Vec<i64> = set.iter().copied().collect();
                if rng.random_bool(lies) {
                    all.retain(|_| rng.random_bool(0.7));
                    if rng.random_bool(0.2) {
                        all.push(rng.random_range(1..6));
                    }
                }
                Some(SetReturn::Elements(all))
            }
        },
    )
}

fn step(state: &BTreeSet<i64>, call: &SetCall, ret: Option<&SetReturn>) -> Option<BTreeSet<i64>> {
    match (call.op, ret) {
        (SetOp::Add(v), _) => {
            let mut next = state.clone();
            next.insert(v);
            Some(next)
        }
        (SetOp::Read, Some(SetReturn::Elements(all))) => {
            let read: BTreeSet<i64> = all.iter().copied().collect();
            (read == *state && all.len() == read.len()).then(|| state.clone())
        }
        (SetOp::Read, _) => Some(state.clone()),
    }
}

#[test]
fn agrees_with_the_oracle_on_distinct_adds() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..cases(4000) {
        let history = random(seed, 0.25, (3, 7));
        let expected = linearizable(&history, BTreeSet::new(), &step);
        let verdict = SetFull::linearizable().check(&history, Budget::default());
        assert_eq!(
            verdict.word() != "fail",
            expected,
            "seed {seed}: {verdict:?}\n{history:#?}"
        );
        *(if expected { &mut good } else { &mut bad }) += 1;
    }
    assert!(good > 300 && bad > 300, "{good} good, {bad} bad");
}

#[test]
fn an_honest_set_passes_and_weaker_checkers_accept_what_stronger_ones_do() {
    for seed in 0..cases(60) {
        let history = random(seed, 0.0, (8, 400));
        for checker in [
            SetFull::eventual(),
            SetFull::linearizable(),
            SetFull::last_read(),
        ] {
            let verdict = checker.check(&history, Budget::default());
            assert_eq!(verdict.word(), "pass", "seed {seed}: {verdict:?}");
        }
    }
}

#[test]
fn a_set_that_forgets_is_caught() {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let (mut fresh, mut set) = (0, Vec::new());
    let history = play::<Set, _>(
        &mut rng,
        (5, 200),
        |rng, _| SetCall {
            key: None,
            op: match rng.random_bool(0.3) {
                true => SetOp::Read,
                false => {
                    fresh += 1;
                    SetOp::Add(fresh)
                }
            },
        },
        |_, call| match call.op {
            SetOp::Add(20) => Some(SetReturn::Done),
            SetOp::Add(v) => {
                set.push(v);
                Some(SetReturn::Done)
            }
            SetOp::Read => Some(SetReturn::Elements(set.clone())),
        },
    );
    match SetFull::eventual().check(&history, Budget::default()) {
        Verdict::Fail(found) => {
            assert_eq!(found.len(), 1);
            assert_eq!((&*found[0].code, found[0].more), ("lost-element", 0));
            assert!(found[0].explanation.contains("add 20"), "{found:?}");
        }
        other => panic!("{other:?}"),
    }
}
