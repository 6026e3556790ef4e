//! Stores of strings: get, put, and append to what is there. The functions of Porcupine's key-value histories.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// A store in which each key has a string, empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Kv;

/// What a store is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvCall {
    /// Of which key; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: KvOp,
}

/// What one can do with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvOp {
    /// Says what it has.
    Get,
    /// Makes it have this.
    Put(Arc<str>),
    /// Adds this to the end of what it has.
    Append(Arc<str>),
}

/// What a store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KvReturn {
    /// The key has this.
    Text(Arc<str>),
    /// Done.
    Done,
}

impl Operation for Kv {
    type Call = KvCall;
    type Return = KvReturn;
}

impl Codec for Kv {
    fn encode_call(call: &KvCall) -> Fields {
        let (f, value) = match &call.op {
            KvOp::Get => ("get", None),
            KvOp::Put(value) => ("put", Some(text(value))),
            KvOp::Append(value) => ("append", Some(text(value))),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &KvCall, ret: &KvReturn) -> Option<String> {
        match ret {
            KvReturn::Text(value) => Some(text(value)),
            KvReturn::Done => None,
        }
    }

    fn decode_call(f: &str, key: Option<Key>, value: Option<&RawValue>) -> Result<KvCall, String> {
        let op = match f {
            "get" => KvOp::Get,
            "put" => KvOp::Put(parse(f, value)?),
            "append" => KvOp::Append(parse(f, value)?),
            other => return Err(unknown("a store", other, "get, put and append")),
        };
        Ok(KvCall { key, op })
    }

    fn decode_return(call: &KvCall, value: Option<&RawValue>) -> Result<KvReturn, String> {
        match call.op {
            KvOp::Get => {
                let value: Option<Arc<str>> = parse_or_nothing("get", value)?;
                Ok(KvReturn::Text(value.unwrap_or_default()))
            }
            KvOp::Put(_) | KvOp::Append(_) => Ok(KvReturn::Done),
        }
    }

    fn key(call: &KvCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| KvCall {
            key: Some(Key::Text("0".into())),
            op,
        };
        there_and_back::<Kv>(&call(KvOp::Get), &KvReturn::Text("x \"0\" y".into()));
        there_and_back::<Kv>(&call(KvOp::Put("a".into())), &KvReturn::Done);
        there_and_back::<Kv>(&call(KvOp::Append("".into())), &KvReturn::Done);
        assert_eq!(
            refused::<Kv>("put", Some("3")),
            "put cannot have the value 3"
        );
    }
}
