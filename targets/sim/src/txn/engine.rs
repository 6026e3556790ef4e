//! What a store of transactions is made of, and how it is driven.
//!
//! An engine knows nothing but logs: each key has a sequence of writes, and a read returns it, or the part of it that the
//! reader may see. A list is that sequence and a register is its last element, so that one engine serves both.

use std::collections::BTreeMap;

use history::{Key, Process, Seen, Txn, TxnCall, TxnOp, TxnReturn, TxnStep};
use rand::RngExt;

use crate::system::{Clients, Progress, Rng, System, Ticket};

/// Runs transactions, one access at a time.
pub(crate) trait Engine {
    /// A transaction begins.
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng);

    /// All that was written to a key, as far as the transaction may see it, its own writes last.
    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>>;

    /// Puts a value at the end of a key's log.
    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()>;

    /// Makes it so. A transaction that may not commit has been rolled back when this says so.
    fn commit(&mut self, txn: Ticket, rng: &mut Rng) -> Progress<()>;

    /// Rolls back, unless it has been decided that the transaction commits.
    fn abort(&mut self, txn: Ticket);

    /// What goes on by itself.
    fn background(&mut self, _: &mut Rng) {}

    /// Everything that was in memory is gone.
    fn crash(&mut self, _: &mut Rng) {}
}

/// What the keys of a store are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects {
    /// Lists: `append` and `r`.
    Lists,
    /// Registers: `w` and `r`.
    Registers,
}

/// How many keys there are.
pub(crate) const KEYS: usize = 24;

/// How many of them are in use at a time: so few that transactions meet.
const WINDOW: u64 = 4;

/// After how many calls another key comes into use, and one is left alone: of a register, that it was absent is the only
/// thing that everyone knows about the order of its versions.
const TURN: u64 = 6;

/// Of a thousand transactions that could commit, how many are rolled back by who asked.
const ROLLED_BACK: u32 = 30;

struct Running {
    session: Process,
    steps: Box<[TxnStep]>,
    begun: bool,
    /// How many steps are done.
    done: usize,
    seen: Vec<Vec<i64>>,
}

/// An engine behind the calls of a history.
pub(crate) struct Transactions {
    engine: Box<dyn Engine>,
    objects: Objects,
    running: BTreeMap<Ticket, Running>,
}

impl Transactions {
    pub(crate) fn new(engine: Box<dyn Engine>, objects: Objects) -> Self {
        Self {
            engine,
            objects,
            running: BTreeMap::new(),
        }
    }

    fn answer(&self, seen: &[Vec<i64>]) -> TxnReturn {
        TxnReturn::new(seen.iter().map(|log| match (self.objects, log.last()) {
            (Objects::Lists, _) => Seen::List(log),
            (Objects::Registers, Some(last)) => Seen::Value(*last),
            (Objects::Registers, None) => Seen::Nothing,
        }))
    }
}

/// Keys are small integers here.
fn number(key: &Key) -> usize {
    match key {
        Key::Int(n) => *n as usize,
        Key::Text(_) => unreachable!("the clients use integers"),
    }
}

impl System<Txn> for Transactions {
    fn take(&mut self, ticket: Ticket, from: Process, call: &TxnCall) {
        let running = Running {
            session: from,
            steps: call.0.clone(),
            begun: false,
            done: 0,
            seen: Vec::new(),
        };
        self.running.insert(ticket, running);
    }

    fn step(&mut self, ticket: Ticket, rng: &mut Rng) -> Progress<TxnReturn> {
        let txn = self.running.get_mut(&ticket).expect("it was taken up");
        if !txn.begun {
            txn.begun = true;
            self.engine.begin(ticket, txn.session, rng);
            return Progress::Going;
        }
        let progress = match txn.steps.get(txn.done) {
            Some(step) => match step.op {
                TxnOp::Append(v) | TxnOp::Write(v) => {
                    self.engine.write(ticket, number(&step.key), v)
                }
                TxnOp::Read => match self.engine.read(ticket, number(&step.key), rng) {
                    Progress::Done(log) => {
                        txn.seen.push(log);
                        Progress::Done(())
                    }
                    Progress::Going => Progress::Going,
                    Progress::Failed(why) => Progress::Failed(why),
                },
            },
            None => {
                // Once asked, a commit is not taken back.
                let asked = txn.done > txn.steps.len();
                if !asked && rng.random_range(0..1000) < ROLLED_BACK {
                    self.engine.abort(ticket);
                    Progress::Failed("rolled-back")
                } else {
                    txn.done = txn.steps.len() + 1;
                    self.engine.commit(ticket, rng)
                }
            }
        };
        match progress {
            Progress::Going => Progress::Going,
            Progress::Done(()) if txn.done < txn.steps.len() => {
                txn.done += 1;
                Progress::Going
            }
            Progress::Done(()) => {
                let txn = self.running.remove(&ticket).expect("it was taken up");
                Progress::Done(self.answer(&txn.seen))
            }
            Progress::Failed(why) => {
                self.running.remove(&ticket);
                Progress::Failed(why)
            }
        }
    }

    fn give_up(&mut self, ticket: Ticket) {
        if self.running.remove(&ticket).is_some_and(|txn| txn.begun) {
            self.engine.abort(ticket);
        }
    }

    fn background(&mut self, rng: &mut Rng) {
        self.engine.background(rng);
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.engine.crash(rng);
    }
}

/// Clients that ask for short transactions on few keys; every value is written once.
pub(crate) struct Random {
    objects: Objects,
    calls: u64,
    value: i64,
}

impl Random {
    pub(crate) fn new(objects: Objects) -> Self {
        Self {
            objects,
            calls: 0,
            value: 0,
        }
    }
}

impl Clients<Txn> for Random {
    fn next(&mut self, _: Process, rng: &mut Rng) -> TxnCall {
        let reads = rng.random_range(1..10);
        let length = [1, 2, 2, 3, 4][rng.random_range(0..5usize)];
        self.calls += 1;
        let first = self.calls / TURN;
        let step = |_| {
            let key = (first + rng.random_range(0..WINDOW)) % KEYS as u64;
            let key = Key::Int(key as i64);
            let op = match rng.random_range(0..10) < reads {
                true => TxnOp::Read,
                false => {
                    self.value += 1;
                    match self.objects {
                        Objects::Lists => TxnOp::Append(self.value),
                        Objects::Registers => TxnOp::Write(self.value),
                    }
                }
            };
            TxnStep { key, op }
        };
        TxnCall((0..length).map(step).collect())
    }
}
