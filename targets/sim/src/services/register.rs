//! Registers at a leader, which keeps a log of what was written: linearizable. And at followers, each of which has the
//! beginning of the log: sequential, if a client stays with one of them and waits until it has the client's own writes.

use std::collections::{BTreeMap, BTreeSet};

use history::{Key, Process, Register, RegisterCall, RegisterOp, RegisterReturn};
use rand::RngExt;

use crate::{
    schedule::{NODES, node_of},
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What was written, in order.
pub(crate) type Log = Vec<(Key, i64)>;

/// What a key holds after the beginning of a log.
pub(crate) fn holds(log: &[(Key, i64)], key: &Key) -> Option<i64> {
    let last = log.iter().rev().find(|(k, _)| k == key);
    last.map(|(_, value)| *value)
}

/// What a leader does.
pub(crate) trait Rules {
    /// How much of the log a read sees.
    fn visible(&self, log: &Log, _: &mut Rng) -> usize {
        log.len()
    }
    /// How much of the log a crash leaves.
    fn durable(&self, log: &Log, _: &mut Rng) -> usize {
        log.len()
    }
    /// Whether a compare-and-set compares and sets at one moment.
    fn atomic(&self) -> bool {
        true
    }
    /// Whether what is refused for lack of a quorum is taken out of the log again.
    fn withdraws(&self) -> bool {
        true
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// Of a hundred mutations, how many are refused.
const REFUSED: u32 = 3;

/// Registers at a leader.
pub(crate) struct Leader<R> {
    rules: R,
    log: Log,
}

impl<R> Leader<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            log: Log::new(),
        }
    }
}

impl<R: Rules> Leader<R> {
    fn write(&mut self, key: &Key, value: i64, rng: &mut Rng) -> Progress<RegisterReturn> {
        let refused = rng.random_range(0..100) < REFUSED;
        if !refused || !self.rules.withdraws() {
            self.log.push((key.clone(), value));
        }
        match refused {
            true => Progress::Failed("no-quorum"),
            false => Progress::Done(RegisterReturn::Done),
        }
    }
}

impl<R: Rules> Service<Register> for Leader<R> {
    /// Whether a comparison was made.
    type Stage = bool;

    fn serve(
        &mut self,
        _: Process,
        call: &RegisterCall,
        compared: &mut bool,
        rng: &mut Rng,
    ) -> Progress<RegisterReturn> {
        match call.op {
            RegisterOp::Read => {
                let visible = self.rules.visible(&self.log, rng);
                let value = holds(&self.log[..visible], &call.key);
                Progress::Done(RegisterReturn::Value(value))
            }
            RegisterOp::Write(value) => self.write(&call.key, value, rng),
            RegisterOp::Cas { from, to } => {
                if !*compared && holds(&self.log, &call.key) != Some(from) {
                    return Progress::Failed("cas-mismatch");
                }
                if !*compared && !self.rules.atomic() {
                    *compared = true;
                    return Progress::Going;
                }
                self.write(&call.key, to, rng)
            }
        }
    }

    fn crash(&mut self, rng: &mut Rng) {
        let durable = self.rules.durable(&self.log, rng);
        self.log.truncate(durable);
    }
}

const FOLLOWERS: usize = NODES;

/// Registers at followers.
#[derive(Default)]
pub(crate) struct Followers {
    log: Log,
    /// How much of the log each has.
    applied: [usize; FOLLOWERS],
}

impl Service<Register> for Followers {
    /// Where in the log a write is that waits for its follower.
    type Stage = Option<usize>;

    fn serve(
        &mut self,
        from: Process,
        call: &RegisterCall,
        written: &mut Option<usize>,
        _: &mut Rng,
    ) -> Progress<RegisterReturn> {
        let applied = self.applied[usize::from(node_of(from).0)];
        match (call.op, *written) {
            (RegisterOp::Read, _) => {
                let value = holds(&self.log[..applied], &call.key);
                Progress::Done(RegisterReturn::Value(value))
            }
            (_, Some(at)) if applied > at => Progress::Done(RegisterReturn::Done),
            (_, Some(_)) => Progress::Going,
            (RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. }, None) => {
                if let RegisterOp::Cas { from, .. } = call.op
                    && holds(&self.log, &call.key) != Some(from)
                {
                    return Progress::Failed("cas-mismatch");
                }
                *written = Some(self.log.len());
                self.log.push((call.key.clone(), value));
                Progress::Going
            }
        }
    }

    fn background(&mut self, rng: &mut Rng) {
        let applied = &mut self.applied[rng.random_range(0..FOLLOWERS)];
        *applied = self.log.len().min(*applied + 1);
    }

    fn settle(&mut self) {
        self.applied = [self.log.len(); FOLLOWERS];
    }
}

/// Clients of registers: half of the calls are reads.
pub(crate) struct Callers {
    /// Whether they compare and set, besides writing.
    cas: bool,
    value: i64,
    /// What was last read or written, by key: what a compare-and-set expects.
    known: BTreeMap<Key, i64>,
    unread: BTreeSet<Key>,
}

const KEYS: i64 = 3;

impl Callers {
    pub(crate) fn new(cas: bool) -> Self {
        Self {
            cas,
            value: 0,
            known: BTreeMap::new(),
            unread: (0..KEYS).map(Key::Int).collect(),
        }
    }
}

impl Clients<Register> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> RegisterCall {
        let key = Key::Int(rng.random_range(0..KEYS));
        let op = match (rng.random_range(0..4), self.known.get(&key)) {
            (0, _) => {
                self.value += 1;
                RegisterOp::Write(self.value)
            }
            (1, Some(from)) if self.cas => {
                self.value += 1;
                RegisterOp::Cas {
                    from: *from,
                    to: self.value,
                }
            }
            _ => RegisterOp::Read,
        };
        RegisterCall { key, op }
    }

    fn ended(
        &mut self,
        _: Process,
        call: &RegisterCall,
        outcome: &history::Outcome<RegisterReturn>,
    ) {
        let history::Outcome::Ok(ret) = outcome else {
            return;
        };
        let value = match (call.op, ret) {
            (_, RegisterReturn::Value(value)) => *value,
            (RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. }, _) => Some(value),
            (RegisterOp::Read, RegisterReturn::Done) => None,
        };
        if let Some(value) = value {
            self.known.insert(call.key.clone(), value);
        }
    }

    fn finally(&mut self) -> Option<RegisterCall> {
        let key = self.unread.pop_first()?;
        Some(RegisterCall {
            key,
            op: RegisterOp::Read,
        })
    }
}
