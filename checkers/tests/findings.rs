//! Anomalies by their textbook names, each drawn, each with its whole finding; and the legal histories beside them.

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Register, RegisterCall,
    RegisterOp, RegisterReturn, dsl::parse,
};
use schism_checkers::{Budget, Checker, Finding, Linearizable, Verdict};

fn verdict(drawing: &str) -> Verdict {
    let history = parse::<Register>(drawing).expect("a drawing");
    Linearizable::default().check(&history, Budget::default())
}

#[track_caller]
fn only_finding(drawing: &str) -> Finding {
    match verdict(drawing) {
        Verdict::Fail(mut findings) if findings.len() == 1 => findings.remove(0),
        other => panic!("{other:#?}"),
    }
}

#[track_caller]
fn legal(drawing: &str) {
    assert_eq!(verdict(drawing).word(), "pass", "{drawing}");
}

/// Everything of a finding but its times, which are columns of the drawing.
#[track_caller]
fn is(finding: &Finding, code: &str, title: &str, explanation: &str, witness: &[u32]) {
    let indices: Vec<u32> = finding.witness.iter().map(|i| i.0).collect();
    assert_eq!(
        (
            finding.code.as_str(),
            finding.title.as_str(),
            finding.explanation.as_str(),
            &indices[..]
        ),
        (code, title, explanation, witness)
    );
    assert_eq!(finding.property, "linearizable");
    assert!(finding.minimal);
}

#[test]
fn stale_read() {
    let finding = only_finding(
        "
        p0@n3: |--write x 1--| |--write x 2--|
        p1@n1:                                   |--read x -> 1--|
        ",
    );
    is(
        &finding,
        "stale-read",
        "stale read on key x",
        "n3 acknowledged write x=2 to process 0 at 0:00.000. 0 µs later process 1 read key x on n1 and got 1, the value \
         before it.",
        &[0, 2, 4],
    );
    assert_eq!(finding.confidence, "certain");
}

#[test]
fn a_read_that_overlaps_the_write_may_return_either_value() {
    for value in [1, 2] {
        legal(&format!(
            "
            p0: |--write x 1--| |------write x 2------|
            p1:                     |--read x -> {value}--|
            "
        ));
    }
}

#[test]
fn read_of_nothing_after_a_write() {
    let finding = only_finding(
        "
        p0@n1: |--write x 1--|
        p1@n2:                  |--read x -> nil--|  |--read x -> 1--|
        ",
    );
    is(
        &finding,
        "stale-read",
        "stale read on key x",
        "n1 acknowledged write x=1 to process 0 at 0:00.000. 0 µs later process 1 read key x on n2 and got nothing, as \
         if nothing had been written.",
        &[0, 2],
    );
}

#[test]
fn lost_write() {
    // Nothing came after the write, and nobody ever sees it.
    let finding = only_finding(
        "
        p0@n1: |--write x 1--| |--write x 2--|
        p1@n2:                                  |--read x -> 1--|  |--read x -> 1--|
        ",
    );
    assert_eq!(finding.code, "lost-write");
    assert!(
        finding
            .explanation
            .ends_with("Nobody ever read 2, and nothing was written after it."),
        "{}",
        finding.explanation
    );
}

#[test]
fn an_unseen_write_that_was_overwritten_is_not_called_lost() {
    let finding = only_finding(
        "
        p0: |--write x 1--| |--write x 2--|                                        |--write x 3--|
        p1:                                  |--read x -> 1--|  |--read x -> 1--|
        ",
    );
    assert_eq!(finding.code, "stale-read");
}

#[test]
fn read_inversion() {
    // Two reads, one after the other, see the new value and then the old one, while the write is still under way.
    let finding = only_finding(
        "
        p0: |--write x 1--| |-----------------write x 2-----------------|
        p1:                    |--read x -> 2--| |--read x -> 1--|
        ",
    );
    assert_eq!(finding.code, "non-monotonic-read");
    assert_eq!(finding.title, "read inversion on key x");
    assert_eq!(finding.witness.len(), 4);
    assert!(
        finding.explanation.contains("But 1 came before 2: "),
        "{}",
        finding.explanation
    );
}

#[test]
fn aborted_read() {
    let finding = only_finding(
        "
        p0@n1: |--write x 1 fail:refused--|
        p1@n2:                               |--read x -> 1--|
        ",
    );
    assert_eq!(finding.code, "aborted-read");
    assert!(
        finding
            .explanation
            .contains("was told that it failed (refused)"),
        "{}",
        finding.explanation
    );
    assert_eq!(
        finding.confidence,
        "certain unless a failed call was misreported"
    );
    assert_eq!(finding.witness.len(), 1);
}

#[test]
fn a_value_from_nowhere() {
    let finding = only_finding("p0@n1: |--read x -> 7--|");
    assert_eq!(finding.code, "phantom-value");
    assert!(
        finding
            .explanation
            .ends_with("Nobody ever tried to make key x hold 7."),
        "{}",
        finding.explanation
    );
}

#[test]
fn read_from_the_future() {
    let finding = only_finding(
        "
        p0: |--read x -> 1--|
        p1:                     |--write x 1--|
        ",
    );
    assert_eq!(finding.code, "future-read");
    assert_eq!(finding.witness.len(), 2);
}

#[test]
fn two_compare_and_sets_from_one_value() {
    let finding = only_finding(
        "
        p0: |--write x 1--| |--cas x [1,2]--|
        p1:                 |--cas x [1,3]--|
        ",
    );
    assert_eq!(finding.code, "forked-cas");
    assert!(
        finding
            .explanation
            .ends_with("Both replaced 1, which was there only once: one of the two is lost."),
        "{}",
        finding.explanation
    );
}

#[test]
fn lost_update() {
    let finding = only_finding(
        "
        p0: |--write x 1--| |--write x 2--| |--cas x [1,3]--|
        ",
    );
    assert_eq!(finding.code, "lost-update");
}

#[test]
fn a_lost_call_may_have_happened_or_not_and_at_any_later_time() {
    legal(
        "
        p0: |--write x 1--| |--write x 2 info--|
        p1:                                       |--read x -> 1--| |--read x -> 2--|
        ",
    );
    legal(
        "
        p0: |--write x 1--| |--cas x [1,2] ...
        p1:                                       |--read x -> 1--|
        ",
    );
}

#[test]
fn a_lost_write_takes_effect_only_once() {
    let finding = only_finding(
        "
        p0: |--write x 1--| |--write x 2 info--|
        p1:                                      |--read x -> 2--| |--write x 3--| |--read x -> 2--|
        ",
    );
    assert_eq!(finding.property, "linearizable");
}

#[test]
fn repeated_values_are_judged_by_search_and_explained_too() {
    let finding = only_finding(
        "
        p0: |--write x 1--| |--write x 2--| |--write x 1--| |--write x 3--|
        p1:                                                                   |--read x -> 1--|
        ",
    );
    assert!(finding.witness.len() <= 3, "{finding:#?}");
    legal(
        "
        p0: |--write x 1--| |--write x 2--| |--write x 1--|
        p1:                                                   |--read x -> 1--|
        ",
    );
}

#[test]
fn of_many_violations_the_widest_is_shown_and_the_others_are_counted() {
    let finding = only_finding(
        "
        p0: |--write x 1--| |--write x 2--|
        p1:                                  |--read x -> 1--|
        p2:                                                          |--read x -> 1--|
        p3: |--write y 1--| |--write y 2--| |--read y -> 1--| |--read y -> 2--| |--read x -> 2--|
        ",
    );
    assert_eq!(
        (
            finding.code.as_str(),
            finding.key.as_ref().map(ToString::to_string)
        ),
        ("stale-read", Some("x".into()))
    );
    assert!(finding.more >= 1, "{finding:#?}");
}

#[test]
fn keys_are_independent() {
    legal(
        "
        p0: |--write x 1--| |--write y 2--|
        p1:                                  |--read x -> 1--| |--read y -> 2--| |--read z -> nil--|
        ",
    );
}

#[test]
fn the_witness_of_a_long_chain_is_short() {
    // 20,000 compare-and-sets in a row, and then a read of the value before the last.
    let key = Key::Text("x".into());
    let call = |op| RegisterCall {
        key: key.clone(),
        op,
    };
    let write = (RegisterOp::Write(0), RegisterReturn::Done);
    let chain =
        (0..20_000).map(|from| (RegisterOp::Cas { from, to: from + 1 }, RegisterReturn::Done));
    let read = (RegisterOp::Read, RegisterReturn::Value(Some(19_999)));
    let calls = std::iter::once(write).chain(chain).chain([read]);
    let moments =
        calls.flat_map(|(op, ret)| [Moment::Invoke(call(op)), Moment::Complete(Outcome::Ok(ret))]);
    let events = moments.enumerate().map(|(i, moment)| Event {
        index: Index(i as u32),
        time: Nanos::from_millis(i as u64),
        process: Process(0),
        node: None,
        moment,
    });
    let history = History::<Register>::new(Nodes::default(), events).expect("a history");
    let verdict = Linearizable::default().check(&history, Budget::default());
    let Verdict::Fail(findings) = verdict else {
        panic!("{verdict:?}")
    };
    is(
        &findings[0],
        "stale-read",
        "stale read on key x",
        "The cas x: 19999→20000 of process 0 was acknowledged at 0:40.001. 1.0 ms later process 0 read key x and got 19999, \
         the value before it.",
        &[39_998, 40_000, 40_002],
    );
}

#[test]
fn a_write_may_hide_behind_a_write_of_what_is_there() {
    // 2 was overwritten by the second write of 1 before the compare-and-set saw that.
    legal(
        "
        p0: |--write x 1--|                                                    |--read x -> 3--|
        p1:                 |--------------write x 2--------------|
        p2:                   |--------------write x 1--------------|
        p3:                     |--cas x [1,3]--|
        ",
    );
}
