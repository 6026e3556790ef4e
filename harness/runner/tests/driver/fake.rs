//! Targets that behave and misbehave, and a generator that keeps all workers busy.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use control::Node;
use generator::{Context, Generator, Next};
use history::{Key, Outcome, Reason, Register, RegisterCall, RegisterOp, RegisterReturn};
use schism_runner::{Client, NO_CONNECTION, RunClock, Target};

/// How a node behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Honest,
    /// Answers after this long.
    Slow(Duration),
    /// Never answers.
    Hangs,
    /// Its client panics.
    Panics,
    /// Accepts no connection, as long as the target is down.
    Refuses,
    /// Its client opens its connection late, and says so, as long as the target is down.
    RefusesLate,
    /// Its client blocks its thread until the target's gate is opened.
    Blocks,
}

/// Registers in a mutex, behind one manner a node.
pub(crate) struct Fake {
    manners: BTreeMap<String, Manner>,
    registers: Mutex<BTreeMap<Key, i64>>,
    pub(crate) connects: AtomicUsize,
    pub(crate) calls: AtomicUsize,
    /// Clients that got through the gate.
    pub(crate) released: AtomicUsize,
    pub(crate) down: AtomicBool,
    gate: Mutex<mpsc::Receiver<()>>,
    pub(crate) windows: Mutex<Vec<Window>>,
    clock: RunClock,
}

/// What a client saw of a call: when it got it, and when it answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) call: RegisterCall,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Fake {
    pub(crate) fn new(clock: RunClock, manners: &[Manner]) -> (Arc<Self>, Vec<Node>) {
        Self::gated(clock, manners, mpsc::channel().1)
    }

    pub(crate) fn gated(
        clock: RunClock,
        manners: &[Manner],
        gate: mpsc::Receiver<()>,
    ) -> (Arc<Self>, Vec<Node>) {
        let nodes: Vec<Node> = (1..=manners.len())
            .map(|i| Node::new(format!("n{i}"), "nowhere"))
            .collect();
        let names = nodes.iter().map(|n| n.name.clone());
        let fake = Self {
            manners: names.zip(manners.iter().copied()).collect(),
            registers: Mutex::default(),
            connects: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            released: AtomicUsize::new(0),
            down: AtomicBool::new(true),
            gate: Mutex::new(gate),
            windows: Mutex::default(),
            clock,
        };
        (Arc::new(fake), nodes)
    }
}

/// The fake itself is what its clients speak to.
pub(crate) struct Shared(pub(crate) Arc<Fake>);

pub(crate) struct FakeClient {
    fake: Arc<Fake>,
    manner: Manner,
}

impl Target<Register> for Shared {
    type Client = FakeClient;

    async fn connect(&self, node: &Node) -> Result<FakeClient, String> {
        self.0.connects.fetch_add(1, Ordering::Relaxed);
        let manner = self.0.manners[&node.name];
        if manner == Manner::Refuses && self.0.down.load(Ordering::Relaxed) {
            return Err("connection refused".to_owned());
        }
        Ok(FakeClient {
            fake: Arc::clone(&self.0),
            manner,
        })
    }
}

impl Client<Register> for FakeClient {
    async fn invoke(&mut self, call: &RegisterCall) -> Outcome<RegisterReturn> {
        let fake = &self.fake;
        fake.calls.fetch_add(1, Ordering::Relaxed);
        let from = fake.clock.now().0;
        match self.manner {
            Manner::Honest | Manner::Refuses => {}
            Manner::Slow(time) => tokio::time::sleep(time).await,
            Manner::Hangs => pending().await,
            Manner::Panics => panic!("out of cheese"),
            Manner::RefusesLate if !fake.down.load(Ordering::Relaxed) => {}
            Manner::RefusesLate => return Outcome::Fail(Reason::new(NO_CONNECTION)),
            Manner::Blocks => {
                // An error means that the gate is gone: open.
                let _ = fake.gate.lock().unwrap().recv();
                fake.released.fetch_add(1, Ordering::Relaxed);
            }
        }
        let ret = {
            let mut registers = fake.registers.lock().unwrap();
            match call.op {
                RegisterOp::Write(value) => {
                    registers.insert(call.key.clone(), value);
                    RegisterReturn::Done
                }
                _ => RegisterReturn::Value(registers.get(&call.key).copied()),
            }
        };
        tokio::task::yield_now().await;
        let to = fake.clock.now().0;
        let call = call.clone();
        fake.windows.lock().unwrap().push(Window { call, from, to });
        Outcome::Ok(ret)
    }
}

/// This many writes of distinct values, as fast as workers are free.
pub(crate) struct Writes {
    pub(crate) next: i64,
    pub(crate) end: i64,
}

pub(crate) fn writes(count: i64) -> Box<dyn Generator<Register>> {
    Box::new(Writes {
        next: 0,
        end: count,
    })
}

pub(crate) fn endless() -> Box<dyn Generator<Register>> {
    writes(i64::MAX)
}

impl Generator<Register> for Writes {
    fn next(&mut self, cx: &Context) -> Next<RegisterCall> {
        if self.next == self.end {
            return Next::Done;
        }
        self.next += 1;
        let call = RegisterCall {
            key: Key::Int(self.next % 3),
            op: RegisterOp::Write(self.next),
        };
        Next::Call(call, cx.workers)
    }
}
