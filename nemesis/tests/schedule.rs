//! The schedule in virtual time: whole literal sequences, and what no seed may change.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use history::{Moment, Nanos, Outcome, Reason, fault::FaultId};
use proptest::prelude::*;
use schism_nemesis::{Awaited, Carried, FaultSpec, Faults, Kind, Order, Schedule, ScheduleSpec};

fn faults(yaml: &str) -> Faults {
    serde_yaml::from_str(yaml).unwrap()
}

/// Deals out orders to as many workers as there are tracks, by the scheduler that also deals them out for real; each
/// takes as long as `takes` says and ends as `ends` says.
fn simulate(
    schedule: &Schedule,
    takes: impl Fn(&Order) -> Nanos,
    ends: impl Fn(&Order) -> Outcome<Carried>,
) -> Vec<(Nanos, Order)> {
    let carry_out = |order: &Order| (takes(order).0, ends(order));
    let events = generator::simulate(schedule.workers(), schedule.clone(), carry_out);
    let dealt = events.into_iter().filter_map(|event| match event.moment {
        Moment::Invoke(order) => Some((event.time, order)),
        Moment::Complete(_) => None,
    });
    dealt.collect()
}

fn fine(order: &Order) -> Outcome<Carried> {
    Outcome::Ok(match order {
        Order::Inject { .. } => Carried::Injected {
            what: String::new(),
            verified: true,
        },
        Order::Repeat { .. } => Carried::Injected {
            what: String::new(),
            verified: true,
        },
        Order::Watch { event, .. } => match event {
            Awaited::Leader { .. } => Carried::Leads(vec!["n1".to_owned()]),
            Awaited::Ops { at_least, .. } => Carried::Ops(*at_least),
        },
        Order::Heal { .. } => Carried::Healed { verified: true },
    })
}

fn told(dealt: &[(Nanos, Order)]) -> Vec<String> {
    dealt
        .iter()
        .map(|(time, order)| match order {
            Order::Inject { fault, spec, .. } => format!("{time} f{} {spec}", fault.0),
            Order::Repeat {
                fault, spec, seed, ..
            } => format!("{time} f{} {spec} from {seed}", fault.0),
            Order::Watch { fault, event } => match event {
                Awaited::Leader { besides } => {
                    format!("{time} f{} look: who leads besides {besides:?}", fault.0)
                }
                Awaited::Ops { at_least, ok } => {
                    format!("{time} f{} look: {at_least} calls, ok {ok}", fault.0)
                }
            },
            Order::Heal { fault } => format!("{time} f{} heal", fault.0),
        })
        .collect()
}

#[test]
fn one_track_strikes_every_so_often_for_so_long() {
    let faults = faults("kill: { every: 10s, for: 4s, at: one }");
    let schedule = Schedule::new(&faults, Nanos::from_secs(40), 1).unwrap();
    let dealt = simulate(&schedule, |_| Nanos::from_millis(500), fine);
    let Some((first, _)) = dealt.first() else {
        panic!("nothing was dealt")
    };
    assert!(*first >= Nanos::from_secs(2) && *first <= Nanos::from_secs(8));
    let since: Vec<(u128, FaultId)> = dealt
        .iter()
        .map(|(time, order)| (time.since(*first).as_millis(), order.fault()))
        .collect();
    let f = FaultId;
    assert_eq!(
        since,
        [
            (0, f(0)),
            (4_000, f(0)),
            (10_000, f(1)),
            (14_000, f(1)),
            (20_000, f(2)),
            (24_000, f(2)),
            (30_000, f(3)),
            (34_000, f(3)),
        ]
    );
}

#[test]
fn several_tracks_run_at_once_from_one_seed() {
    let faults = faults(
        "partition: { every: 8s, for: 2s..4s }\nkill: { every: 6s, for: 1s..2s }\npause: { every: 10s, for: 3s }",
    );
    let deal = |seed| {
        let schedule = Schedule::new(&faults, Nanos::from_secs(20), seed).unwrap();
        simulate(&schedule, |_| Nanos::from_millis(200), fine)
    };
    assert_eq!(deal(42), deal(42));
    assert_ne!(deal(42), deal(43));
    assert_eq!(
        told(&deal(42)),
        [
            "0:02.162 f0 kill",
            "0:03.294 f0 heal",
            "0:04.934 f1 partition",
            "0:07.145 f2 pause",
            "0:07.358 f1 heal",
            "0:08.162 f3 kill",
            "0:09.260 f3 heal",
            "0:10.145 f2 heal",
            "0:12.934 f4 partition",
            "0:14.162 f5 kill",
            "0:15.391 f5 heal",
            "0:16.822 f4 heal",
        ]
    );
}

#[test]
fn a_slow_step_shifts_times_and_changes_no_decision() {
    let faults = faults("kill: { every: 5s, for: 1s..2s }\npause: { every: 7s, for: 1s..3s }");
    let decisions = |slow: u64| {
        let schedule = Schedule::new(&faults, Nanos::from_secs(60), 5).unwrap();
        let dealt = simulate(&schedule, |_| Nanos::from_millis(slow), fine);
        let mut seeds: BTreeMap<Kind, Vec<u64>> = BTreeMap::new();
        for (_, order) in dealt {
            if let Order::Inject { spec, seed, .. } = order {
                seeds.entry(spec.kind()).or_default().push(seed);
            }
        }
        seeds
    };
    let (quick, slow) = (decisions(10), decisions(3_000));
    for kind in [Kind::Kill, Kind::Pause] {
        assert_eq!(slow[&kind], quick[&kind][..slow[&kind].len()]);
        assert!(slow[&kind].len() > 3);
    }
    // A track's decisions do not depend on what other tracks there are either.
    let alone = {
        let faults: Faults = serde_yaml::from_str("pause: { every: 7s, for: 1s..3s }").unwrap();
        let schedule = Schedule::new(&faults, Nanos::from_secs(60), 5).unwrap();
        simulate(&schedule, |_| Nanos::from_millis(10), fine)
    };
    let Order::Inject { seed, .. } = alone[0].1 else {
        panic!("the first order injects")
    };
    assert_eq!(seed, quick[&Kind::Pause][0]);
}

#[test]
fn what_was_skipped_is_not_healed_and_what_is_unclear_is_healed_at_once() {
    let faults = faults("kill: { every: 10s, for: 4s }");
    let deal = |ends: fn(&Order) -> Outcome<Carried>| {
        let schedule = Schedule::new(&faults, Nanos::from_secs(30), 1).unwrap();
        simulate(&schedule, |_| Nanos::from_secs(1), ends)
    };
    let skipped = deal(|_| Outcome::Fail(Reason::new("skipped")));
    assert_eq!(skipped.len(), 3);
    assert!(
        skipped
            .iter()
            .all(|(_, o)| matches!(o, Order::Inject { .. }))
    );
    let unclear = deal(|_| Outcome::Info(Reason::new("not-applied")));
    let heals: Vec<_> = unclear
        .windows(2)
        .filter(|w| matches!(w[1].1, Order::Heal { .. }))
        .collect();
    assert_eq!(heals.len(), 3);
    for pair in heals {
        assert_eq!(pair[1].0.since(pair[0].0).as_secs(), 1);
    }
}

/// The orders of `schedule:` in a run of so many seconds, in which each step takes 200 ms.
fn arranged(defined: &str, spec: &str, seconds: u64) -> Vec<String> {
    told(&deal(
        defined,
        spec,
        seconds,
        |_| Nanos::from_millis(200),
        fine,
    ))
}

fn deal(
    defined: &str,
    spec: &str,
    seconds: u64,
    takes: impl Fn(&Order) -> Nanos,
    ends: impl Fn(&Order) -> Outcome<Carried>,
) -> Vec<(Nanos, Order)> {
    let mut faults = faults(defined);
    let mut spec: ScheduleSpec = serde_yaml::from_str(spec).unwrap();
    spec.settle(&mut faults);
    spec.check(&faults, std::time::Duration::from_secs(seconds))
        .unwrap();
    let schedule = Schedule::arranged(&spec, &faults, Nanos::from_secs(seconds), 42).unwrap();
    simulate(&schedule, takes, ends)
}

const THREE: &str = "partition: { every: 8s, for: 2s..4s }\nkill: { every: 6s, for: 1s..2s }\npause: { every: 10s, for: 3s }";

#[test]
fn one_at_a_time_waits_until_the_other_is_gone() {
    assert_eq!(
        arranged(THREE, "one-at-a-time", 20),
        [
            "0:02.162 f0 kill",
            "0:03.294 f0 heal",
            "0:04.934 f1 partition",
            "0:07.358 f1 heal",
            "0:07.558 f2 pause",
            "0:10.558 f2 heal",
            "0:10.758 f3 kill",
            "0:11.856 f3 heal",
            "0:12.934 f4 partition",
            "0:16.822 f4 heal",
            "0:17.022 f5 kill",
            "0:18.252 f5 heal"
        ]
    );
}

#[test]
fn a_mix_draws_by_weight_and_keeps_its_pace() {
    assert_eq!(
        arranged(THREE, "{ mix: { partition: 3, kill: 1 }, every: 4s }", 20),
        [
            "0:01.343 f0 partition",
            "0:03.558 f0 heal",
            "0:05.343 f1 kill",
            "0:06.812 f1 heal",
            "0:09.343 f2 kill",
            "0:11.193 f2 heal",
            "0:13.343 f3 kill",
            "0:14.910 f3 heal",
            "0:17.343 f4 partition",
            "0:20.000 f4 heal"
        ]
    );
    let even = deal(THREE, "mix", 4_000, |_| Nanos(0), fine);
    let mut count: BTreeMap<Kind, usize> = BTreeMap::new();
    for (_, order) in even {
        if let Order::Inject { spec, .. } = order {
            *count.entry(spec.kind()).or_default() += 1;
        }
    }
    assert_eq!(count.len(), 3);
    assert!(count.values().all(|n| (100..=170).contains(n)), "{count:?}");
}

#[test]
fn a_sequence_goes_on_to_the_next_step_and_rests_where_it_says_so() {
    let once = "sequence: [{ rest: 1s }, { inject: partition@ring, for: 3s }, { inject: kill, for: 2s }, { rest: 5s }, \
                { inject: { pause: { at: leader } }, for: 1s }]";
    assert_eq!(
        arranged("kill: { at: n2 }", once, 60),
        [
            "0:01.000 f0 partition@ring",
            "0:04.000 f0 heal",
            "0:04.200 f1 kill@n2",
            "0:06.200 f1 heal",
            "0:11.400 f2 pause@leader",
            "0:12.400 f2 heal"
        ]
    );
    let again = "{ sequence: [{ inject: kill, for: 2s }, { rest: 4s }, { inject: pause, for: 1s }], repeat: true }";
    assert_eq!(
        arranged("kill:", again, 10),
        [
            "0:00.000 f0 kill",
            "0:02.000 f0 heal",
            "0:06.200 f1 pause",
            "0:07.200 f1 heal",
            "0:07.400 f2 kill",
            "0:09.400 f2 heal",
        ]
    );
}

#[test]
fn a_sequence_whose_faults_are_all_skipped_is_no_race() {
    let again = "{ sequence: [{ inject: kill, for: 2s }], repeat: true }";
    let skipped = |_: &Order| Outcome::Fail(Reason::new("skipped"));
    let dealt = deal("kill:", again, 20, |_| Nanos(0), skipped);
    assert_eq!(dealt.len(), 10);
}

#[test]
fn a_script_keeps_its_times() {
    let script = "script:\n\
        - { at: 10s, inject: partition@n1 }\n\
        - { at: 12s, inject: kill@leader, for: 3s }\n\
        - { at: 20s, inject: pause }\n\
        - { at: 25s, heal: partition }\n\
        - { at: 26s, inject: { kill: { at: one } }, for: 1s, seed: 7, among: { busy: { n2: 1 } } }";
    assert_eq!(
        arranged("pause: { at: n3 }", script, 30),
        [
            "0:10.000 f0 partition@n1",
            "0:12.000 f1 kill@leader",
            "0:15.000 f1 heal",
            "0:20.000 f2 pause@n3",
            "0:25.000 f0 heal",
            "0:26.000 f3 kill@one from 7",
            "0:27.000 f3 heal",
            "0:30.000 f2 heal"
        ]
    );
}

#[test]
fn a_fault_waits_for_what_it_is_to_follow() {
    // Who leads: n1 for three looks, then n2.
    let looks = std::cell::Cell::new(0);
    let ends = |order: &Order| match order {
        Order::Watch {
            event: Awaited::Leader { besides },
            ..
        } => {
            looks.set(looks.get() + 1);
            let leader = if looks.get() < 4 { "n1" } else { "n2" };
            match besides.iter().any(|b| b == leader) {
                true => Outcome::Fail(Reason::new("not-yet")),
                false => Outcome::Ok(Carried::Leads(vec![leader.to_owned()])),
            }
        }
        order => fine(order),
    };
    let script = "script:\n\
        - { on: leader-change, after: 1s, inject: kill@leader, for: 2s, times: 2 }\n\
        - { on: 1000 ok, inject: pause, for: 1s }";
    let dealt = deal("kill:", script, 8, |_| Nanos::from_millis(500), ends);
    assert_eq!(
        told(&dealt),
        [
            "0:00.000 f0 look: who leads besides []",
            "0:00.000 f1 look: 1000 calls, ok true",
            "0:00.500 f1 pause",
            "0:00.600 f0 look: who leads besides [\"n1\"]",
            "0:01.200 f0 look: who leads besides [\"n1\"]",
            "0:01.500 f1 heal",
            "0:01.800 f0 look: who leads besides [\"n1\"]",
            "0:03.300 f0 kill@leader",
            "0:05.300 f0 heal",
            "0:05.800 f2 look: who leads besides [\"n2\"]"
        ]
    );
}

#[test]
fn quiet_times_are_quiet() {
    let quiet = "quiet: { first: 6s, last: 5s, for: 5s, every: 20s }";
    assert_eq!(
        arranged("kill: { every: 4s, for: 3s }", quiet, 50),
        [
            "0:06.000 f0 kill",
            "0:09.000 f0 heal",
            "0:10.000 f1 kill",
            "0:13.000 f1 heal",
            "0:20.000 f2 kill",
            "0:23.000 f2 heal",
            "0:24.000 f3 kill",
            "0:27.000 f3 heal",
            "0:28.000 f4 kill",
            "0:31.000 f4 heal",
            "0:32.000 f5 kill",
            "0:35.000 f5 heal",
            "0:40.000 f6 kill",
            "0:43.000 f6 heal"
        ]
    );
}

#[test]
fn what_cannot_be_arranged_is_refused_with_what_to_write() {
    let refused = |defined: &str, spec: &str| match serde_yaml::from_str::<ScheduleSpec>(spec) {
        Err(e) => e.to_string(),
        Ok(spec) => match spec.check(&faults(defined), std::time::Duration::from_secs(60)) {
            Err(e) => e.to_string(),
            Ok(()) => "nothing".to_owned(),
        },
    };
    let cases = [
        (
            "{ mix: { pause: 1 } }",
            "mix names pause, which is not among the faults of this run",
        ),
        (
            "{ mix: { kill: 0 } }",
            "the weights of a mix are all zero, or there are no faults to mix",
        ),
        (
            "{ mix: even, script: [] }",
            "mix and script exclude each other: say one of mix, sequence and script",
        ),
        ("{ every: 5s }", "`every` belongs to mix"),
        ("{ repeat: true }", "`repeat` belongs to sequence"),
        (
            "{ quiet: { for: 5s } }",
            "quiet: `for` and `every` belong together: { for: 20s, every: 60s }",
        ),
        (
            "{ quiet: { for: 5s, every: 5s } }",
            "quiet: 5s of every 5s leave no time for faults",
        ),
        (
            "{ quiet: { first: 5s }, script: [{ at: 1s, inject: kill, for: 1s }] }",
            "a script says exactly when, so `quiet` has no place beside it",
        ),
        (
            "{ script: [{ at: 61s, inject: kill }] }",
            "line 1 of the script: 1m1s is not within the run, which takes 1m",
        ),
        (
            "{ script: [{ at: 1s, heal: kill }] }",
            "line 1 of the script: there is no kill before it to heal",
        ),
        (
            "{ script: [{ inject: kill }] }",
            "line 1 of the script: it says `at` with `inject` or `heal`, or `on` with `inject`",
        ),
        (
            "{ script: [{ on: leader-change, inject: kill }] }",
            "line 1 of the script: it says not for how long: `for: 5s`",
        ),
        (
            "{ script: [{ on: full moon, inject: kill }] }",
            "script[0]: \"full moon\" is nothing to wait for: write leader-change, 1000 ops (calls that ended) or 1000 ok (calls that succeeded) at line 1 column 12",
        ),
        (
            "{ script: [{ at: 1s, inject: { kill: { every: 5s } } }] }",
            "script[0]: kill: `every` and `for` are said beside `inject`, not in it at line 1 column 12",
        ),
        (
            "{ script: [{ at: 1s, inject: [kill, pause] }] }",
            "script[0]: one fault a line: kill@leader, or { kill: { at: leader } } at line 1 column 12",
        ),
        (
            "{ sequence: [{ inject: kill }] }",
            "line 1 of the sequence: it says not for how long: `for: 5s`",
        ),
        (
            "{ sequence: [{ rest: 5s }] }",
            "line 1 of the sequence: there is nothing to inject in it",
        ),
        (
            "{ sequence: [{ at: 5s, inject: kill, for: 1s }] }",
            "line 1 of the sequence: it may say `inject` and `for`, or `rest`",
        ),
        (
            "sometimes",
            "unknown variant `sometimes`, expected one of `overlapping`, `one-at-a-time`, `mix`",
        ),
    ];
    for (spec, words) in cases {
        assert_eq!(refused("kill:", spec), words, "{spec}");
    }
}

#[test]
fn defaults_fit_short_runs_and_long_ones() {
    let windows = |seconds: u64| {
        let faults: Faults = "partition,kill,pause".parse().unwrap();
        let schedule = Schedule::new(&faults, Nanos::from_secs(seconds), 3).unwrap();
        let dealt = simulate(&schedule, |_| Nanos::from_millis(300), fine);
        let mut count: BTreeMap<Kind, usize> = BTreeMap::new();
        for (_, order) in dealt {
            if let Order::Inject { spec, .. } = order {
                *count.entry(spec.kind()).or_default() += 1;
            }
        }
        count
    };
    for (seconds, least) in [(10, 3), (60, 4), (600, 15)] {
        let count = windows(seconds);
        assert_eq!(count.len(), 3);
        assert!(
            count.values().all(|n| *n >= least),
            "{seconds} s: {count:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_seed_breaks_the_promises(seed: u64, slow in 0u64..3_000, end in 5u64..120) {
        let faults = faults(
            "partition: { every: 4s..9s, for: 1s..3s }\nkill: { every: 5s, for: 2s..4s }\npause:",
        );
        let schedule = Schedule::new(&faults, Nanos::from_secs(end), seed).unwrap();
        let dealt = simulate(&schedule, |_| Nanos::from_millis(slow), fine);
        let end = Nanos::from_secs(end);
        let mut open: BTreeMap<FaultId, (Nanos, Kind)> = BTreeMap::new();
        for (time, order) in dealt {
            match order {
                Order::Inject { fault, spec, .. } => {
                    prop_assert!(time < end, "begun after the end");
                    let kind = FaultSpec::kind(&spec);
                    prop_assert!(open.values().all(|(_, k)| *k != kind), "two of a sort at once");
                    prop_assert!(open.insert(fault, (time, kind)).is_none(), "a number twice");
                }
                Order::Repeat { .. } | Order::Watch { .. } => {
                    prop_assert!(false, "nobody asked for it");
                }
                Order::Heal { fault } => {
                    let (began, _) = open.remove(&fault).expect("only what is in force is healed");
                    prop_assert!(time >= began);
                    prop_assert!(time <= Nanos(end.0.max(began.0 + slow * 1_000_000) + slow * 1_000_000));
                }
            }
        }
        prop_assert!(open.is_empty(), "everything is healed");
    }
}
