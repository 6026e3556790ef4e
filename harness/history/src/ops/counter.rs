//! Counters: add to one, read it. Jepsen's `counter`; with negative amounts, Maelstrom's `pn-counter`.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent counters, each zero at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Counter;

/// What a counter is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterCall {
    /// Which counter; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: CounterOp,
}

/// What one can do with a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterOp {
    /// Adds this, which may be negative.
    Add(i64),
    /// Says how much it is.
    Read,
}

/// What a counter answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CounterReturn {
    /// Added.
    Done,
    /// It is this much; for an addition, after it.
    Value(i64),
}

impl Operation for Counter {
    type Call = CounterCall;
    type Return = CounterReturn;
}

impl Codec for Counter {
    fn encode_call(call: &CounterCall) -> Fields {
        let (f, value) = match call.op {
            CounterOp::Add(n) => ("add", Some(n.to_string())),
            CounterOp::Read => ("read", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &CounterCall, ret: &CounterReturn) -> Option<String> {
        match ret {
            CounterReturn::Done => None,
            CounterReturn::Value(n) => Some(n.to_string()),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<CounterCall, String> {
        let op = match f {
            "add" => CounterOp::Add(parse(f, value)?),
            "read" => CounterOp::Read,
            other => return Err(unknown("a counter", other, "add and read")),
        };
        Ok(CounterCall { key, op })
    }

    fn decode_return(
        call: &CounterCall,
        value: Option<&RawValue>,
    ) -> Result<CounterReturn, String> {
        match call.op {
            CounterOp::Add(_) => {
                let value = parse_or_nothing("add", value)?;
                Ok(value.map_or(CounterReturn::Done, CounterReturn::Value))
            }
            CounterOp::Read => Ok(CounterReturn::Value(parse("read", value)?)),
        }
    }

    /// An addition repeats its amount; one that tells the sum has both, `[amount sum]`.
    fn encode_repeating(call: &CounterCall, ret: &CounterReturn) -> Option<String> {
        match (call.op, ret) {
            (CounterOp::Add(amount), CounterReturn::Value(sum)) => Some(text(&(amount, sum))),
            (CounterOp::Add(amount), CounterReturn::Done) => Some(amount.to_string()),
            (CounterOp::Read, _) => Self::encode_return(call, ret),
        }
    }

    fn decode_repeating(
        call: &CounterCall,
        value: Option<&RawValue>,
    ) -> Result<CounterReturn, String> {
        match call.op {
            CounterOp::Add(_) => match parse::<(i64, i64)>("add", value) {
                Ok((_, sum)) => Ok(CounterReturn::Value(sum)),
                Err(_) => parse_or_nothing::<i64>("add", value).map(|_| CounterReturn::Done),
            },
            CounterOp::Read => Self::decode_return(call, value),
        }
    }

    fn key(call: &CounterCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| CounterCall { key: None, op };
        there_and_back::<Counter>(&call(CounterOp::Add(-3)), &CounterReturn::Done);
        there_and_back::<Counter>(&call(CounterOp::Add(1)), &CounterReturn::Value(7));
        there_and_back::<Counter>(&call(CounterOp::Read), &CounterReturn::Value(7));
        assert_eq!(
            refused::<Counter>("add", Some("\"x\"")),
            "add cannot have the value \"x\""
        );
    }
}
