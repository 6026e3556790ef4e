//! Stacks: push and pop, last in, first out.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent stacks of integers, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack;

/// What a stack is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackCall {
    /// Which stack; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: StackOp,
}

/// What one can do with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackOp {
    /// Puts this on top.
    Push(i64),
    /// Takes off what is on top.
    Pop,
}

/// What a stack answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackReturn {
    /// It is on top.
    Done,
    /// This was on top; `None` if nothing was there.
    Item(Option<i64>),
}

impl Operation for Stack {
    type Call = StackCall;
    type Return = StackReturn;
}

impl Codec for Stack {
    fn encode_call(call: &StackCall) -> Fields {
        let (f, value) = match call.op {
            StackOp::Push(v) => ("push", Some(v.to_string())),
            StackOp::Pop => ("pop", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &StackCall, ret: &StackReturn) -> Option<String> {
        match ret {
            StackReturn::Done => None,
            StackReturn::Item(item) => Some(text(item)),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<StackCall, String> {
        let op = match f {
            "push" => StackOp::Push(parse(f, value)?),
            "pop" => StackOp::Pop,
            other => return Err(unknown("a stack", other, "push and pop")),
        };
        Ok(StackCall { key, op })
    }

    fn decode_return(call: &StackCall, value: Option<&RawValue>) -> Result<StackReturn, String> {
        match call.op {
            StackOp::Push(_) => Ok(StackReturn::Done),
            StackOp::Pop => Ok(StackReturn::Item(parse_or_nothing("pop", value)?)),
        }
    }

    fn key(call: &StackCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| StackCall { key: None, op };
        there_and_back::<Stack>(&call(StackOp::Push(3)), &StackReturn::Done);
        there_and_back::<Stack>(&call(StackOp::Pop), &StackReturn::Item(Some(3)));
        there_and_back::<Stack>(&call(StackOp::Pop), &StackReturn::Item(None));
        assert_eq!(
            refused::<Stack>("peek", None),
            "a stack has no call \"peek\"; it has push and pop"
        );
    }
}
