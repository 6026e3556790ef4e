//! Green must be earned: what a run did not look at, it did not see.

use history::{
    History, Nanos, Register,
    dsl::parse,
    fault::{FaultId, FaultSpan},
};
use schism_checkers::{Budget, Checker, Coverage, Stats, Verdict};

/// Columns of a drawing are nanoseconds.
fn history(drawing: &str) -> History<Register> {
    parse(drawing).expect("a drawing")
}

fn fault(injected: Option<u64>, healed: u64, verified: bool) -> FaultSpan {
    FaultSpan {
        id: FaultId(0),
        kind: "kill".to_owned(),
        what: "kill -9 n1".to_owned(),
        nodes: vec!["n1".to_owned()],
        sides: Vec::new(),
        began: Nanos(injected.unwrap_or_default()),
        injected: injected.map(Nanos),
        verified: Some((verified, String::new())),
        healed: Some(Nanos(healed)),
        heal_verified: Some((true, String::new())),
        errors: Vec::new(),
        clocks: Vec::new(),
    }
}

fn coverage() -> Coverage<Register> {
    Coverage::register().shortest_window(std::time::Duration::ZERO)
}

#[track_caller]
fn unknown(coverage: &Coverage<Register>, drawing: &str, code: &str) {
    match coverage.check(&history(drawing), Budget::default()) {
        Verdict::Unknown(cause) => {
            assert_eq!(cause.code, format!("coverage/{code}"));
            assert!(!cause.text.is_empty() && !cause.remedy.is_empty());
        }
        other => panic!("{other:#?}"),
    }
}

const CALLS: &str = "
    p0: |--write x 1--|  |--read x -> 1--|  |--write y 2--|  |--read y -> 2--|  |--read x -> 1--|
";

#[test]
fn a_run_that_looked_everywhere_passes_and_says_how_much_it_saw() {
    let all = coverage()
        .faults(vec![fault(Some(0), 60, true)])
        .final_reads_from(Some(Nanos(60)));
    match all.check(&history(CALLS), Budget::default()) {
        Verdict::Pass(evidence) => {
            let count = |what: &str| {
                evidence
                    .counts
                    .iter()
                    .find(|(w, _)| w.starts_with(what))
                    .map(|(_, n)| *n)
            };
            assert_eq!(count("ok reads"), Some(3));
            assert_eq!(count("faults verified"), Some(1));
            assert_eq!(count("reads during kill"), Some(1));
            assert_eq!(count("final reads"), Some(2));
            assert_eq!(count("keys read at the end"), Some(2));
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn a_run_without_reads_saw_nothing() {
    unknown(
        &coverage(),
        "p0: |--write x 1--| |--read x fail--|",
        "no-reads",
    );
}

#[test]
fn faults_that_were_asked_for_must_be_injected_and_seen_to_bite() {
    unknown(&coverage().faults(Vec::new()), CALLS, "no-faults");
    unknown(
        &coverage().faults(vec![fault(None, 0, false)]),
        CALLS,
        "no-faults",
    );
    unknown(
        &coverage().faults(vec![fault(Some(0), 60, false)]),
        CALLS,
        "no-fault-took-effect",
    );
}

#[test]
fn reads_must_go_on_while_a_fault_is_in_force() {
    let early = coverage().faults(vec![fault(Some(0), 3, true)]);
    unknown(&early, CALLS, "no-reads-during-fault");
}

#[test]
fn a_window_too_short_to_contain_a_read_is_noted_and_not_held_against_the_run() {
    let short = Coverage::register().faults(vec![fault(Some(0), 3, true)]);
    match short.check(&history(CALLS), Budget::default()) {
        Verdict::Pass(evidence) => {
            assert!(
                evidence.notes[0].starts_with("too short to judge: kill"),
                "{evidence:#?}"
            );
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn every_key_must_be_read_at_the_end() {
    unknown(
        &coverage().final_reads_from(Some(Nanos(1000))),
        CALLS,
        "no-final-reads",
    );
    unknown(
        &coverage().final_reads_from(Some(Nanos(80))),
        CALLS,
        "final-reads-missed-keys",
    );
}

#[test]
fn a_kind_of_call_that_never_succeeds_is_unknown_unless_there_were_few() {
    let check = |drawing: &str| Stats::register().check(&history(drawing), Budget::default());
    assert_eq!(check(CALLS).word(), "pass");
    assert_eq!(
        check("p0: |--cas x [1,2] fail--| |--write x 1--|").word(),
        "pass"
    );
    let refused = "|--cas x [1,2] fail--| ".repeat(10);
    match check(&format!("p0: {refused} |--write x 1--|")) {
        Verdict::Unknown(cause) => {
            assert_eq!(cause.code, "stats/nothing-succeeded");
            assert!(
                cause.text.contains("cas (10 fail, 0 info)"),
                "{}",
                cause.text
            );
        }
        other => panic!("{other:#?}"),
    }
    assert_eq!(check("p0: |--write x 1 fail--|").word(), "unknown");
    assert_eq!(check("").word(), "unknown");
}
