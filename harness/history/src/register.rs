//! Registers: read, write, compare-and-set, each on one of many keys. The operation that most systems are asked first.

use serde_json::value::RawValue;

use crate::{Codec, Fields, Key, Operation};

/// Many independent registers of integers, each absent at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Register;

/// What a register is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterCall {
    /// Which register.
    pub key: Key,
    /// What to do with it.
    pub op: RegisterOp,
}

/// The three things one can do with a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterOp {
    /// Says what it holds.
    Read,
    /// Makes it hold this.
    Write(i64),
    /// Makes it hold `to` if it holds `from`. A mismatch is [`Outcome::Fail`](crate::Outcome::Fail): it did not
    /// happen.
    Cas {
        /// The value it must hold.
        from: i64,
        /// The value it will hold.
        to: i64,
    },
}

/// What a register answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterReturn {
    /// It holds this; `None` is absent.
    Value(Option<i64>),
    /// Written, or swapped.
    Done,
}

impl Operation for Register {
    type Call = RegisterCall;
    type Return = RegisterReturn;
}

impl Codec for Register {
    fn encode_call(call: &RegisterCall) -> Fields {
        let (f, value) = match call.op {
            RegisterOp::Read => ("read", None),
            RegisterOp::Write(v) => ("write", Some(v.to_string())),
            RegisterOp::Cas { from, to } => ("cas", Some(format!("[{from},{to}]"))),
        };
        Fields {
            f,
            key: Some(call.key.clone()),
            value,
        }
    }

    fn encode_return(_: &RegisterCall, ret: &RegisterReturn) -> Option<String> {
        match ret {
            RegisterReturn::Value(Some(v)) => Some(v.to_string()),
            RegisterReturn::Value(None) => Some("null".to_owned()),
            RegisterReturn::Done => None,
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<RegisterCall, String> {
        let key = key.ok_or("a register call needs a \"key\"")?;
        let op = match f {
            "read" => RegisterOp::Read,
            "write" => RegisterOp::Write(parse(f, value)?),
            "cas" => {
                let (from, to) = parse(f, value)?;
                RegisterOp::Cas { from, to }
            }
            other => {
                return Err(format!(
                    "a register has no call {other:?}; it has read, write and cas"
                ));
            }
        };
        Ok(RegisterCall { key, op })
    }

    fn decode_return(
        call: &RegisterCall,
        value: Option<&RawValue>,
    ) -> Result<RegisterReturn, String> {
        match call.op {
            RegisterOp::Read => Ok(RegisterReturn::Value(match value {
                None => None,
                some => parse("read", some)?,
            })),
            RegisterOp::Write(_) | RegisterOp::Cas { .. } => Ok(RegisterReturn::Done),
        }
    }

    fn name(call: &RegisterCall) -> &'static str {
        match call.op {
            RegisterOp::Read => "read",
            RegisterOp::Write(_) => "write",
            RegisterOp::Cas { .. } => "cas",
        }
    }

    fn key(call: &RegisterCall) -> Option<&Key> {
        Some(&call.key)
    }

    fn describe_call(call: &RegisterCall) -> String {
        let key = &call.key;
        match call.op {
            RegisterOp::Read => format!("read {key}"),
            RegisterOp::Write(v) => format!("write {key}={v}"),
            RegisterOp::Cas { from, to } => format!("cas {key}: {from}→{to}"),
        }
    }

    fn describe(call: &RegisterCall, ret: &RegisterReturn) -> String {
        match ret {
            RegisterReturn::Value(Some(v)) => format!("read {} → {v}", call.key),
            RegisterReturn::Value(None) => format!("read {} → nothing", call.key),
            RegisterReturn::Done => Self::describe_call(call),
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(f: &str, value: Option<&RawValue>) -> Result<T, String> {
    let text = value.ok_or_else(|| format!("{f} needs a \"value\""))?.get();
    serde_json::from_str(text).map_err(|_| format!("{f} cannot have the value {text}"))
}
