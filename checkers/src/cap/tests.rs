use std::time::Duration;

use history::{
    History, Index, Key, Nanos, Register, RegisterCall, RegisterOp, RegisterReturn, dsl,
    fault::{FaultId, FaultSpan},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::{
    Finding, Linearizable,
    oracle::{cases, play},
};

fn uses(call: &RegisterCall) -> Option<Use> {
    Some(match call.op {
        RegisterOp::Read => Use::Read,
        RegisterOp::Write(_) | RegisterOp::Cas { .. } => Use::Write,
    })
}

/// `n1 n2|n3 n4 n5` from one column to another.
fn cut(id: u32, sides: &str, from: u64, healed: Option<u64>) -> FaultSpan {
    let names = |side: &str| side.split_whitespace().map(str::to_owned).collect();
    FaultSpan {
        id: FaultId(id),
        kind: "partition".to_owned(),
        what: sides.to_owned(),
        nodes: Vec::new(),
        sides: sides.split('|').map(names).collect(),
        injected: Some(Nanos(from)),
        began: Nanos(from),
        verified: Some((true, String::new())),
        healed: healed.map(Nanos),
        heal_verified: None,
        errors: Vec::new(),
        clocks: Vec::new(),
    }
}

fn drawn(drawing: &str) -> History<Register> {
    dsl::parse(drawing).expect("a drawing")
}

/// The card of a history that is judged for linearizability, where twenty columns are an outage.
fn card(drawing: &str, faults: Vec<FaultSpan>) -> Card {
    let history = drawn(drawing);
    let verdict = Linearizable::default().check(&history, Budget::default());
    judge(faults, verdict).card(&history)
}

fn judge(faults: Vec<FaultSpan>, verdict: Verdict) -> Cap<Register> {
    Cap::new(uses)
        .faults(faults)
        .judged("linearizable", verdict)
        .tolerance(Duration::from_nanos(20))
}

/// What each side of the first partition gave up: reads, writes.
fn choices(card: &Card) -> Vec<(Choice, Choice)> {
    let sides = card.partitions[0].sides.iter();
    sides.map(|s| (s.reads.gave_up, s.writes.gave_up)).collect()
}

#[test]
fn a_minority_that_refuses_gave_up_availability_and_nothing_else() {
    let history = "
        p0@n1: |-write x 1-|  |-read x fail:no-leader-|     |-write x 9 fail:no-leader-|     |-read x fail:no-leader-|                                |-write x 3-|
        p1@n2:                |-write x 2-|  |-read x -> 2-|       |-read x -> 2-|  |-write x 4-|                    |-read x -> 4-|";
    let card = card(history, vec![cut(1, "n1|n2 n3", 28, Some(138))]);
    use Choice::{Availability as A, Neither};
    assert_eq!(choices(&card), [(A, A), (Neither, Neither)]);
    let minority = &card.partitions[0].sides[0];
    assert_eq!(minority.role, Role::Minority);
    assert_eq!(
        (
            minority.reads.tried,
            minority.reads.accepted,
            minority.reads.failed
        ),
        (2, 0, 2)
    );
    assert_eq!(minority.reads.recovery, Recovery::NotTried);
    assert!(matches!(minority.writes.recovery, Recovery::After { time } if time.0 > 0));
    assert_eq!(minority.writes.availability, Availability::Unavailable);
    assert_eq!(
        card.sentence,
        "Observed under a partition: the minority gave up availability; the majority was seen to give up neither consistency nor availability."
    );
}

#[test]
fn a_minority_that_goes_on_reading_gave_up_consistency_for_reads() {
    let history = "
        p0@n1: |-write x 1-|                                  |-read x -> 1-|    |-read x -> 1-|
        p1@n2:                  |-write x 2-|  |-read x -> 2-|";
    let card = card(history, vec![cut(1, "n1|n2 n3", 22, Some(150))]);
    use Choice::{Consistency as C, Neither, NotTried};
    assert_eq!(choices(&card), [(C, NotTried), (Neither, Neither)]);
    assert_eq!(
        card.partitions[0].sides[0].reads.consistency,
        Consistency::Violated {
            findings: vec!["stale read on key x".to_owned()]
        }
    );
    assert_eq!(
        card.partitions[0].sentence,
        "The minority {n1}: all of 2 reads were answered (stale read on key x); no writes were tried. \
         For reads it gave up consistency. \
         The majority {n2 n3}: the one read was answered; the one write was answered. \
         It was seen to give up neither consistency nor availability."
    );
}

#[test]
fn an_accepted_write_that_was_lost_is_laid_at_the_door_of_the_side_that_accepted_it() {
    let history = drawn(
        "
        p0@n1:                  |-write x 2-|
        p1@n2: |-write x 1-|                                   |-read x -> 1-|",
    );
    let lost = Finding {
        code: "lost-write".to_owned(),
        title: "lost write on key x".to_owned(),
        property: "linearizable".to_owned(),
        explanation: String::new(),
        key: None,
        witness: vec![Index(2), Index(4)],
        from: Nanos(30),
        until: Nanos(70),
        minimal: true,
        confidence: "certain".to_owned(),
        more: 0,
        order: Vec::new(),
    };
    let faults = vec![cut(1, "n1|n2 n3", 20, Some(50))];
    let card = judge(faults.clone(), Verdict::Fail(vec![lost.clone()])).card(&history);
    use Choice::{Consistency as C, NotTried};
    assert_eq!(choices(&card), [(NotTried, C), (NotTried, NotTried)]);
    // Where it stands for others that nobody has seen, the other calls are not cleared.
    let more = Finding {
        more: 3,
        code: "stale-read".to_owned(),
        ..lost
    };
    let faults = vec![cut(1, "n1|n2 n3", 60, Some(90))];
    let card = judge(faults, Verdict::Fail(vec![more])).card(&history);
    assert_eq!(choices(&card), [(NotTried, NotTried), (C, NotTried)]);
}

#[test]
fn a_side_without_clients_is_not_tried_and_never_unavailable() {
    let history = "p1@n2: |-write x 1-|   |-read x -> 1-|  |-write x 2-|";
    let faults = vec![
        cut(1, "n1|n2 n3", 0, Some(90)),
        cut(2, "n1 n3|n2", 95, None),
    ];
    let card = card(history, faults.clone());
    for side in card.partitions.iter().flat_map(|p| &p.sides) {
        if !side.nodes.contains(&"n2".to_owned()) {
            assert_eq!(side.reads.availability, Availability::NotTried);
            assert_eq!(side.writes.gave_up, Choice::NotTried);
            assert_eq!(side.writes.longest_outage, Nanos(0));
        }
    }
    assert!(
        card.partitions[0]
            .sentence
            .starts_with("The minority {n1}: no reads were tried; no writes were tried.")
    );
    assert_eq!(
        card.partitions[1].sides[1].reads.recovery,
        Recovery::NotHealed
    );
    let nobody = Cap::<Register>::new(uses).faults(vec![cut(1, "n1|n3", 0, Some(90))]);
    match nobody.check(&drawn(history), Budget::default()) {
        Verdict::Unknown(cause) => assert_eq!(cause.code, "cap/no-calls"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_ends_of_outages_say_whether_a_side_stopped_or_was_interrupted() {
    // Asked for an answer in columns 10 to 130.
    let of = |line: &str| {
        let history = drawn(&format!("p0@n1: {line}"));
        let cap = judge(
            vec![cut(1, "n1|n2 n3", 10, Some(130))],
            Verdict::Pass(Evidence::default()),
        );
        let access = cap.card(&history).partitions[0].sides[0].writes.clone();
        (access.availability, access.gave_up, access.longest_outage.0)
    };
    use Availability::*;
    use Choice::{Availability as A, Neither};
    assert_eq!(
        of("   |-write x 1-| |-write x 2-|"),
        (Available, Neither, 0)
    );
    assert_eq!(
        of("   |-write x 1 fail-| |-write x 2-|"),
        (Interrupted, Neither, 31)
    );
    assert_eq!(of("   |-write x 1-| |-write x 2 fail-|"), (Stopped, A, 106));
    assert_eq!(
        of("   |-write x 1 fail-| |-write x 2 fail-|"),
        (Unavailable, A, 120)
    );
    assert_eq!(
        of("   |-cas x [1,2] fail:cas-mismatch-|"),
        (Available, Neither, 0)
    );
    // The answer came when everything was over.
    let held = format!("   |-write x 1{}-|", "-".repeat(130));
    assert_eq!(of(&held), (Unavailable, A, 120));
    // A call that began before the cut says nothing.
    assert_eq!(of("|-write x 1 fail-|"), (NotTried, Choice::NotTried, 0));
}

#[test]
fn a_partition_that_healed_late_leaves_recovery_untold() {
    let history = "p0@n1:     |-write x 1 fail-|  |-read x fail-|";
    let healed = card(history, vec![cut(1, "n1|n2 n3", 5, Some(500))]);
    let side = &healed.partitions[0].sides[0];
    assert_eq!(side.writes.recovery, Recovery::NotTried);
    assert!(side.writes.longest_outage.0 > 400, "to the heal: {side:?}");
    assert!(
        healed.partitions[0]
            .sentence
            .contains("No writes were tried after the heal.")
    );
    let never = card(history, vec![cut(1, "n1|n2 n3", 5, None)]);
    assert_eq!(
        never.partitions[0].sides[0].writes.recovery,
        Recovery::NotHealed
    );
    assert!(
        never.partitions[0]
            .sentence
            .ends_with("It was not healed in this run.")
    );
}

#[test]
fn what_comes_after_the_next_fault_says_nothing_of_the_recovery_from_this_one() {
    let history = "
        p0@n1:    |-write x 1 fail-|            |-write x 2 fail-|     |-write x 3-|
        p1@n2:    |-write y 1-|                 |-write y 2-|          |-write y 3-|";
    let mut kill = cut(2, "", 70, Some(75));
    kill.kind = "kill".to_owned();
    kill.sides.clear();
    kill.nodes = vec!["n1".to_owned()];
    let card = card(history, vec![cut(1, "n1|n2 n3", 5, Some(35)), kill.clone()]);
    let recovery = |at: usize| card.partitions[0].sides[at].writes.recovery;
    assert_eq!(recovery(0), Recovery::Never { tried: 1 });
    assert!(matches!(recovery(1), Recovery::After { .. }));
    assert!(card.partitions[0].overlaps.is_empty());
    assert_eq!(card.partitions.len(), 1, "a kill is no partition");

    kill.began = Nanos(20);
    kill.injected = Some(Nanos(20));
    let card = self::card(history, vec![cut(1, "n1|n2 n3", 5, Some(35)), kill]);
    assert_eq!(card.partitions[0].overlaps, [FaultId(2)]);
    assert!(
        card.partitions[0]
            .sentence
            .ends_with("may be the cause of some of this.")
    );
}

#[test]
fn overlapping_partitions_and_sides_are_told_each_for_itself() {
    let history = "
        p0@n1:    |-write x 1 fail-|
        p1@n2:    |-write y 1-|
        p2@n3:    |-write z 1 fail-|";
    let ring = cut(1, "n1 n2|n2 n3|n3 n1", 5, Some(60));
    let card = card(history, vec![ring, cut(2, "n1|n2 n3", 8, Some(50))]);
    let of = |at: usize| -> Vec<(u64, u64)> {
        let sides = card.partitions[at].sides.iter();
        sides.map(|s| (s.writes.tried, s.writes.accepted)).collect()
    };
    assert_eq!(of(0), [(2, 1), (2, 1), (2, 0)]);
    assert_eq!(of(1), [(1, 0), (2, 1)]);
    assert!(
        card.partitions[0]
            .sides
            .iter()
            .all(|s| s.role == Role::Overlapping)
    );
    assert_eq!(card.partitions[0].overlaps, [FaultId(2)]);
    assert_eq!(card.partitions[1].overlaps, [FaultId(1)]);
}

#[test]
fn a_cut_in_one_direction_has_targets_and_others() {
    let mut one_way = cut(1, "", 5, Some(60));
    one_way.sides = vec![vec!["n1".to_owned(), "n2".to_owned()]];
    one_way.nodes = vec!["n1".to_owned()];
    let card = card(
        "p0@n1:    |-write x 1-|\np1@n2:    |-write y 1-|",
        vec![one_way],
    );
    let sides: Vec<_> = card.partitions[0]
        .sides
        .iter()
        .map(|s| (s.role, s.writes.tried))
        .collect();
    assert_eq!(sides, [(Role::Targets, 1), (Role::Others, 1)]);
}

#[test]
fn without_a_partition_that_took_effect_it_is_unknown() {
    let history = drawn("p0@n1: |-write x 1-| |-read x -> 1-|");
    let mut unseen = cut(1, "n1|n2", 0, Some(50));
    unseen.verified = Some((false, "all probes crossed".to_owned()));
    for (faults, unproven) in [(vec![], 0), (vec![unseen], 1)] {
        let cap = judge(faults, Verdict::Pass(Evidence::default()));
        assert_eq!(cap.card(&history).unproven, unproven);
        match cap.check(&history, Budget::default()) {
            Verdict::Unknown(cause) => assert_eq!(cause.code, "cap/no-partition"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn giving_something_up_is_no_violation() {
    let history = drawn("p0@n1:     |-write x 1 fail-|  |-read x fail-|");
    let cap = judge(
        vec![cut(1, "n1|n2 n3", 5, Some(90))],
        Verdict::Pass(Evidence::default()),
    );
    let Verdict::Pass(evidence) = cap.check(&history, Budget::default()) else {
        panic!("not a pass");
    };
    let counts: Vec<u64> = evidence.counts.iter().map(|(_, n)| *n).collect();
    assert_eq!(counts, [1, 1, 1]);
}

#[test]
fn the_normal_case_is_measured_where_no_fault_was_in_force() {
    let history = "
        p0@n1: |-write x 1-|             |-write x 2--------------------------------------|   |-read x -> 2-|";
    let card = card(history, vec![cut(1, "n1|n2 n3", 35, Some(70))]);
    let writes = card.normal.writes.expect("a write");
    assert_eq!(
        (writes.calls, writes.median, writes.p99),
        (1, Nanos(12), Nanos(12))
    );
    assert_eq!(card.normal.reads.expect("a read").calls, 1);
    assert_eq!(
        card.normal.sentence,
        "While no fault was in force, half of the reads took no longer than 0 µs, 99 % no longer than 0 µs; half of the writes took no longer than 0 µs, 99 % no longer than 0 µs. No violation was found then."
    );
}

#[test]
fn numbers_add_up_whatever_the_history_and_the_partition() {
    for seed in 0..cases(100) {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut value = 0;
        let history = play::<Register, _>(
            &mut rng,
            (4, 60),
            |rng, _| {
                value += 1;
                let op = match rng.random_bool(0.5) {
                    true => RegisterOp::Read,
                    false => RegisterOp::Write(value),
                };
                let key = Key::Int(rng.random_range(0..3));
                RegisterCall { key, op }
            },
            |rng, call| match call.op {
                _ if rng.random_bool(0.3) => None,
                RegisterOp::Read => Some(RegisterReturn::Value(None)),
                _ => Some(RegisterReturn::Done),
            },
        );
        let from = rng.random_range(0..80_000_000);
        let until = from + rng.random_range(0..80_000_000);
        // No client asks n9; n1 is asked by one.
        let fault = cut(1, "n1 n2|n3 n4|n9", from, Some(until));
        let cap = judge(vec![fault], Verdict::Pass(Evidence::default()));
        let card = cap.card(&history);
        let inside = |span: &&history::Span<Register>| (from..=until).contains(&span.start.0);
        let made = history.spans().iter().filter(inside).count() as u64;
        let sides = &card.partitions[0].sides;
        let all = || sides.iter().flat_map(|s| [&s.reads, &s.writes]);
        assert_eq!(all().map(|a| a.tried).sum::<u64>(), made, "seed {seed}");
        for access in all() {
            let parts = access.accepted + access.late + access.failed + access.lost;
            assert_eq!(access.tried, parts, "seed {seed}");
            assert_eq!(
                access.tried == 0,
                access.availability == Availability::NotTried,
                "seed {seed}"
            );
            assert_eq!(access.tried == 0, access.gave_up == Choice::NotTried);
            assert!(access.longest_outage.0 <= until - from, "seed {seed}");
        }
        assert_eq!(sides[2].reads.tried + sides[2].writes.tried, 0);
    }
}
