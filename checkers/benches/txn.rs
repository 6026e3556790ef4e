//! How long transactions take to judge, from memory: histories of a serial store with 20 clients, 10 keys in use at a time
//! and 32 writes per key, as `histgen txn` makes them. `SCHISM_BENCH_TXNS=1000000` for the large one.

use std::{collections::BTreeMap, time::Instant};

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Seen, Txn, TxnCall, TxnOp,
    TxnReturn, TxnStep,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use schism_checkers::{Budget, Checker, Isolation, Verdict, txn::Level};

/// What a history is made of; `stale` plants a stale read near its end.
fn history(txns: usize, lists: bool, stale: bool) -> History<Txn> {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut keys: Vec<(i64, i64)> = (0..10).map(|k| (k, 0)).collect();
    let mut store: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut next = 10;
    // Of each client the call that it has open, and its answer once it took effect.
    let mut open: Vec<Option<(TxnCall, Option<TxnReturn>)>> = vec![None; 20];
    let mut events: Vec<Event<Txn>> = Vec::new();
    let (mut made, mut planted) = (0, !stale);
    while made < txns || open.iter().any(Option::is_some) {
        let client = rng.random_range(0..open.len());
        let moment = match open[client].take() {
            None if made == txns => continue,
            None => {
                made += 1;
                let step = |_| {
                    let slot = rng.random_range(0..10usize);
                    let (key, writes) = &mut keys[slot];
                    let mut step = TxnStep {
                        key: Key::Int(*key),
                        op: TxnOp::Read,
                    };
                    if rng.random_bool(0.5) {
                        *writes += 1;
                        let v = *writes;
                        step.op = if lists {
                            TxnOp::Append(v)
                        } else {
                            TxnOp::Write(v)
                        };
                        if v == 32 {
                            keys[slot] = (next, 0);
                            next += 1;
                        }
                    }
                    step
                };
                let n = 1 + made % 4;
                let call = TxnCall((0..n).map(step).collect());
                open[client] = Some((call.clone(), None));
                Moment::Invoke(call)
            }
            Some((call, None)) => {
                let mut seen: Vec<Vec<i64>> = Vec::new();
                for step in &call.0 {
                    let Key::Int(key) = step.key else { continue };
                    let list = store.entry(key).or_default();
                    match step.op {
                        TxnOp::Append(v) => list.push(v),
                        TxnOp::Write(v) => *list = vec![v],
                        TxnOp::Read if !planted && made * 10 > txns * 9 && list.len() > 20 => {
                            planted = true;
                            seen.push(list[..4].to_vec());
                        }
                        TxnOp::Read => seen.push(list.clone()),
                    }
                }
                let ret = TxnReturn::new(seen.iter().map(|list| match (lists, list.last()) {
                    (true, _) => Seen::List(list),
                    (false, Some(v)) => Seen::Value(*v),
                    (false, None) => Seen::Nothing,
                }));
                open[client] = Some((call, Some(ret)));
                continue;
            }
            Some((_, Some(ret))) => Moment::Complete(Outcome::Ok(ret)),
        };
        events.push(Event {
            index: Index(events.len() as u32),
            time: Nanos(events.len() as u64),
            process: Process(client as u32),
            node: None,
            moment,
        });
    }
    History::new(Nodes::default(), events).expect("well formed")
}

/// Prints the best of three runs each.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark has a clock and prints"
)]
fn main() {
    let txns = std::env::var("SCHISM_BENCH_TXNS").ok();
    let txns = txns.and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let checker = Isolation::expecting(Level::StrictSerializable);
    for (name, lists, stale) in [
        ("append", true, false),
        ("append, one stale read", true, true),
        ("register", false, false),
    ] {
        let history = history(txns, lists, stale);
        let run = || {
            let began = Instant::now();
            let verdict = checker.check(&history, Budget::default());
            assert_eq!(matches!(verdict, Verdict::Fail(_)), stale, "{verdict:?}");
            began.elapsed()
        };
        let best = (0..3).map(|_| run()).min().unwrap_or_default();
        println!("{name}: {txns} transactions in {:.3} s", best.as_secs_f64());
    }
}
