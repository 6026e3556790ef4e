//! Sets that only grow: add an element, read them all. Jepsen's `set` and `set-full`.

use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent sets of integers, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Set;

/// What a set is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCall {
    /// Which set; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: SetOp,
}

/// What one can do with a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOp {
    /// Puts this in.
    Add(i64),
    /// Says what is in it.
    Read,
}

/// What a set answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetReturn {
    /// It is in.
    Done,
    /// These are in it, as they came: a broken set may say one of them twice.
    Elements(Vec<i64>),
}

impl Operation for Set {
    type Call = SetCall;
    type Return = SetReturn;
}

impl Codec for Set {
    fn encode_call(call: &SetCall) -> Fields {
        let (f, value) = match call.op {
            SetOp::Add(v) => ("add", Some(v.to_string())),
            SetOp::Read => ("read", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &SetCall, ret: &SetReturn) -> Option<String> {
        match ret {
            SetReturn::Done => None,
            SetReturn::Elements(all) => Some(text(all)),
        }
    }

    fn decode_call(f: &str, key: Option<Key>, value: Option<&RawValue>) -> Result<SetCall, String> {
        let op = match f {
            "add" => SetOp::Add(parse(f, value)?),
            "read" => SetOp::Read,
            other => return Err(unknown("a set", other, "add and read")),
        };
        Ok(SetCall { key, op })
    }

    fn decode_return(call: &SetCall, value: Option<&RawValue>) -> Result<SetReturn, String> {
        match call.op {
            SetOp::Add(_) => Ok(SetReturn::Done),
            SetOp::Read => Ok(SetReturn::Elements(parse("read", value)?)),
        }
    }

    fn key(call: &SetCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| SetCall {
            key: Some(Key::Int(1)),
            op,
        };
        there_and_back::<Set>(&call(SetOp::Add(-3)), &SetReturn::Done);
        there_and_back::<Set>(&call(SetOp::Read), &SetReturn::Elements(vec![2, 1, 2]));
        assert_eq!(
            refused::<Set>("pop", None),
            "a set has no call \"pop\"; it has add and read"
        );
    }
}
