//! Locks: acquire and release. A client holds a lock from the answer to its acquire until it asks to release it.

use serde_json::value::RawValue;

use super::json::{parse_or_nothing, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent locks, each free at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock;

/// What a lock is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockCall {
    /// Which lock; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: LockOp,
}

/// What one can do with a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockOp {
    /// Takes it. [`Outcome::Fail`](crate::Outcome::Fail) if somebody else has it.
    Acquire,
    /// Gives it back.
    Release,
}

/// What a lock answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockReturn {
    /// Taken, or given back.
    Done,
    /// Taken, with a fencing token: the number that makes a later owner's writes win.
    Token(i64),
}

impl Operation for Lock {
    type Call = LockCall;
    type Return = LockReturn;
}

impl Codec for Lock {
    fn encode_call(call: &LockCall) -> Fields {
        let (f, value) = match call.op {
            LockOp::Acquire => ("acquire", None),
            LockOp::Release => ("release", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &LockCall, ret: &LockReturn) -> Option<String> {
        match ret {
            LockReturn::Done => None,
            LockReturn::Token(token) => Some(token.to_string()),
        }
    }

    fn decode_call(f: &str, key: Option<Key>, _: Option<&RawValue>) -> Result<LockCall, String> {
        let op = match f {
            "acquire" => LockOp::Acquire,
            "release" => LockOp::Release,
            other => return Err(unknown("a lock", other, "acquire and release")),
        };
        Ok(LockCall { key, op })
    }

    fn decode_return(call: &LockCall, value: Option<&RawValue>) -> Result<LockReturn, String> {
        match call.op {
            LockOp::Acquire => {
                let token = parse_or_nothing("acquire", value)?;
                Ok(token.map_or(LockReturn::Done, LockReturn::Token))
            }
            LockOp::Release => Ok(LockReturn::Done),
        }
    }

    fn key(call: &LockCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| LockCall { key: None, op };
        there_and_back::<Lock>(&call(LockOp::Acquire), &LockReturn::Done);
        there_and_back::<Lock>(&call(LockOp::Acquire), &LockReturn::Token(7));
        there_and_back::<Lock>(&call(LockOp::Release), &LockReturn::Done);
        assert_eq!(
            refused::<Lock>("steal", None),
            "a lock has no call \"steal\"; it has acquire and release"
        );
    }
}
