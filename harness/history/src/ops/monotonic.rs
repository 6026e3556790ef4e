//! A table that clients append to in the order of the system's own timestamps: each add inserts the next number, and the
//! database stamps it with its clock. Jepsen's `monotonic` of CockroachDB.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent tables, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Monotonic;

/// What a table is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonotonicCall {
    /// Which table; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: MonotonicOp,
}

/// What one can do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonotonicOp {
    /// Reads the largest value and inserts the next, in one transaction.
    Add,
    /// Says what all rows hold.
    Read,
}

/// What a table answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MonotonicReturn {
    /// This row was inserted.
    Inserted(Stamped),
    /// These are there, in the order of their timestamps as the system sees it.
    Rows(Vec<Stamped>),
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamped {
    /// Its timestamp, in the system's own unit.
    pub time: i64,
    /// Its value.
    pub value: i64,
}

impl Operation for Monotonic {
    type Call = MonotonicCall;
    type Return = MonotonicReturn;
}

impl Codec for Monotonic {
    fn encode_call(call: &MonotonicCall) -> Fields {
        Fields {
            f: Self::name(call),
            key: call.key.clone(),
            value: None,
        }
    }

    fn encode_return(_: &MonotonicCall, ret: &MonotonicReturn) -> Option<String> {
        Some(match ret {
            MonotonicReturn::Inserted(row) => text(row),
            MonotonicReturn::Rows(rows) => text(rows),
        })
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        _: Option<&RawValue>,
    ) -> Result<MonotonicCall, String> {
        let op = match f {
            "add" => MonotonicOp::Add,
            "read" => MonotonicOp::Read,
            other => return Err(unknown("a table of timestamps", other, "add and read")),
        };
        Ok(MonotonicCall { key, op })
    }

    fn decode_return(
        call: &MonotonicCall,
        value: Option<&RawValue>,
    ) -> Result<MonotonicReturn, String> {
        match call.op {
            MonotonicOp::Add => Ok(MonotonicReturn::Inserted(parse("add", value)?)),
            MonotonicOp::Read => Ok(MonotonicReturn::Rows(parse("read", value)?)),
        }
    }

    fn name(call: &MonotonicCall) -> &'static str {
        match call.op {
            MonotonicOp::Add => "add",
            MonotonicOp::Read => "read",
        }
    }

    fn key(call: &MonotonicCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| MonotonicCall { key: None, op };
        let row = Stamped { time: 17, value: 3 };
        there_and_back::<Monotonic>(&call(MonotonicOp::Add), &MonotonicReturn::Inserted(row));
        there_and_back::<Monotonic>(
            &call(MonotonicOp::Read),
            &MonotonicReturn::Rows(vec![row, row]),
        );
        assert_eq!(
            refused::<Monotonic>("max", None),
            "a table of timestamps has no call \"max\"; it has add and read"
        );
    }
}
