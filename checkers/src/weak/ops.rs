//! Registers as sessions see them: reads whose writers are known, and writes.
//!
//! A session is a process. It ends with the first call of unknown outcome: the worker that goes on under a new number begins
//! another session, for nobody promised it anything. Failed calls did not happen; a write of unknown outcome did if somebody
//! read its value, and is its session's last. A compare-and-set is a read and then a write. Left out are reads of values that
//! were written to a key more than once, or by no call that may have happened: they show no order.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use history::{History, Key, Outcome, Register, RegisterOp, RegisterReturn};

/// No write: what was there first.
pub(super) const FIRST: u32 = u32::MAX;

/// What an op did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Wrote this.
    Write(i64),
    /// Read this; nothing is what was there first.
    Read(Option<i64>),
}

/// A read or a write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Op {
    /// The position of its call.
    pub(super) at: u32,
    pub(super) session: u32,
    pub(super) key: u32,
    pub(super) does: Does,
}

type Fast = foldhash::fast::FixedState;

/// All ops of a history, in the order of their calls, so that those of a session are in its order.
pub(super) struct Ops<'h> {
    pub(super) all: Vec<Op>,
    pub(super) keys: Vec<&'h Key>,
    /// Reads whose writer is not known.
    pub(super) left_out: u64,
}

impl<'h> Ops<'h> {
    pub(super) fn of(history: &'h History<Register>, initial: Option<i64>) -> Self {
        let (mut numbers, mut sessions) = (BTreeMap::new(), BTreeMap::new());
        let mut keys = Vec::new();
        let mut calls = Vec::new();
        for (at, span) in history.spans().iter().enumerate() {
            let ok = match span.outcome {
                Outcome::Fail(_) => continue,
                Outcome::Ok(ret) => Some(ret),
                Outcome::Info(_) => None,
            };
            let (read, write) = match (span.call.op, ok) {
                (RegisterOp::Read, Some(RegisterReturn::Value(seen))) => (Some(seen), None),
                (RegisterOp::Read, _) => continue,
                (RegisterOp::Write(v), _) => (None, Some(v)),
                (RegisterOp::Cas { from, to }, _) => (Some(Some(from)), Some(to)),
            };
            let key = *numbers.entry(&span.call.key).or_insert_with(|| {
                keys.push(&span.call.key);
                keys.len() as u32 - 1
            });
            let next = sessions.len() as u32;
            let session = *sessions.entry(span.process.0).or_insert(next);
            calls.push((at as u32, session, key, ok.is_some(), read, write));
        }
        let mut wrote: HashMap<(u32, i64), bool, Fast> = HashMap::default();
        for (_, _, key, _, _, write) in &calls {
            if let Some(value) = write {
                let again = wrote.contains_key(&(*key, *value)) || initial == Some(*value);
                wrote.insert((*key, *value), !again);
            }
        }
        let mut ops = Self {
            all: Vec::new(),
            keys,
            left_out: 0,
        };
        // A cas that happened saw what it expected: who wrote that happened, too. Until nothing is added.
        let mut seen: HashSet<(u32, i64), Fast> = HashSet::default();
        loop {
            let before = seen.len();
            for (_, _, key, ok, read, write) in &calls {
                let happened = *ok || write.is_some_and(|v| seen.contains(&(*key, v)));
                if let (true, Some(Some(value))) = (happened, read) {
                    seen.insert((*key, *value));
                }
            }
            if seen.len() == before {
                break;
            }
        }
        for (at, session, key, ok, read, write) in calls {
            if !ok && !write.is_some_and(|v| seen.contains(&(key, v))) {
                continue;
            }
            let mut push = |does| {
                ops.all.push(Op {
                    at,
                    session,
                    key,
                    does,
                });
            };
            match read {
                Some(seen) if seen == initial || seen.is_none() => push(Does::Read(None)),
                Some(Some(value)) if wrote.get(&(key, value)) == Some(&true) => {
                    push(Does::Read(Some(value)));
                }
                Some(_) => ops.left_out += 1,
                None => {}
            }
            write.into_iter().for_each(|v| push(Does::Write(v)));
        }
        ops
    }
}

/// Some ops, with who read from whom. Of a part of a history, reads whose writers are missing count for nothing.
pub(super) struct Known<'o> {
    pub(super) ops: &'o [Op],
    /// Of each read its writer, or [`FIRST`]; of writes, and reads of writers that are missing, itself.
    pub(super) source: Vec<u32>,
    /// Of each session its ops, in order.
    pub(super) sessions: Vec<Vec<u32>>,
    /// Of each op its place in its session, from 1.
    pub(super) place: Vec<u32>,
}

impl<'o> Known<'o> {
    pub(super) fn of(ops: &'o [Op]) -> Self {
        let mut writers: HashMap<(u32, i64), u32, Fast> = HashMap::default();
        for (at, op) in ops.iter().enumerate() {
            if let Does::Write(value) = op.does {
                writers.insert((op.key, value), at as u32);
            }
        }
        let mut known = Self {
            ops,
            source: Vec::with_capacity(ops.len()),
            sessions: Vec::new(),
            place: Vec::with_capacity(ops.len()),
        };
        for (at, op) in ops.iter().enumerate() {
            let at = at as u32;
            known.source.push(match op.does {
                Does::Write(_) => at,
                Does::Read(None) => FIRST,
                Does::Read(Some(value)) => writers.get(&(op.key, value)).copied().unwrap_or(at),
            });
            let session = op.session as usize;
            if known.sessions.len() <= session {
                known.sessions.resize(session + 1, Vec::new());
            }
            known.sessions[session].push(at);
            known.place.push(known.sessions[session].len() as u32);
        }
        known
    }

    pub(super) fn is_write(&self, op: u32) -> bool {
        matches!(self.ops[op as usize].does, Does::Write(_))
    }

    /// Who wrote what a read saw, or [`FIRST`]; `None` for writes, and where that is not known.
    pub(super) fn read(&self, op: u32) -> Option<u32> {
        let source = self.source[op as usize];
        (source != op).then_some(source)
    }

    pub(super) fn key(&self, op: u32) -> u32 {
        self.ops[op as usize].key
    }
}
