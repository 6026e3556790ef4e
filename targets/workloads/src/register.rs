//! Registers: clients read, write and compare-and-set many independent keys, and the history must be linearizable.
//!
//! The first question to ask of any store that claims to be consistent, and the cheapest to judge: with values that are
//! distinct per key ([`Values::Distinct`]) a history of any length and concurrency is decided in O(n log n), and a
//! wrong value names the write it came from. [`Values::Small`] writes few values again and again, which is what finds
//! bugs that depend on a value returning (ABA), at the price of a search.
//!
//! A compare-and-set needs a guess of what the key holds. The generator remembers the last value that anyone was told,
//! so that most guesses are good; a wrong one is `fail`, which is a legal answer.
//!
//! After the faults are healed every worker reads every key: what was acknowledged must be there, on every node.

use std::collections::BTreeMap;

use checkers::{Checker, Linearizable};
use generator::{Context, Generator, Next, Rng, Seed, calls, each_process};
use history::{
    Event, Key, Moment, Outcome, Process, Register, RegisterCall, RegisterOp, RegisterReturn,
};
use rand::RngExt as _;

/// Which values are written to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Each value once.
    Distinct,
    /// 0 to 4, again and again.
    Small,
}

/// How many values [`Values::Small`] has.
const FEW: i64 = 5;

/// The register workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterWorkload {
    /// Independent keys, at least one.
    pub keys: u32,
    /// Which values are written.
    pub values: Values,
    /// Whether the target has a compare-and-set.
    pub cas: bool,
}

impl RegisterWorkload {
    /// Endless calls on random keys: half of them reads; of the rest, a third compare-and-set where there is one.
    pub fn calls(&self, seed: Seed) -> impl Generator<Register> + use<> {
        Calls {
            workload: self.clone(),
            rng: seed.derive("register").rng(),
            written: vec![0; self.keys as usize],
            known: vec![None; self.keys as usize],
            open: BTreeMap::new(),
        }
    }

    /// Every worker reads every key once.
    pub fn final_reads(&self) -> impl Generator<Register> + use<> {
        let keys = i64::from(self.keys);
        each_process(move |_| calls((0..keys).map(|k| call(k, RegisterOp::Read))))
    }

    /// Judges that the history is linearizable, each key absent at first.
    pub fn checker(&self) -> impl Checker<Register> + use<> {
        Linearizable::default()
    }

    /// All keys, for those who ask whether each was read at the end.
    pub fn key_names(&self) -> Vec<Key> {
        (0..i64::from(self.keys)).map(Key::Int).collect()
    }
}

fn call(key: i64, op: RegisterOp) -> RegisterCall {
    RegisterCall {
        key: Key::Int(key),
        op,
    }
}

struct Calls {
    workload: RegisterWorkload,
    rng: Rng,
    /// How many values each key was given.
    written: Vec<i64>,
    /// What anyone last learned of each key.
    known: Vec<Option<i64>>,
    /// The key of each open call, and the value that it leaves if it succeeds.
    open: BTreeMap<Process, (usize, Option<i64>)>,
}

impl Calls {
    fn fresh_value(&mut self, key: usize) -> i64 {
        match self.workload.values {
            Values::Distinct => {
                self.written[key] += 1;
                self.written[key]
            }
            Values::Small => self.rng.random_range(0..FEW),
        }
    }
}

impl Generator<Register> for Calls {
    fn next(&mut self, cx: &Context) -> Next<RegisterCall> {
        let key = self.rng.random_range(0..self.workload.keys) as usize;
        let op = match self.rng.random_range(0..6) {
            0..3 => RegisterOp::Read,
            3 if self.workload.cas => match self.known[key] {
                Some(from) => RegisterOp::Cas {
                    from,
                    to: self.fresh_value(key),
                },
                None => RegisterOp::Write(self.fresh_value(key)),
            },
            _ => RegisterOp::Write(self.fresh_value(key)),
        };
        Next::Call(call(key as i64, op), cx.workers)
    }

    fn update(&mut self, _: &Context, event: &Event<Register>) {
        match &event.moment {
            Moment::Invoke(RegisterCall {
                key: Key::Int(key),
                op,
            }) => {
                let leaves = match *op {
                    RegisterOp::Read => None,
                    RegisterOp::Write(v) | RegisterOp::Cas { to: v, .. } => Some(v),
                };
                self.open.insert(event.process, (*key as usize, leaves));
            }
            Moment::Invoke(_) => {}
            Moment::Complete(outcome) => {
                let Some((key, leaves)) = self.open.remove(&event.process) else {
                    return;
                };
                match outcome {
                    Outcome::Ok(RegisterReturn::Value(value)) => self.known[key] = *value,
                    Outcome::Ok(RegisterReturn::Done) => self.known[key] = leaves,
                    Outcome::Fail(_) | Outcome::Info(_) => {}
                }
            }
        }
    }
}
