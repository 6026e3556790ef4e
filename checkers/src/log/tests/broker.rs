//! A broker in memory, honest or with one named fault, and the property that the checker tells them apart.

use std::collections::BTreeMap;

use history::{
    Event, History, Index, Key, Moment, Nanos, NodeId, Nodes, Outcome, Process, Reason,
    ops::{Log, LogCall, LogReturn, LogSeen, LogStep, Record},
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::Streams;
use crate::{Budget, Checker, Verdict, oracle::cases};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twin {
    Honest,
    LosesAcknowledged,
    StoresTwice,
    Skips,
    Rewinds,
    ShowsOwnSends,
    StoresFailed,
    SaysWrongOffset,
    ReversesSends,
}

#[derive(Default)]
struct Consumer {
    subscribed: bool,
    /// Wanted by a subscriber, had by who was assigned.
    keys: Vec<i64>,
    position: BTreeMap<i64, i64>,
}

struct Broker {
    twin: Twin,
    rng: Pcg64Mcg,
    logs: BTreeMap<i64, Vec<(i64, i64)>>,
    next: BTreeMap<i64, i64>,
    committed: BTreeMap<i64, i64>,
    consumers: BTreeMap<u32, Consumer>,
}

impl Broker {
    fn append(&mut self, key: i64, value: i64) -> i64 {
        let next = self.next.entry(key).or_insert(0);
        // Markers of transactions take offsets that nobody sees.
        *next += i64::from(self.rng.random_bool(0.2));
        let offset = *next;
        *next += 1;
        let lost = self.twin == Twin::LosesAcknowledged && value % 7 == 0;
        let log = self.logs.entry(key).or_default();
        if !lost {
            log.push((offset, value));
        }
        if self.twin == Twin::StoresTwice && value % 7 == 0 {
            *next += 1;
            log.push((offset + 1, value));
        }
        offset + i64::from(self.twin == Twin::SaysWrongOffset && value % 7 == 0)
    }

    fn poll(&mut self, process: u32) -> LogSeen {
        let consumer = self.consumers.entry(process).or_default();
        if consumer.subscribed && self.rng.random_bool(0.3) {
            // A rebalance: some logs come, some go, those that come begin where others left off.
            let keys = consumer.keys.iter().filter(|_| self.rng.random_bool(0.5));
            let committed = |key: &i64| (*key, self.committed.get(key).copied().unwrap_or(0));
            consumer.position = keys.map(committed).collect();
        }
        let mut came = Vec::new();
        for (key, position) in &mut consumer.position {
            let log = self.logs.get(key).map_or(&[][..], Vec::as_slice);
            let mut from = log.partition_point(|(offset, _)| offset < position);
            match self.twin {
                Twin::Skips if self.rng.random_bool(0.1) => from = log.len().min(from + 1),
                Twin::Rewinds if self.rng.random_bool(0.1) => from = from.saturating_sub(1),
                _ => {}
            }
            let records: Vec<Record> = log[from..]
                .iter()
                .take(self.rng.random_range(0..4))
                .map(|&(offset, value)| Record {
                    offset: Some(offset),
                    value,
                })
                .collect();
            if let Some(Some(last)) = records.last().map(|record| record.offset) {
                *position = last + 1;
                came.push((Key::Int(*key), records));
            }
        }
        if consumer.subscribed {
            self.committed.extend(&consumer.position);
        }
        LogSeen::Polled(came)
    }

    fn act(&mut self, process: u32, call: &LogCall) -> LogReturn {
        let numbers = |keys: &[Key]| -> Vec<i64> {
            let number = |key: &Key| match key {
                Key::Int(n) => *n,
                Key::Text(_) => unreachable!("logs have numbers here"),
            };
            keys.iter().map(number).collect()
        };
        match call {
            LogCall::Assign { keys, from_start } => {
                let consumer = self.consumers.entry(process).or_default();
                let keys = numbers(keys);
                let kept = std::mem::take(&mut consumer.position);
                let place = |key: &i64| {
                    let kept = kept.get(key).filter(|_| !consumer.subscribed);
                    let left = self.committed.get(key);
                    let place = kept.or(left).copied().filter(|_| !from_start);
                    (*key, place.unwrap_or(0))
                };
                consumer.position = keys.iter().map(place).collect();
                (consumer.subscribed, consumer.keys) = (false, keys);
                LogReturn::Done
            }
            LogCall::Subscribe(keys) => {
                let keys = numbers(keys);
                let committed = |key: &i64| (*key, self.committed.get(key).copied().unwrap_or(0));
                let position = keys.iter().map(committed).collect();
                let consumer = Consumer {
                    subscribed: true,
                    position,
                    keys,
                };
                self.consumers.insert(process, consumer);
                LogReturn::Done
            }
            LogCall::Crash | LogCall::Locate(_) => LogReturn::Done,
            LogCall::Do(steps) => LogReturn::Did {
                steps: self.transact(process, steps).into(),
                rebalanced: [].into(),
            },
        }
    }

    /// Sends are seen from the end of the call on.
    fn transact(&mut self, process: u32, steps: &[LogStep]) -> Vec<LogSeen> {
        let mut did: Vec<LogSeen> = vec![LogSeen::Sent(None); steps.len()];
        let sends_first = self.twin == Twin::ShowsOwnSends;
        for sends in [sends_first, !sends_first] {
            let mut order: Vec<usize> = (0..steps.len()).collect();
            if sends && self.twin == Twin::ReversesSends {
                order.reverse();
            }
            for at in order {
                match &steps[at] {
                    LogStep::Send {
                        key: Key::Int(key),
                        value,
                    } if sends => did[at] = LogSeen::Sent(Some(self.append(*key, *value))),
                    LogStep::Poll if !sends => did[at] = self.poll(process),
                    _ => {}
                }
            }
        }
        did
    }
}

enum Doing {
    Nothing,
    Called(LogCall),
    Answered(Option<LogReturn>),
}

fn history(seed: u64, twin: Twin, lossy: bool) -> History<Log> {
    const WORKERS: usize = 4;
    let mut broker = Broker {
        twin,
        rng: Pcg64Mcg::seed_from_u64(!seed),
        logs: BTreeMap::new(),
        next: BTreeMap::new(),
        committed: BTreeMap::new(),
        consumers: BTreeMap::new(),
    };
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut doing: Vec<Doing> = (0..WORKERS).map(|_| Doing::Nothing).collect();
    let mut process: Vec<u32> = (0..WORKERS as u32).collect();
    let (mut events, mut adrift, mut fresh) = (Vec::new(), Vec::new(), 0);
    let lost = || Moment::Complete(Outcome::Info(Reason::new("timeout")));
    for turn in 0..600 {
        let worker = rng.random_range(0..WORKERS);
        let who = process[worker];
        let mut push = |moment| {
            let index = events.len() as u32;
            events.push(Event {
                index: Index(index),
                time: Nanos::from_millis(u64::from(index)),
                process: Process(who),
                node: Some(NodeId(worker as u16)),
                moment,
            });
        };
        if !adrift.is_empty() && rng.random_bool(0.05) {
            let (late, call) = adrift.swap_remove(rng.random_range(0..adrift.len()));
            broker.act(late, &call);
        }
        doing[worker] = match std::mem::replace(&mut doing[worker], Doing::Nothing) {
            Doing::Nothing => {
                let call = ask(&mut rng, &mut fresh, turn > 450);
                push(Moment::Invoke(call.clone()));
                Doing::Called(call)
            }
            Doing::Called(call) if lossy && rng.random_bool(0.04) => {
                push(lost());
                process[worker] += WORKERS as u32;
                adrift.push((who, call));
                Doing::Nothing
            }
            Doing::Called(call) if rng.random_bool(0.06) => {
                if twin == Twin::StoresFailed {
                    broker.act(who, &call);
                }
                Doing::Answered(None)
            }
            Doing::Called(call) => Doing::Answered(Some(broker.act(who, &call))),
            Doing::Answered(_) if lossy && rng.random_bool(0.03) => {
                push(lost());
                process[worker] += WORKERS as u32;
                Doing::Nothing
            }
            Doing::Answered(ret) => {
                push(Moment::Complete(match ret {
                    Some(ret) => Outcome::Ok(ret),
                    None => Outcome::Fail(Reason::new("refused")),
                }));
                Doing::Nothing
            }
        };
    }
    History::new(Nodes::new(["n1", "n2", "n3", "n4"]), events).expect("a history")
}

fn ask(rng: &mut Pcg64Mcg, fresh: &mut i64, end: bool) -> LogCall {
    let keys = || vec![Key::Int(1), Key::Int(2), Key::Int(3)];
    let some = |rng: &mut Pcg64Mcg| -> Vec<Key> {
        keys()
            .into_iter()
            .filter(|_| rng.random_bool(0.7))
            .collect()
    };
    match rng.random_range(0..100) {
        0..4 => LogCall::Subscribe(some(rng)),
        4..10 => LogCall::Assign {
            keys: some(rng),
            from_start: false,
        },
        10..13 => LogCall::Assign {
            keys: keys(),
            from_start: true,
        },
        _ => {
            let mut step = |rng: &mut Pcg64Mcg| match end || rng.random_bool(0.5) {
                true => LogStep::Poll,
                false => {
                    *fresh += 1;
                    LogStep::Send {
                        key: Key::Int(rng.random_range(1..=3)),
                        value: *fresh,
                    }
                }
            };
            let steps = rng.random_range(1..=3);
            LogCall::Do((0..steps).map(|_| step(rng)).collect())
        }
    }
}

#[test]
fn an_honest_broker_never_fails_and_each_broken_one_is_caught_by_name() {
    let twins = [
        (Twin::LosesAcknowledged, "lost-write"),
        (Twin::StoresTwice, "duplicate-message"),
        (Twin::Skips, "poll-skip"),
        (Twin::Rewinds, "nonmonotonic-poll"),
        (Twin::ShowsOwnSends, "precommitted-read"),
        (Twin::StoresFailed, "aborted-read"),
        (Twin::SaysWrongOffset, "inconsistent-offsets"),
        (Twin::ReversesSends, "int-nonmonotonic-send"),
    ];
    let judge = |seed, twin, lossy| {
        Streams::default().check(&history(seed, twin, lossy), Budget::default())
    };
    let mut caught = [0; 8];
    let seeds = cases(60);
    for seed in 0..seeds {
        let lossy = seed % 2 == 0;
        let honest = judge(seed, Twin::Honest, lossy);
        assert_eq!(honest.word(), "pass", "seed {seed}: {honest:?}");
        for ((twin, code), caught) in twins.iter().zip(&mut caught) {
            if let Verdict::Fail(found) = judge(seed, *twin, lossy) {
                *caught += u64::from(found.iter().any(|f| f.code == *code));
            }
        }
    }
    for ((twin, code), caught) in twins.iter().zip(caught) {
        assert!(
            caught * 2 > seeds,
            "{twin:?} shows {code} in {caught} of {seeds}"
        );
    }
}
