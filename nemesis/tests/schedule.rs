//! The schedule in virtual time: whole literal sequences, and what no seed may change.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use history::{Moment, Nanos, Outcome, Reason, fault::FaultId};
use proptest::prelude::*;
use schism_nemesis::{Carried, FaultSpec, Faults, Kind, Order, Schedule};

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
        Order::Heal { .. } => Carried::Healed { verified: true },
    })
}

fn told(dealt: &[(Nanos, Order)]) -> Vec<String> {
    dealt
        .iter()
        .map(|(time, order)| match order {
            Order::Inject { fault, spec, .. } => format!("{time} f{} {}", fault.0, spec.kind()),
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
