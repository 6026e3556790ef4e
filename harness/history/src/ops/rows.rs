//! Rows that are written together: a write gives all rows of a table one value in one transaction, a read reads them
//! all in one. Jepsen's `dirty-reads` of Galera, and the test of atomic commit: all or nothing.

use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent tables of a few rows each, all absent at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows;

/// What a table is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsCall {
    /// Which table; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: RowsOp,
}

/// What one can do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOp {
    /// Gives every row this value.
    Write(i64),
    /// Says what every row holds.
    Read,
}

/// What a table answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsReturn {
    /// Every row was given the value.
    Done,
    /// What each row holds; `None` for an absent one.
    Rows(Vec<Option<i64>>),
}

impl Operation for Rows {
    type Call = RowsCall;
    type Return = RowsReturn;
}

impl Codec for Rows {
    fn encode_call(call: &RowsCall) -> Fields {
        let (f, value) = match call.op {
            RowsOp::Write(v) => ("write", Some(v.to_string())),
            RowsOp::Read => ("read", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &RowsCall, ret: &RowsReturn) -> Option<String> {
        match ret {
            RowsReturn::Done => None,
            RowsReturn::Rows(rows) => Some(text(rows)),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<RowsCall, String> {
        let op = match f {
            "write" => RowsOp::Write(parse(f, value)?),
            "read" => RowsOp::Read,
            other => return Err(unknown("a table", other, "write and read")),
        };
        Ok(RowsCall { key, op })
    }

    fn decode_return(call: &RowsCall, value: Option<&RawValue>) -> Result<RowsReturn, String> {
        match call.op {
            RowsOp::Write(_) => Ok(RowsReturn::Done),
            RowsOp::Read => Ok(RowsReturn::Rows(parse("read", value)?)),
        }
    }

    fn key(call: &RowsCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| RowsCall { key: None, op };
        there_and_back::<Rows>(&call(RowsOp::Write(3)), &RowsReturn::Done);
        there_and_back::<Rows>(&call(RowsOp::Read), &RowsReturn::Rows(vec![Some(3), None]));
        assert_eq!(
            refused::<Rows>("drop", None),
            "a table has no call \"drop\"; it has write and read"
        );
    }
}
