//! Many registers and lists that transactions read and write at once: Knossos's multi-register, and append lists. Being
//! linearizable is then being strictly serializable.
//!
//! Keys that no transaction joins, directly or by way of others, are judged apart: together they are one object.

use std::collections::BTreeMap;

use history::{Key, Operation, Seen, Span, Txn, TxnCall, TxnOp, TxnReturn};

use crate::linear::{Calls, Effect, Marks, Model, Names, Object, once};

/// What each key has. A key may be a register and a list; reads say which of the two they saw.
///
/// A transaction may leave a witness if nothing it wrote or appended was seen by another that stays. In an order of all,
/// no value of its is then there when another reads the key: appended elements stay for ever, so nobody reads that list
/// after; and a register is overwritten before it is read again. So what others read is the same without it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Cells {
    initial: Option<i64>,
    registers: BTreeMap<Key, i64>,
    lists: BTreeMap<Key, Vec<i64>>,
}

impl Cells {
    fn has(&self, key: &Key, seen: &Seen<'_>) -> bool {
        let value = self.registers.get(key).copied().or(self.initial);
        let list = self.lists.get(key).map_or(&[][..], Vec::as_slice);
        match seen {
            Seen::Nothing => value.is_none() && list.is_empty(),
            Seen::Value(v) => value == Some(*v),
            Seen::List(seen) => list == *seen,
        }
    }
}

impl Model for Cells {
    type Op = Txn;

    fn step(&self, call: &TxnCall, ret: Option<&TxnReturn>) -> Option<Self> {
        let mut next = self.clone();
        let mut reads = ret.map(TxnReturn::reads);
        for step in &call.0 {
            match step.op {
                TxnOp::Append(v) => next.lists.entry(step.key.clone()).or_default().push(v),
                TxnOp::Write(v) => {
                    next.registers.insert(step.key.clone(), v);
                }
                TxnOp::Read => {
                    let seen = reads.as_mut().and_then(Iterator::next);
                    if seen.is_some_and(|seen| !next.has(&step.key, &seen)) {
                        return None;
                    }
                }
            }
        }
        Some(next)
    }

    fn effect(call: &TxnCall) -> Effect {
        match call.0.iter().all(|step| step.op == TxnOp::Read) {
            true => Effect::Observes,
            false => Effect::Updates,
        }
    }
}

impl Object for Cells {
    const NAME: &'static str = "multi-register";
    type Recorded = Txn;

    fn initially(value: Option<i64>) -> Self {
        Self {
            initial: value,
            ..Self::default()
        }
    }

    fn asked(span: &Span<Txn>, _: usize) -> Calls<Self::Op> {
        once(span)
    }

    fn keys<'a>(call: &'a <Txn as Operation>::Call, each: &mut dyn FnMut(&'a Key)) {
        call.0.iter().for_each(|step| each(&step.key));
    }

    fn marks(spans: &[&Span<Txn>]) -> Vec<Marks> {
        let mut names = Names::default();
        let marks = spans.iter().map(|span| {
            let mut marks = Marks::alone();
            let mut reads = match &span.outcome {
                history::Outcome::Ok(ret) => Some(ret.reads()),
                _ => None,
            };
            for step in &span.call.0 {
                match step.op {
                    TxnOp::Append(v) => marks.makes(names.number((&step.key, true, v))),
                    TxnOp::Write(v) => marks.makes(names.number((&step.key, false, v))),
                    TxnOp::Read => match reads.as_mut().and_then(Iterator::next) {
                        Some(Seen::List(list)) => {
                            for v in list {
                                marks.sees(names.number((&step.key, true, *v)));
                            }
                        }
                        Some(Seen::Value(v)) => marks.sees(names.number((&step.key, false, v))),
                        Some(Seen::Nothing) | None => {}
                    },
                }
            }
            marks
        });
        marks.collect()
    }
}
