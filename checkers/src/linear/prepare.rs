//! From a history of registers to columns of small numbers, one set per key.
//!
//! - Keys are judged apart: a history is linearizable iff its restriction to each object is (Herlihy & Wing 1990,
//!   theorem 1).
//! - Failed calls did not happen. They are dropped, and only their values are remembered, for the explanation of a
//!   read that saw one. (A refused compare-and-set also says that the register did not hold the expected value. We do
//!   not use that: systems refuse for other reasons, too.)
//! - Reads with an unknown outcome say nothing and change nothing. They are dropped.
//! - Time is the order of events: their positions in the record, plus one, so that 0 is before everything.
//! - Values become numbers in order of appearance; 0 is the initial value.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use history::{History, Index, Key, Outcome, Register, RegisterCall, RegisterOp, RegisterReturn};

use super::{NEVER, Problem, model::CasRegister};

/// Hash maps here are only looked up in, never iterated over.
pub(super) type FastMap<K, V> = HashMap<K, V, RandomState>;

/// The number of the initial value.
pub(super) const INITIAL: u32 = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Read,
    Write,
    /// Expects this value.
    Cas(u32),
}

/// A call that happened, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) kind: Kind,
    /// What a read returned, or what a mutation leaves behind.
    pub(super) value: u32,
    pub(super) start: u32,
    /// [`NEVER`] for a mutation of which nobody knows whether it happened.
    pub(super) end: u32,
    /// Which span it was.
    pub(super) span: u32,
}

impl Op {
    pub(super) fn mutates(&self) -> bool {
        self.kind != Kind::Read
    }
    pub(super) fn is_info(&self) -> bool {
        self.end == NEVER
    }
    /// The value it saw.
    pub(super) fn observes(&self) -> Option<u32> {
        match self.kind {
            Kind::Read => Some(self.value),
            Kind::Write => None,
            Kind::Cas(from) => Some(from),
        }
    }
    /// The value it makes.
    pub(super) fn produces(&self) -> Option<u32> {
        self.mutates().then_some(self.value)
    }
    /// The value that is there because of it, and was not before.
    pub(super) fn brings(&self) -> Option<u32> {
        self.produces().filter(|v| self.observes() != Some(*v))
    }
    pub(super) fn precedes(&self, other: &Self) -> bool {
        self.end < other.start
    }
}

/// All that is known about one key.
#[derive(Debug, Clone)]
pub(super) struct Register1 {
    pub(super) key: Key,
    /// In order of their starts.
    pub(super) ops: Vec<Op>,
    /// What the numbers stand for.
    pub(super) values: Vec<Option<i64>>,
    /// Which values something may have made, or were there at first.
    pub(super) made: Vec<bool>,
    /// Failed mutations: the value each would have made, and its span.
    pub(super) failed: Vec<(u32, u32)>,
    /// Whether no value is made twice, nor the initial value made at all.
    pub(super) distinct: bool,
}

/// One per key, in order of first appearance.
pub(super) fn split(history: &History<Register>) -> Vec<(&Key, Vec<u32>)> {
    let mut place: FastMap<&Key, usize> = FastMap::default();
    let mut keys: Vec<(&Key, Vec<u32>)> = Vec::new();
    for (i, span) in history.spans().iter().enumerate() {
        let key = &span.call.key;
        let at = match keys.last() {
            // A history of one key needs no lookups.
            Some((only, _)) if keys.len() == 1 && *only == key => 0,
            _ => *place.entry(key).or_insert_with(|| {
                keys.push((key, Vec::new()));
                keys.len() - 1
            }),
        };
        keys[at].1.push(i as u32);
    }
    keys
}

/// Position in the record, as time.
pub(super) fn rank(index: Index) -> u32 {
    index.0 + 1
}

/// The ops of one key, from its spans.
pub(super) fn prepare(
    history: &History<Register>,
    key: &Key,
    spans: &[u32],
    initial: Option<i64>,
) -> Register1 {
    let mut numbers: FastMap<Option<i64>, u32> = FastMap::default();
    let mut values = vec![initial];
    numbers.insert(initial, INITIAL);
    let mut number = |value: Option<i64>| {
        *numbers.entry(value).or_insert_with(|| {
            values.push(value);
            (values.len() - 1) as u32
        })
    };
    let mut ops = Vec::with_capacity(spans.len());
    let mut failed = Vec::new();
    for &at in spans {
        let span = &history.spans()[at as usize];
        let (kind, value) = match (span.call.op, &span.outcome) {
            (RegisterOp::Read, Outcome::Ok(RegisterReturn::Value(seen))) => {
                (Kind::Read, number(*seen))
            }
            (RegisterOp::Read, _) => continue,
            (RegisterOp::Write(v), _) => (Kind::Write, number(Some(v))),
            (RegisterOp::Cas { from, to }, _) => (Kind::Cas(number(Some(from))), number(Some(to))),
        };
        let end = match (&span.outcome, span.completed) {
            (Outcome::Fail(_), _) => {
                failed.push((value, at));
                continue;
            }
            (Outcome::Ok(_), Some(completed)) => rank(completed),
            (Outcome::Ok(_) | Outcome::Info(_), _) => NEVER,
        };
        ops.push(Op {
            kind,
            value,
            start: rank(span.invoked),
            end,
            span: at,
        });
    }
    let mut made = vec![false; values.len()];
    made[INITIAL as usize] = true;
    let mut distinct = true;
    for op in &ops {
        distinct &= op.produces().is_none_or(|v| !made[v as usize]);
        if let Some(v) = op.brings() {
            made[v as usize] = true;
        }
    }
    // A compare-and-set from a value to itself makes it a second time, wherever the first is.
    distinct &= ops.iter().all(|op| op.produces() == op.brings());
    Register1 {
        key: key.clone(),
        ops,
        values,
        made,
        failed,
        distinct,
    }
}

/// The same ops as a question for the search. `ops` may be a part of the register's.
pub(super) fn problem<'a>(
    register: &Register1,
    ops: impl IntoIterator<Item = &'a Op>,
) -> Problem<CasRegister> {
    let value = |v: u32| register.values[v as usize];
    let mut problem = Problem::new(CasRegister(value(INITIAL)));
    let mut classes: FastMap<(Kind, u32, bool), u32> = FastMap::default();
    for op in ops {
        let class = *classes
            .entry((op.kind, op.value, op.is_info()))
            .or_insert_with(|| {
                let made = || value(op.value).expect("writes make values");
                let (what, ret) = match op.kind {
                    Kind::Read => (RegisterOp::Read, RegisterReturn::Value(value(op.value))),
                    Kind::Write => (RegisterOp::Write(made()), RegisterReturn::Done),
                    Kind::Cas(from) => {
                        let from = value(from).expect("a compare-and-set expects a value");
                        (RegisterOp::Cas { from, to: made() }, RegisterReturn::Done)
                    }
                };
                let key = register.key.clone();
                problem.class(
                    RegisterCall { key, op: what },
                    (!op.is_info()).then_some(ret),
                )
            });
        problem.push(class, op.start, op.end);
    }
    problem
}
