//! Textbook violations, each with the guarantees that it violates and a witness.

use history::{Register, dsl::parse};

use super::{Guarantee, Guarantee::*, Sessions};
use crate::{Budget, Checker, Finding, Verdict};

fn findings(drawing: &str, guarantee: Guarantee) -> Vec<Finding> {
    let history = parse::<Register>(drawing).expect("a good drawing");
    match Sessions::expecting(guarantee).check(&history, Budget::default()) {
        Verdict::Fail(findings) => findings,
        Verdict::Pass(_) => Vec::new(),
        Verdict::Unknown(cause) => panic!("{cause:?}"),
    }
}

#[track_caller]
fn expect(drawing: &str, violated: &[Guarantee]) {
    let all = Guarantee::ALL.into_iter();
    let found: Vec<Guarantee> = all.filter(|g| !findings(drawing, *g).is_empty()).collect();
    assert_eq!(found, violated);
}

#[test]
fn a_session_that_does_not_read_what_it_wrote() {
    let drawing = "p0@n1: |--write x 1--| |--read x -> nil--|";
    expect(drawing, &[ReadYourWrites, Pram, Causal, SequentialKeys]);
    let [finding] = &findings(drawing, ReadYourWrites)[..] else {
        panic!("one finding");
    };
    assert_eq!(finding.code, "own-write-missed");
    assert_eq!(finding.title, "own write not read on key x");
    assert_eq!(
        finding.explanation,
        "Process 0 called write x=1 on n1 at 0:00.000, then read x → nothing on n1 at 0:00.000. A session must read what it \
         wrote last, or something newer."
    );
}

#[test]
fn a_session_that_goes_back() {
    expect(
        "p0: |--write x 1--|
         p1: |--write x 2--|
         p2: |--read x -> 1--| |--read x -> 2--| |--read x -> 1--|",
        &[
            MonotonicReads,
            MonotonicWrites,
            WritesFollowReads,
            Pram,
            Causal,
            SequentialKeys,
        ],
    );
}

#[test]
fn writes_of_a_session_that_are_seen_out_of_order() {
    expect(
        "p0: |--write x 1--| |--write x 2--|
         p1: |--read x -> 2--| |--read x -> 1--|",
        &[MonotonicWrites, Pram, Causal, SequentialKeys],
    );
}

#[test]
fn a_write_that_is_seen_before_what_it_follows() {
    let drawing = "p0: |--write x 1--|
         p1: |--read x -> 1--| |--write x 2--|
         p2: |--read x -> 2--| |--read x -> 1--|";
    expect(drawing, &[WritesFollowReads, Causal, SequentialKeys]);
    let [finding] = &findings(drawing, WritesFollowReads)[..] else {
        panic!("one finding");
    };
    assert_eq!((finding.witness.len(), finding.minimal), (5, true));
}

#[test]
fn a_pram_violation_needs_two_keys() {
    expect(
        "p0: |--write x 1--| |--write y 1--|
         p1: |--read y -> 1--| |--read x -> nil--|",
        &[Pram, Causal],
    );
}

#[test]
fn a_causality_violation_needs_three_sessions() {
    expect(
        "p0: |--write x 1--|
         p1: |--read x -> 1--| |--write y 1--|
         p2: |--read y -> 1--| |--read x -> nil--|",
        &[Causal],
    );
}

#[test]
fn sessions_that_see_writes_in_different_orders_are_causal_and_not_sequential() {
    expect(
        "p0: |--write x 1--|
         p1: |--write x 2--|
         p2: |--read x -> 1--| |--read x -> 2--|
         p3: |--read x -> 2--| |--read x -> 1--|",
        &[SequentialKeys],
    );
}

#[test]
fn a_session_ends_with_the_first_call_of_unknown_outcome() {
    // Process 10 is the worker of process 0 under a new number: nobody promised it anything.
    expect(
        "p0: |--write x 1--| |--write x 2 info--|
         p10:                                      |--read x -> 1--| |--read x -> 2--|
         p1: |--read x -> nil--|",
        &[],
    );
}

#[test]
fn a_history_whose_reads_show_nobody_passes_nothing() {
    let history = parse::<Register>("p0: |--write x 1--| |--write x 1--| |--read x -> 1--|");
    let history = history.expect("a good drawing");
    let verdict = Sessions::all().check(&history, Budget::default());
    let Verdict::Unknown(cause) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(cause.code, "sessions/nothing-read");
}
