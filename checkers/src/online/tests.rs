//! Each watch against its checker, on every prefix of random records.

use history::{
    Event, History, Key, Nodes, Register, RegisterCall, RegisterOp, RegisterReturn,
    ops::{
        Bank, BankCall, BankReturn, Counter, CounterCall, CounterOp, CounterReturn, Set, SetCall,
        SetOp, SetReturn, UniqueIds, UniqueIdsCall, UniqueIdsReturn,
    },
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::{
    Balances, Bounds, Budget, Checker, Linearizable, SetFull, Uniqueness,
    oracle::{cases, play},
};

/// The record as it was written: calls and ends in order.
fn events<O: Operation>(history: &History<O>) -> Vec<Event<O>> {
    let mut events = Vec::new();
    for span in history.spans() {
        let event = |index, time, moment: Moment<O>| Event {
            index,
            time,
            process: span.process,
            node: span.node,
            moment,
        };
        events.push(event(
            span.invoked,
            span.start,
            Moment::Invoke(span.call.clone()),
        ));
        if let (Some(index), Some(time)) = (span.completed, span.end) {
            let moment = Moment::Complete(span.outcome.clone());
            events.push(event(index, time, moment));
        }
    }
    events.sort_unstable_by_key(|event| event.index);
    events
}

/// How many events there were when the checker first failed, and when the watch first raised its alarm.
fn first<O: Operation>(
    history: &History<O>,
    watch: impl Watch<O> + 'static,
    checker: &dyn Checker<O>,
) -> [Option<usize>; 2] {
    let events = events(history);
    let mut watcher = Watcher::new(watch);
    let alarm = events
        .iter()
        .position(|event| watcher.event(event).is_some());
    let failed = (1..=events.len()).find(|n| {
        let prefix = History::new(Nodes::default(), events[..*n].to_vec()).expect("a prefix");
        checker.check(&prefix, Budget::default()).word() == "fail"
    });
    [failed, alarm.map(|at| at + 1)]
}

/// What few keys and clients do to registers; one in `lie` reads is answered from the past, or from nowhere.
fn registers(seed: u64, cas: bool, lie: f64) -> History<Register> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut held: Map<Key, Vec<Option<i64>>> = Map::default();
    let mut fresh = 0;
    let calls = rng.random_range(2..16);
    play::<Register, _>(
        &mut rng,
        (3, calls),
        |rng, _| {
            fresh += 1;
            let op = match rng.random_range(0..if cas { 4 } else { 3 }) {
                0 => RegisterOp::Write(fresh),
                3 => RegisterOp::Cas {
                    from: rng.random_range(1..=fresh),
                    to: fresh,
                },
                _ => RegisterOp::Read,
            };
            let key = Key::Int(rng.random_range(0..2));
            RegisterCall { key, op }
        },
        |rng, call| {
            let held = held.entry_ref(&call.key).or_insert_with(|| vec![None]);
            let now = *held.last().expect("never empty");
            match call.op {
                RegisterOp::Read if rng.random_bool(lie) => {
                    let past = rng.random_range(0..=held.len());
                    let seen = held.get(past).copied().unwrap_or(Some(-1));
                    Some(RegisterReturn::Value(seen))
                }
                RegisterOp::Read => Some(RegisterReturn::Value(now)),
                RegisterOp::Write(value) => {
                    held.push(Some(value));
                    Some(RegisterReturn::Done)
                }
                RegisterOp::Cas { from, to } => {
                    let lucky = now == Some(from) || rng.random_bool(lie / 2.0);
                    lucky.then(|| {
                        held.push(Some(to));
                        RegisterReturn::Done
                    })
                }
            }
        },
    )
}

#[test]
fn registers_raise_the_alarm_when_the_record_becomes_impossible_and_not_before() {
    let mut failed = [0; 2];
    for seed in 0..cases(2000) {
        for (cas, failed) in [false, true].into_iter().zip(&mut failed) {
            let lie = if seed % 4 == 0 { 0.0 } else { 0.2 };
            let history = registers(seed, cas, lie);
            let checker = Linearizable::starting_with(None);
            let [offline, online] = first(&history, Registers::starting_with(None), &checker);
            assert_eq!(online, offline, "seed {seed}");
            assert!(lie > 0.0 || online.is_none(), "seed {seed}");
            *failed += u64::from(offline.is_some());
        }
    }
    assert!(failed.iter().all(|n| *n > cases(2000) / 10), "{failed:?}");
}

#[test]
fn a_key_with_a_value_written_twice_is_given_up() {
    let drawing = "
        p0: |--write x 1--| |--write x 1--|
        p1:                                  |--read x -> 7--|";
    let history = history::dsl::parse::<Register>(drawing).expect("a drawing");
    let [offline, online] = first(
        &history,
        Registers::default(),
        &Linearizable::starting_with(None),
    );
    assert_eq!((offline, online), (Some(6), None));
}

#[test]
fn an_alarm_names_the_calls_that_show_it() {
    let drawing = "
        p0@n1: |--write x 1--| |--write x 2--|
        p1@n2:                                   |--read x -> 1--|";
    let history = history::dsl::parse::<Register>(drawing).expect("a drawing");
    let mut watcher = Watcher::new(Registers::default());
    let alarms: Vec<Alarm> = events(&history)
        .iter()
        .filter_map(|event| watcher.event(event))
        .collect();
    let expected = Alarm {
        index: Index(5),
        time: history.spans()[2].end.expect("it ended"),
        watch: "registers",
        what: "key x: 1 must have been there both before and after 2".to_owned(),
        calls: vec![Index(0), Index(2), Index(4)],
    };
    assert_eq!(alarms, [expected]);
}

/// What is impossible about chains of compare-and-sets, some of them with unknown outcomes that a read revealed.
#[test]
fn chains_of_compare_and_sets() {
    let drawings = [
        (
            "
            p0: |--write x 1--|
            p1:   |--cas x [1,2] info--|
            p2:                         |--read x -> 2--| |--read x -> 1--|",
            "key x: 1 was seen after the end of a call that saw it replaced",
            vec![0, 1, 4, 6],
        ),
        (
            "
            p0: |--write x 1--| |--cas x [1,2]--| |--cas x [1,3]--|",
            "key x: two compare-and-sets replaced 1, which was written once",
            vec![2, 4],
        ),
        (
            "
            p0: |--cas x [1,2] info--|
            p1: |--cas x [2,1] info--|
            p2:                       |--read x -> 2--|",
            "key x: 2 was made of itself by compare-and-sets",
            vec![0, 1],
        ),
        (
            "
            p0: |--write x 1--| |--write x 5--|
            p1:   |--cas x [1,2] info--|
            p2:                                            |--read x -> 2--|",
            "key x: 2 must have been there both before and after 5",
            vec![0, 1, 3, 6],
        ),
        (
            "
            p0: |--write x 1 fail--|
            p1:   |--cas x [1,2]--|",
            "key x: 1 was seen, and its write failed",
            vec![0],
        ),
    ];
    for (drawing, what, calls) in drawings {
        let history = history::dsl::parse::<Register>(drawing).expect("a drawing");
        let mut watcher = Watcher::new(Registers::default());
        let alarms: Vec<Alarm> = events(&history)
            .iter()
            .filter_map(|event| watcher.event(event))
            .collect();
        let [alarm] = &alarms[..] else {
            panic!("{drawing}: {alarms:?}")
        };
        assert_eq!(alarm.what, what);
        let named: Vec<u32> = alarm.calls.iter().map(|call| call.0).collect();
        assert_eq!(named, calls, "{drawing}");
    }
}

#[test]
fn ids_and_banks_are_exact() {
    let mut failed = [0; 2];
    for seed in 0..cases(500) {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let ids = play::<UniqueIds, _>(
            &mut rng,
            (3, 12),
            |_, _| UniqueIdsCall,
            |rng, _| Some(UniqueIdsReturn(Key::Int(rng.random_range(0..60)))),
        );
        let found = first(&ids, Ids::default(), &Uniqueness);
        assert_eq!(found[0], found[1], "seed {seed}");
        failed[0] += u32::from(found[0].is_some());
        let bank = play::<Bank, _>(
            &mut rng,
            (3, 12),
            |_, _| BankCall::Read,
            |rng, _| {
                let first = rng.random_range(0..12);
                let lost = i64::from(rng.random_bool(0.05));
                let all = [
                    (Key::Int(0), Some(first)),
                    (Key::Int(1), Some(10 - first - lost)),
                ];
                Some(BankReturn::Balances(all.into()))
            },
        );
        let balances = || Balances::new([Key::Int(0), Key::Int(1)], 10);
        let found = first(&bank, Alone::new("bank", balances()), &balances());
        assert_eq!(found[0], found[1], "seed {seed}");
        failed[1] += u32::from(found[0].is_some());
    }
    assert!(failed.iter().all(|n| *n > 0), "{failed:?}");
}

#[test]
fn an_alarm_of_a_counter_is_one_of_the_checkers() {
    let mut raised = 0;
    for seed in 0..cases(1000) {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut value = 0;
        let counter = play::<Counter, _>(
            &mut rng,
            (3, 14),
            |rng, _| CounterCall {
                key: None,
                op: match rng.random_bool(0.5) {
                    true => CounterOp::Add(rng.random_range(-3..6)),
                    false => CounterOp::Read,
                },
            },
            |rng, call| match call.op {
                CounterOp::Add(_) if rng.random_bool(0.1) => None,
                CounterOp::Add(n) => {
                    value += n;
                    Some(CounterReturn::Done)
                }
                CounterOp::Read => {
                    let wrong = if rng.random_bool(0.1) { 4 } else { 0 };
                    Some(CounterReturn::Value(value + wrong))
                }
            },
        );
        let [offline, online] = first(&counter, Counters::default(), &Bounds);
        raised += u32::from(online.is_some());
        if offline == online {
            continue;
        }
        // Then it was the failure of an addition that made it impossible, which nobody looks at again.
        let at = offline.expect("no alarm without a violation");
        assert!(online.is_none_or(|online| at < online), "seed {seed}");
        let last = &events(&counter)[at - 1];
        assert!(
            matches!(last.moment, Moment::Complete(Outcome::Fail(_))),
            "seed {seed}: {last:?}"
        );
    }
    assert!(raised > 0, "no alarm");
}

#[test]
fn an_alarm_of_a_set_is_one_of_the_checkers() {
    let mut raised = [0; 2];
    for seed in 0..cases(1000) {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let (mut elements, mut fresh) = (Vec::new(), 0);
        let set = play::<Set, _>(
            &mut rng,
            (3, 14),
            |rng, _| SetCall {
                key: None,
                op: match rng.random_bool(0.5) {
                    true => {
                        fresh += 1;
                        SetOp::Add(fresh)
                    }
                    false => SetOp::Read,
                },
            },
            |rng, call| match call.op {
                SetOp::Add(_) if rng.random_bool(0.1) => None,
                SetOp::Add(n) => {
                    elements.push(n);
                    Some(SetReturn::Done)
                }
                SetOp::Read => {
                    let mut all = elements.clone();
                    match rng.random_range(0..20) {
                        0 => all.push(99),
                        1 => drop(all.pop()),
                        2 => all.extend(elements.last()),
                        _ => {}
                    }
                    Some(SetReturn::Elements(all))
                }
            },
        );
        let pairs = [
            (Sets::eventual(), SetFull::eventual()),
            (Sets::linearizable(), SetFull::linearizable()),
        ];
        for ((watch, checker), raised) in pairs.into_iter().zip(&mut raised) {
            let [offline, online] = first(&set, watch, &checker);
            *raised += u32::from(online.is_some());
            if let Some(online) = online {
                assert!(
                    offline.is_some_and(|at| at <= online),
                    "seed {seed}: {offline:?} {online}"
                );
            }
        }
    }
    assert!(raised.iter().all(|n| *n > 0), "{raised:?}");
}

#[test]
fn what_a_client_has_read_it_reads_again() {
    for (second, alarms) in [("[1,2]", 0), ("[2]", 1)] {
        let drawing = format!(
            "
            p0: |--add _ 1--|
            p1:               |--read _ -> [1]--| |--read _ -> {second}--|
            p2:                                                            |--read _ -> []--|"
        );
        let history = history::dsl::parse::<Set>(&drawing).expect("a drawing");
        let mut watcher = Watcher::new(MonotonicReads::default());
        let raised: Vec<String> = events(&history)
            .iter()
            .filter_map(|event| Some(watcher.event(event)?.what))
            .collect();
        assert_eq!(raised.len(), alarms);
        assert!(
            raised
                .iter()
                .all(|what| what == "process 1 had read 1, and then did not")
        );
    }
}
