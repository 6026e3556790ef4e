//! What is said of faults.

use history::{Key, Nanos, Outcome, Reason, RegisterOp};
use schism_reports::{Counts, Report};

use super::fixture;

/// Under a partition from 24 s to 39 s: n1 refuses twice, n4 answers once; n1 answers again at 40 s.
fn report(change: impl FnOnce(&mut history::fault::FaultSpan)) -> Report {
    let mut calls = fixture::Calls::new();
    let key = || Key::Int(1);
    let refused = || Outcome::Fail(Reason::new("refused"));
    let s = 1_000_000;
    calls.call(
        (1, 1),
        (10 * s, Some(11 * s)),
        key(),
        RegisterOp::Read,
        fixture::value(1),
    );
    calls.call(
        (1, 1),
        (25 * s, Some(26 * s)),
        key(),
        RegisterOp::Read,
        refused(),
    );
    calls.call(
        (1, 1),
        (27 * s, Some(28 * s)),
        key(),
        RegisterOp::Read,
        refused(),
    );
    calls.call(
        (4, 4),
        (25 * s, Some(26 * s)),
        key(),
        RegisterOp::Read,
        fixture::value(1),
    );
    calls.call(
        (4, 4),
        (39 * s + 1, Some(39 * s + 5)),
        key(),
        RegisterOp::Read,
        fixture::value(1),
    );
    calls.call(
        (1, 1),
        (39 * s + 9, Some(40 * s)),
        key(),
        RegisterOp::Read,
        fixture::value(1),
    );
    let (history, _) = calls.history();
    let mut fault = fixture::partition();
    change(&mut fault);
    Report::new(
        fixture::meta(),
        &history,
        vec![fixture::pass("x")],
        vec![fault],
    )
}

#[test]
fn each_side_of_a_partition_is_counted_by_itself() {
    let report = report(|_| {});
    let sides = &report.faults[0].sides;
    let (ok, fail, info) = (0, 2, 0);
    assert_eq!(
        (sides[0].role, sides[0].nodes.as_str()),
        ("minority", "n1 n2")
    );
    assert_eq!(sides[0].counts, Counts { ok, fail, info });
    assert_eq!(
        (sides[1].role, sides[1].nodes.as_str()),
        ("majority", "n3 n4 n5")
    );
    assert_eq!(
        sides[1].counts,
        Counts {
            ok: 1,
            fail: 0,
            info
        }
    );
}

#[test]
fn recovery_is_the_first_good_answer_of_a_node_that_was_cut_off() {
    assert_eq!(report(|_| {}).faults[0].recovery, Some(Nanos::from_secs(1)));
    assert_eq!(report(|f| f.healed = None).faults[0].recovery, None);
}

#[test]
fn a_fault_that_never_came_is_not_given_effects() {
    let report = report(|f| {
        f.injected = None;
        f.verified = None;
        f.healed = None;
        f.errors = vec!["nft: permission denied".to_owned()];
    });
    let fault = &report.faults[0];
    assert_eq!((fault.sides.len(), fault.recovery), (0, None));
    assert_eq!(fault.verification(), "NOT verified: nobody looked");
    assert!(
        report.story.contains(
            "Meanwhile 1 fault was planned and none injected (partition × 1), none seen to take effect."
        ),
        "{}",
        report.story
    );
}

#[test]
fn overlapping_sides_have_no_roles() {
    let ring = |f: &mut history::fault::FaultSpan| {
        let side = |n: [&str; 3]| n.map(str::to_owned).to_vec();
        f.sides = vec![side(["n1", "n2", "n3"]), side(["n2", "n3", "n4"])];
    };
    assert!(
        report(ring).faults[0]
            .sides
            .iter()
            .all(|s| s.role.is_empty())
    );
}

#[test]
fn the_longest_silence_of_a_node_spans_its_outage() {
    let report = report(|_| {});
    let n1 = report.stats.nodes[0].silence.unwrap();
    assert_eq!(
        (n1.from, n1.until),
        (Nanos::from_secs(11), Nanos::from_secs(40))
    );
    assert_eq!(report.stats.nodes[1].silence, None, "n2 was never asked");
}
