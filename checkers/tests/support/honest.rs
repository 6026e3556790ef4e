//! Histories of an honest register, valid by construction: each call takes effect at a moment inside its window.

#![allow(unreachable_pub, reason = "shared by a test and a benchmark")]

use std::{cmp::Reverse, collections::BinaryHeap};

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Register,
    RegisterCall, RegisterOp, RegisterReturn,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What a history is like.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub ops: usize,
    pub clients: u32,
    pub keys: i64,
    /// Values a key can have; `None` for all distinct.
    pub values: Option<i64>,
    /// Of a thousand mutations, how many have an unknown outcome.
    pub info: u32,
    /// Whether one read near the end is stale.
    pub stale: bool,
}

/// Something that happens to a worker's call.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Invoke,
    Effect,
    Complete,
}

/// Makes one.
pub fn history(case: &Case, seed: u64) -> History<Register> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut state = vec![None; case.keys as usize];
    let mut fresh = 0;
    let mut processes: Vec<Process> = (0..case.clients).map(Process).collect();
    let mut open: Vec<(i64, RegisterOp, Outcome<RegisterReturn>)> = Vec::new();
    open.resize_with(case.clients as usize, || {
        (0, RegisterOp::Read, Outcome::Ok(RegisterReturn::Done))
    });
    // The earliest first.
    let mut agenda: BinaryHeap<Reverse<(u64, u32, Step)>> = BinaryHeap::new();
    for worker in 0..case.clients {
        agenda.push(Reverse((u64::from(worker), worker, Step::Invoke)));
    }
    let (mut events, mut called, mut planted) = (Vec::with_capacity(case.ops * 2), 0, !case.stale);
    while let Some(Reverse((time, worker, step))) = agenda.pop() {
        let w = worker as usize;
        let mut emit = |process, moment| {
            let index = Index(events.len() as u32);
            events.push(Event::<Register> {
                index,
                time: Nanos(time),
                process,
                node: None,
                moment,
            });
        };
        let later = time + 1 + rng.random_range(0..100);
        match step {
            Step::Invoke if called == case.ops => continue,
            Step::Invoke => {
                called += 1;
                let key = rng.random_range(0..case.keys);
                let mut value = || match case.values {
                    Some(n) => rng.random_range(0..n),
                    None => {
                        fresh += 1;
                        fresh
                    }
                };
                let op = match (value(), called % 4, state[key as usize]) {
                    (v, 0, Some(from)) => RegisterOp::Cas { from, to: v },
                    (v, 1, _) => RegisterOp::Write(v),
                    _ => RegisterOp::Read,
                };
                open[w] = (key, op, Outcome::Ok(RegisterReturn::Done));
                emit(
                    processes[w],
                    Moment::Invoke(RegisterCall {
                        key: Key::Int(key),
                        op,
                    }),
                );
                agenda.push(Reverse((later, worker, Step::Effect)));
            }
            Step::Effect => {
                let (key, op, outcome) = &mut open[w];
                let held = &mut state[*key as usize];
                *outcome = match *op {
                    RegisterOp::Read => Outcome::Ok(RegisterReturn::Value(*held)),
                    RegisterOp::Write(v) => {
                        *held = Some(v);
                        Outcome::Ok(RegisterReturn::Done)
                    }
                    RegisterOp::Cas { from, to } if *held == Some(from) => {
                        *held = Some(to);
                        Outcome::Ok(RegisterReturn::Done)
                    }
                    RegisterOp::Cas { .. } => Outcome::Fail(Reason::new("cas-mismatch")),
                };
                if *op == RegisterOp::Read && !planted && called > case.ops * 9 / 10 {
                    planted = true;
                    // Nobody ever writes this.
                    *outcome = Outcome::Ok(RegisterReturn::Value(None));
                }
                if *op != RegisterOp::Read && rng.random_range(0..1000) < case.info {
                    *outcome = Outcome::Info(Reason::new("timeout"));
                }
                agenda.push(Reverse((later, worker, Step::Complete)));
            }
            Step::Complete => {
                let outcome = open[w].2.clone();
                let lost = matches!(outcome, Outcome::Info(_));
                emit(processes[w], Moment::Complete(outcome));
                if lost {
                    processes[w].0 += case.clients;
                }
                agenda.push(Reverse((later, worker, Step::Invoke)));
            }
        }
    }
    History::new(Nodes::default(), events).expect("a history")
}
