//! Textbook anomalies of these levels, each with the weakest levels that it violates and the strongest that it does not.

use history::{Txn, dsl::parse};

use crate::{
    Budget, Finding,
    txn::{Isolation, Judgement, Level},
};

fn judge(drawing: &str) -> Judgement {
    let history = parse::<Txn>(drawing).expect("a good drawing");
    Isolation::expecting(Level::Serializable)
        .without_real_time()
        .judge(&history, Budget::default())
}

#[track_caller]
fn expect(drawing: &str, code: &str, violated: &[Level], unviolated: &[Level]) -> Finding {
    let judgement = judge(drawing);
    let codes = judgement.found.iter().map(|f| f.finding.code.as_str());
    let at = codes.clone().position(|c| c == code);
    let all: Vec<&str> = codes.collect();
    assert_eq!(
        (&judgement.violated[..], &judgement.unviolated[..]),
        (violated, unviolated),
        "{all:?}"
    );
    let at = at.unwrap_or_else(|| panic!("no {code} in {all:?}"));
    judgement.found[at].finding.clone()
}

use Level::*;

#[test]
fn a_monotonic_view_that_fits_no_order_of_commits() {
    // T3 saw T1 and then T2's y instead of T1's; T4 the other way round.
    let finding = expect(
        r#"p0: |-txn [["w","x",1],["w","y",1]]-|
           p1: |-txn [["w","x",2],["w","y",2]]-|
           p2: |-txn [["r","x"],["r","y"]] -> [["r","x",1],["r","y",2]]-|
           p3: |-txn [["r","x"],["r","y"]] -> [["r","x",2],["r","y",1]]-|"#,
        "view-order",
        &[MonotonicAtomicView],
        &[ReadCommitted],
    );
    assert_eq!(finding.witness.len(), 4);
    assert!(finding.minimal);
    assert!(
        finding.explanation.contains(
            "T1 came before T2: T3 ought to see T1 (T3 read 1 of key x, which T1 wrote), which wrote 1 to key y; \
             but T3 read 2 of key y, which T2 wrote. T2 came before T1: T4 ought to see T2 (T4 read 2 of key x, \
             which T2 wrote), which wrote 2 to key y; but T4 read 1 of key y, which T1 wrote. So no order of commits \
             is possible."
        ),
        "{}",
        finding.explanation
    );
}

#[test]
fn fractured_reads_are_two_halves_of_two_transactions() {
    let drawing = r#"p0: |-txn [["w","x",1],["w","y",1]]-|
           p1: |-txn [["w","x",2],["w","y",2]]-|
           p2: |-txn [["r","x"],["r","y"]] -> [["r","x",1],["r","y",2]]-|"#;
    let weakest = [ReadAtomic, RepeatableRead];
    let finding = expect(
        drawing,
        "atomic-view-order",
        &weakest,
        &[StrongSessionReadCommitted],
    );
    assert_eq!(finding.witness.len(), 3);
    assert_eq!(
        judge(drawing).strongest_weak(),
        Some(StrongSessionReadCommitted)
    );
}

#[test]
fn information_that_flows_back_into_a_session() {
    // T1 read what T4 wrote, which its own session's T2 had caused.
    let drawing = r#"p0: |-txn [["r","y"]] -> [["r","y",1]]-| |-txn [["w","x",1]]-|
                     p1: |-txn [["r","x"]] -> [["r","x",1]]-| |-txn [["w","y",1]]-|"#;
    expect(
        drawing,
        "G1c-session",
        &[StrongSessionReadCommitted],
        &[Serializable],
    );
    assert_eq!(judge(drawing).strongest_weak(), None);
}

#[test]
fn a_session_whose_writes_overtake_each_other() {
    expect(
        r#"p0: |-txn [["w","x",1],["w","y",1]]-| |-txn [["w","x",2],["w","y",2]]-|
           p1: |-txn [["r","x"],["r","y"]] -> [["r","x",2],["r","y",1]]-|"#,
        "session-view-order",
        &[ReadAtomic, StrongSessionReadCommitted, RepeatableRead],
        &[MonotonicAtomicView],
    );
}

#[test]
fn a_session_that_does_not_see_its_own_past() {
    let finding = expect(
        r#"p0: |-txn [["w","x",1]]-| |-txn [["r","x"]] -> [["r","x",null]]-|"#,
        "session-past-missed",
        &[StrongSessionReadAtomic],
        &[StrongSessionReadCommitted, Serializable],
    );
    assert_eq!(finding.title, "own session's past not seen on key x");
    assert!(finding.explanation.ends_with(
        "T2 ought to see T1: process 0 called T1 first. But T1 wrote 1 to key x, and T2 read nothing of key x, which is older."
    ));
}

#[test]
fn a_pram_violation_is_a_session_seen_out_of_its_order() {
    for [one, none] in [["1", "null"], ["[1]", "[]"]] {
        let op = if none == "null" { "w" } else { "append" };
        let drawing = format!(
            r#"p0: |-txn [["{op}","x",1]]-| |-txn [["{op}","y",1]]-|
               p1: |-txn [["r","y"]] -> [["r","y",{one}]]-| |-txn [["r","x"]] -> [["r","x",{none}]]-|"#
        );
        let finding = expect(
            &drawing,
            "pram-violation",
            &[Pram],
            &[StrongSessionReadAtomic, Serializable],
        );
        assert_eq!(finding.witness.len(), 4);
    }
}

#[test]
fn a_causality_violation_is_an_effect_without_its_cause() {
    for [one, none] in [["1", "null"], ["[1]", "[]"]] {
        let op = if none == "null" { "w" } else { "append" };
        let drawing = format!(
            r#"p0: |-txn [["{op}","x",1]]-|
               p1: |-txn [["r","x"]] -> [["r","x",{one}]]-| |-txn [["{op}","y",1]]-|
               p2: |-txn [["r","y"],["r","x"]] -> [["r","y",{one}],["r","x",{none}]]-|"#
        );
        let finding = expect(
            &drawing,
            "causality-violation",
            &[Causal],
            &[Pram, Serializable],
        );
        assert_eq!(finding.witness.len(), 4);
        assert!(finding.minimal);
        assert!(
            finding
                .explanation
                .contains("process 1 called T2 first; T3 read"),
            "{}",
            finding.explanation
        );
    }
}

#[test]
fn a_long_fork_is_causal_and_has_no_common_prefix() {
    for [one, none] in [["1", "null"], ["[1]", "[]"]] {
        let op = if none == "null" { "w" } else { "append" };
        let drawing = format!(
            r#"p0: |-txn [["{op}","x",1]]-|
               p1: |-txn [["{op}","y",1]]-|
               p2: |-txn [["r","x"],["r","y"]] -> [["r","x",{one}],["r","y",{none}]]-|
               p3: |-txn [["r","x"],["r","y"]] -> [["r","x",{none}],["r","y",{one}]]-|"#
        );
        let finding = expect(
            &drawing,
            "prefix-violation",
            &[PrefixConsistency, RepeatableRead, SnapshotIsolation],
            &[Causal, ParallelSnapshotIsolation],
        );
        assert_eq!(finding.witness.len(), 4);
    }
}

#[test]
fn a_lost_update_has_a_common_prefix() {
    expect(
        r#"p0: |-txn [["r","x"],["append","x",1]] -> [["r","x",[]],["append","x",1]]-|
           p1: |-txn [["r","x"],["append","x",2]] -> [["r","x",[]],["append","x",2]]-|"#,
        "lost-update",
        &[ParallelSnapshotIsolation, RepeatableRead],
        &[PrefixConsistency],
    );
}

#[test]
fn no_real_time_is_taken_from_a_record_that_has_none() {
    // One after the other in the record, and in different sessions.
    let judgement = judge(
        r#"p0: |-txn [["w","x",1]]-|
           p1:                         |-txn [["w","x",2]]-|
           p2:                                               |-txn [["r","x"]] -> [["r","x",1]]-|"#,
    );
    assert_eq!(judgement.found, []);
    assert_eq!(judgement.unviolated, [StrongSessionSerializable]);
}
