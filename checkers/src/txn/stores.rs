//! Histories taken from small stores that keep their promises: each level's store shows only what that level allows, at any
//! concurrency, with lost outcomes and aborts.

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Seen, Txn, TxnCall,
    TxnOp, TxnReturn, TxnStep,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Anomaly, CycleKind, Isolation, Level, agreement::cases};
use crate::Budget;

/// How a store runs transactions. All buffer writes until they commit.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Store {
    /// Snapshots, and at commit neither what was read nor what was written has changed.
    Serializable,
    /// Snapshots, and at commit nothing that was written has changed.
    Snapshot,
    /// Reads see what was committed last; commits check nothing.
    ReadCommitted,
}

/// A transaction that is running.
struct Running {
    steps: Vec<TxnStep>,
    done: usize,
    began: usize,
    read: Vec<usize>,
    wrote: Vec<(usize, i64)>,
    seen: Vec<Vec<i64>>,
}

const KEYS: usize = 4;

fn run(store: Store, lists: bool, seed: u64) -> History<Txn> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let clients = rng.random_range(1..=12usize);
    let mut names: Vec<u32> = (0..clients as u32).collect();
    let mut running: Vec<Option<Running>> = (0..clients).map(|_| None).collect();
    // Of each key its versions, with the commit that made them.
    let mut data: Vec<Vec<(usize, Vec<i64>)>> = vec![vec![(0, vec![])]; KEYS];
    let (mut commits, mut value) = (0, 0);
    let mut events: Vec<Event<Txn>> = Vec::new();
    for _ in 0..400 {
        let client = rng.random_range(0..clients);
        let mut record = |process: u32, moment| {
            let at = events.len() as u32;
            events.push(Event {
                index: Index(at),
                time: Nanos(u64::from(at)),
                process: Process(process),
                node: None,
                moment,
            });
        };
        let Some(txn) = &mut running[client] else {
            let step = |_| TxnStep {
                key: Key::Int(rng.random_range(0..KEYS as i64)),
                op: match rng.random_bool(0.5) {
                    true => TxnOp::Read,
                    false => {
                        value += 1;
                        if lists {
                            TxnOp::Append(value)
                        } else {
                            TxnOp::Write(value)
                        }
                    }
                },
            };
            let steps: Vec<TxnStep> = (0..4).map(step).collect();
            record(names[client], Moment::Invoke(TxnCall(steps.clone().into())));
            running[client] = Some(Running {
                steps,
                done: 0,
                began: commits,
                read: Vec::new(),
                wrote: Vec::new(),
                seen: Vec::new(),
            });
            continue;
        };
        if let Some(step) = txn.steps.get(txn.done) {
            let Key::Int(key) = step.key else {
                unreachable!()
            };
            let key = key as usize;
            match step.op {
                TxnOp::Append(v) | TxnOp::Write(v) => txn.wrote.push((key, v)),
                TxnOp::Read => {
                    let visible = |(commit, _): &&(usize, Vec<i64>)| {
                        store == Store::ReadCommitted || *commit <= txn.began
                    };
                    let version = data[key].iter().rev().find(visible);
                    let mut list = version.expect("the first is visible to all").1.clone();
                    for (_, v) in txn.wrote.iter().filter(|(k, _)| *k == key) {
                        put(&mut list, *v, lists);
                    }
                    txn.read.push(key);
                    txn.seen.push(list);
                }
            }
            txn.done += 1;
            continue;
        }
        let changed = |key: &usize| data[*key].last().is_some_and(|v| v.0 > txn.began);
        let conflict = match store {
            Store::ReadCommitted => false,
            Store::Snapshot => txn.wrote.iter().any(|(key, _)| changed(key)),
            Store::Serializable => {
                txn.wrote.iter().any(|(key, _)| changed(key)) || txn.read.iter().any(changed)
            }
        };
        let lost = rng.random_bool(0.1);
        if !(conflict || lost && rng.random_bool(0.5)) {
            commits += 1;
            for (key, v) in &txn.wrote {
                let mut list = data[*key].last().expect("a first version").1.clone();
                put(&mut list, *v, lists);
                match data[*key].last_mut() {
                    Some(last) if last.0 == commits => last.1 = list,
                    _ => data[*key].push((commits, list)),
                }
            }
        }
        let outcome = match (lost, conflict) {
            (true, _) => Outcome::Info(Reason::new("timeout")),
            (_, true) => Outcome::Fail(Reason::new("conflict")),
            _ => Outcome::Ok(TxnReturn::new(txn.seen.iter().map(|seen| {
                match (lists, seen.last()) {
                    (true, _) => Seen::List(seen),
                    (false, Some(v)) => Seen::Value(*v),
                    (false, None) => Seen::Nothing,
                }
            }))),
        };
        record(names[client], Moment::Complete(outcome));
        if lost {
            names[client] += 1000;
        }
        running[client] = None;
    }
    History::new(Nodes::default(), events).expect("well formed")
}

fn put(list: &mut Vec<i64>, v: i64, lists: bool) {
    if !lists {
        list.clear();
    }
    list.push(v);
}

/// The anomalies of many runs.
fn anomalies(store: Store) -> Vec<Anomaly> {
    let mut all = Vec::new();
    for seed in 0..cases(1000) {
        let history = run(store, seed % 2 == 0, seed);
        let judgement =
            Isolation::expecting(Level::StrictSerializable).judge(&history, Budget::default());
        all.extend(judgement.found.iter().map(|found| found.anomaly));
        assert_eq!(judgement.undecided, []);
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn a_serializable_store_is_never_accused() {
    assert_eq!(anomalies(Store::Serializable), []);
}

#[test]
fn a_snapshot_store_shows_write_skew_and_nothing_worse() {
    let found = anomalies(Store::Snapshot);
    let skew = |a: &Anomaly| matches!(a, Anomaly::Cycle(CycleKind::G2Item, _));
    assert!(!found.is_empty() && found.iter().all(skew), "{found:?}");
}

#[test]
fn a_read_committed_store_shows_what_read_committed_allows_and_no_more() {
    let found = anomalies(Store::ReadCommitted);
    assert!(
        !found.iter().any(|a| a.excluded_by(Level::ReadCommitted)),
        "{found:?}"
    );
    for expected in [
        Anomaly::LostUpdate,
        Anomaly::FracturedRead,
        Anomaly::NonRepeatableRead,
        Anomaly::Cycle(CycleKind::GSingle, super::Tier::Plain),
    ] {
        assert!(found.contains(&expected), "{expected:?} not in {found:?}");
    }
}
