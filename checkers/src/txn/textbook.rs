//! Textbook anomalies by name, each as a drawing, with what is found and the levels that this excludes.

use history::{Txn, dsl::parse};

use super::{Isolation, Judgement, Level};
use crate::{Budget, Checker, Finding, Verdict};

fn judge(drawing: &str) -> Judgement {
    let history = parse::<Txn>(drawing).expect("a good drawing");
    Isolation::expecting(Level::StrictSerializable).judge(&history, Budget::default())
}

/// The codes of what is found, and the weakest levels violated.
fn shown(drawing: &str) -> (Vec<String>, Vec<&'static str>) {
    let judgement = judge(drawing);
    let codes = judgement.found.iter().map(|f| f.finding.code.clone());
    (
        codes.collect(),
        judgement.violated.iter().map(|l| l.name()).collect(),
    )
}

#[track_caller]
fn expect(drawing: &str, codes: &[&str], levels: &[&str]) {
    let (found, violated) = shown(drawing);
    assert_eq!(
        (found, violated),
        (
            codes.iter().map(|c| c.to_string()).collect(),
            levels.to_vec()
        )
    );
}

#[test]
fn a_serial_history_passes_with_its_evidence() {
    let history = parse::<Txn>(
        r#"p0: |-txn [["append",1,1],["r",1,null]] -> [["append",1,1],["r",1,[1]]] -|
           p1:                                                                        |-txn [["r",1]] -> [["r",1,[1]]] -|"#,
    )
    .expect("a good drawing");
    let checker = Isolation::expecting(Level::StrictSerializable);
    let Verdict::Pass(evidence) = checker.check(&history, Budget::default()) else {
        panic!("no pass");
    };
    assert_eq!(
        evidence.counts[..2],
        [("ok transactions".into(), 2), ("reads".into(), 2)]
    );
    assert_eq!(
        evidence.notes,
        ["the strongest with no violation found: strict serializable"]
    );
}

#[test]
fn a_dirty_write_of_a_transaction_that_may_have_failed_is_none_for_sure() {
    // If T1 did not commit, T2 saw an aborted value, which read uncommitted allows; if it did, T1 and T3 are interleaved.
    expect(
        r#"p0: |-txn [["append","x",1],["append","y",1]] info-|
           p1: |-txn [["r","y"]] -> [["r","y",[1]]] -|
           p2:                                        |-txn [["append","x",2],["append","y",2]]-|
           p3:                                                                                   |-txn [["r","x"]] -> [["r","x",[2]]] -|"#,
        &["G1c", "G-single"],
        &["read-committed"],
    );
}

#[test]
fn g0_dirty_write_whole() {
    // T1 and T2 are interleaved: x got 1 then 2, y got 2 then 1.
    let judgement = judge(
        r#"p0: |-txn [["append","x",1],["append","y",1]]-|
           p1: |-txn [["append","x",2],["append","y",2]]-|
           p2:                                             |-txn [["r","x"],["r","y"]] -> [["r","x",[1,2]],["r","y",[2,1]]] -|"#,
    );
    let [found] = &judgement.found[..] else {
        panic!("{judgement:?}");
    };
    let expected = Finding {
        code: "G0".into(),
        title: "dirty write".into(),
        property: "read-uncommitted".into(),
        explanation: "T1 is append x 1, append y 1, by process 0, from 0:00.000 to 0:00.000. \
            T2 is append x 2, append y 2, by process 1, from 0:00.000 to 0:00.000. \
            T3 is read x → [1 2], read y → [2 1], by process 2, from 0:00.000 to 0:00.000. \
            T1 came before T2: T3 read [1 2] of key x, and T1 appended 1, T2 2. \
            T2 came before T1: T3 read [2 1] of key y, and T2 appended 2, T1 1. \
            So each of them would have to come before itself."
            .into(),
        key: None,
        witness: vec![history::Index(0), history::Index(1), history::Index(4)],
        from: found.finding.from,
        until: found.finding.until,
        minimal: true,
        confidence: "certain".into(),
        more: 0,
        order: found.finding.order.clone(),
    };
    assert_eq!(found.finding, expected);
    let order = expected.order.iter();
    let circle: Vec<_> = order
        .map(|p| (p.before.0, p.kind.code(), p.after.0))
        .collect();
    assert_eq!(circle, [(0, "ww", 1), (1, "ww", 0)]);
    assert_eq!(
        expected.order[1].because,
        "T3 read [2 1] of key y, and T2 appended 2, T1 1"
    );
    assert_eq!(judgement.violated, [Level::ReadUncommitted]);
    assert_eq!(judgement.unviolated, []);
}

#[test]
fn g1a_aborted_read_and_dirty_update() {
    expect(
        r#"p0: |-txn [["append","x",1]] fail-|
           p1: |-txn [["append","x",2]]-|
           p2: |-txn [["r","x"]] -> [["r","x",[1,2]]]-|"#,
        &["G1a", "dirty-update"],
        &["read-committed"],
    );
    expect(
        r#"p0: |-txn [["w","x",1]] fail-|
           p2: |-txn [["r","x"]] -> [["r","x",1]]-|"#,
        &["G1a"],
        &["read-committed"],
    );
}

#[test]
fn g1b_intermediate_read() {
    for drawing in [
        r#"p0: |-txn [["append","x",1],["append","x",2]]-|
           p1: |-txn [["r","x"]] -> [["r","x",[1]]]-|"#,
        r#"p0: |-txn [["w","x",1],["w","x",2]]-|
           p1: |-txn [["r","x"]] -> [["r","x",1]]-|"#,
    ] {
        assert_eq!(shown(drawing).0[0], "G1b");
        assert_eq!(shown(drawing).1, ["read-committed"]);
    }
}

#[test]
fn g1c_circular_information_flow() {
    for drawing in [
        r#"p0: |-txn [["append","x",1],["r","y"]] -> [["append","x",1],["r","y",[1]]]-|
           p1: |-txn [["append","y",1],["r","x"]] -> [["append","y",1],["r","x",[1]]]-|"#,
        r#"p0: |-txn [["w","x",1],["r","y"]] -> [["w","x",1],["r","y",1]]-|
           p1: |-txn [["w","y",1],["r","x"]] -> [["w","y",1],["r","x",1]]-|"#,
    ] {
        expect(drawing, &["G1c"], &["read-committed"]);
    }
}

#[test]
fn g_single_read_skew() {
    // T1 saw y after T2 and x before it.
    expect(
        r#"p0: |-txn [["r","x"],["r","y"]] -> [["r","x",[]],["r","y",[1]]]-|
           p1: |-txn [["append","x",1],["append","y",1]]-|"#,
        &["fractured-read", "G-single"],
        &["read-atomic", "repeatable-read"],
    );
    expect(
        r#"p0: |-txn [["r","y"],["r","x"]] -> [["r","y",1],["r","x",null]]-|
           p1: |-txn [["w","x",1],["w","y",1]]-|"#,
        &["non-monotonic-view", "G-single"],
        &["monotonic-atomic-view"],
    );
}

#[test]
fn lost_update() {
    expect(
        r#"p0: |-txn [["r","x"],["append","x",1]] -> [["r","x",[]],["append","x",1]]-|
           p1: |-txn [["r","x"],["append","x",2]] -> [["r","x",[]],["append","x",2]]-|"#,
        &["lost-update", "G2-item"],
        &["parallel-snapshot-isolation", "repeatable-read"],
    );
    expect(
        r#"p0: |-txn [["r","x"],["w","x",1]] -> [["r","x",null],["w","x",1]]-|
           p1: |-txn [["r","x"],["w","x",2]] -> [["r","x",null],["w","x",2]]-|"#,
        &["lost-update", "G2-item"],
        &["parallel-snapshot-isolation", "repeatable-read"],
    );
}

#[test]
fn write_skew_is_allowed_by_snapshot_isolation() {
    let drawing = r#"p0: |-txn [["r","x"],["append","y",1]] -> [["r","x",[]],["append","y",1]]-|
           p1: |-txn [["r","y"],["append","x",1]] -> [["r","y",[]],["append","x",1]]-|"#;
    expect(drawing, &["G2-item"], &["repeatable-read"]);
    let judgement = judge(drawing);
    assert_eq!(judgement.unviolated, [Level::StrongSnapshotIsolation]);
    assert_eq!(judgement.verdict(Level::SnapshotIsolation).word(), "pass");
    assert_eq!(judgement.verdict(Level::Serializable).word(), "fail");
}

#[test]
fn long_fork_is_allowed_by_parallel_snapshot_isolation() {
    expect(
        r#"p0: |-txn [["append","x",1]]-|
           p1: |-txn [["append","y",1]]-|
           p2: |-txn [["r","x"],["r","y"]] -> [["r","x",[1]],["r","y",[]]]-|
           p3: |-txn [["r","x"],["r","y"]] -> [["r","x",[]],["r","y",[1]]]-|"#,
        &["prefix-violation", "G-nonadjacent"],
        &[
            "prefix-consistency",
            "repeatable-read",
            "snapshot-isolation",
        ],
    );
}

#[test]
fn stale_reads_by_session_and_by_real_time() {
    expect(
        r#"p0: |-txn [["append","x",1]]-| |-txn [["r","x"]] -> [["r","x",[]]]-|"#,
        &["session-past-missed", "G-single-session"],
        &["strong-session-read-atomic"],
    );
    expect(
        r#"p0: |-txn [["append","x",1]]-|
           p1:                             |-txn [["r","x"]] -> [["r","x",[]]]-|"#,
        &["G-single-realtime"],
        &["strong-snapshot-isolation"],
    );
    // The order of versions of a register follows from real time only where that is part of the level.
    let drawing = r#"p0: |-txn [["w","x",1]]-|
           p1:                         |-txn [["w","x",2]]-|
           p2:                                               |-txn [["r","x"]] -> [["r","x",1]]-|"#;
    expect(
        drawing,
        &["G-single-realtime"],
        &["strong-snapshot-isolation"],
    );
    assert_eq!(judge(drawing).verdict(Level::Serializable).word(), "pass");
}

#[test]
fn what_needs_no_cycle() {
    for (drawing, code, level) in [
        (
            r#"p0: |-txn [["r","x"]] -> [["r","x",[7]]]-|"#,
            "garbage-read",
            "read-uncommitted",
        ),
        (
            r#"p0: |-txn [["r","x"],["append","x",1]] -> [["r","x",[1]],["append","x",1]]-|"#,
            "future-read",
            "read-uncommitted",
        ),
        (
            "p0: |-txn [[\"append\",\"x\",1]]-|\np1: |-txn [[\"r\",\"x\"]] -> [[\"r\",\"x\",[1,1]]]-|",
            "duplicate-elements",
            "read-uncommitted",
        ),
        (
            r#"p0: |-txn [["append","x",1],["r","x"]] -> [["append","x",1],["r","x",[]]]-|"#,
            "internal",
            "read-committed",
        ),
    ] {
        let (codes, levels) = shown(drawing);
        assert_eq!(
            (codes[0].as_str(), levels),
            (code, vec![level]),
            "{drawing}"
        );
    }
    let (codes, _) = shown(
        r#"p0: |-txn [["append","x",1]]-|
           p1: |-txn [["append","x",2]]-|
           p2: |-txn [["r","x"]] -> [["r","x",[1,2]]]-|
           p3: |-txn [["r","x"]] -> [["r","x",[2,1]]]-|"#,
    );
    assert_eq!(codes[0], "incompatible-order");
    let (codes, _) = shown(
        r#"p0: |-txn [["w","x",1]]-|
           p2: |-txn [["r","x"],["r","x"]] -> [["r","x",null],["r","x",1]]-|"#,
    );
    assert_eq!(codes, ["non-repeatable-read", "G-single"]);
}

#[test]
fn an_info_transaction_may_have_happened_or_not() {
    // Seen: it did. Not seen: it did not, or later.
    for seen in ["[]", "[1]"] {
        let drawing = format!(
            r#"p0: |-txn [["append","x",1]] info-|
               p1:                                  |-txn [["r","x"]] -> [["r","x",{seen}]]-|"#
        );
        expect(&drawing, &[], &[]);
    }
    // Seen and then not seen.
    expect(
        r#"p0: |-txn [["append","x",1]] info-|
           p1:    |-txn [["r","x"]] -> [["r","x",[1]]]-| |-txn [["r","x"]] -> [["r","x",[]]]-|"#,
        &["pram-violation", "G-single-session"],
        &["pram"],
    );
}

#[test]
fn a_history_without_reads_or_with_mixed_keys_passes_nothing() {
    for (drawing, code) in [
        (
            r#"p0: |-txn [["append","x",1]]-|"#,
            "isolation/nothing-read",
        ),
        (
            r#"p0: |-txn [["append","x",1],["w","x",2],["r","y"]] -> [["append","x",1],["w","x",2],["r","y",null]]-|"#,
            "isolation/mixed-keys",
        ),
    ] {
        let Verdict::Unknown(cause) = judge(drawing).verdict(Level::Serializable) else {
            panic!("{drawing}");
        };
        assert_eq!(cause.code, code);
    }
}
