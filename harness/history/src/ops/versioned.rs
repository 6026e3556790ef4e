//! Registers that say how often they were written: read, write and compare-and-set. The form is that of Jepsen's etcd
//! tests: values are `[version value]`, with nil for a version that is not known yet, as in `[nil 3]` for a write.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent registers of integers with versions, each absent and of version 0 at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned;

/// What a register is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionedCall {
    /// Which register; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: VersionedOp,
}

/// What one can do with a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionedOp {
    /// Says what it holds.
    Read,
    /// Makes it hold this.
    Write(i64),
    /// Makes it hold `to` if it holds `from`.
    Cas {
        /// The value it must hold.
        from: i64,
        /// The value it will hold.
        to: i64,
    },
}

/// What a register answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionedReturn {
    /// Its version, after the call; `None` where the system did not say.
    pub version: Option<u64>,
    /// What it holds, for a read; `None` if it is absent, and for the others.
    pub value: Option<i64>,
}

impl Operation for Versioned {
    type Call = VersionedCall;
    type Return = VersionedReturn;
}

impl Codec for Versioned {
    fn encode_call(call: &VersionedCall) -> Fields {
        let nil = None::<u64>;
        let (f, value) = match call.op {
            VersionedOp::Read => ("read", None),
            VersionedOp::Write(v) => ("write", Some(text(&(nil, v)))),
            VersionedOp::Cas { from, to } => ("cas", Some(text(&(nil, (from, to))))),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(call: &VersionedCall, ret: &VersionedReturn) -> Option<String> {
        Some(match call.op {
            VersionedOp::Read => text(&(ret.version, ret.value)),
            VersionedOp::Write(v) => text(&(ret.version, v)),
            VersionedOp::Cas { from, to } => text(&(ret.version, (from, to))),
        })
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<VersionedCall, String> {
        type Asked<T> = (Option<u64>, T);
        let op = match f {
            "read" => VersionedOp::Read,
            "write" => VersionedOp::Write(parse::<Asked<i64>>(f, value)?.1),
            "cas" => {
                let (from, to) = parse::<Asked<(i64, i64)>>(f, value)?.1;
                VersionedOp::Cas { from, to }
            }
            other => {
                return Err(unknown(
                    "a versioned register",
                    other,
                    "read, write and cas",
                ));
            }
        };
        Ok(VersionedCall { key, op })
    }

    fn decode_return(
        call: &VersionedCall,
        value: Option<&RawValue>,
    ) -> Result<VersionedReturn, String> {
        type Told<T> = Option<(Option<u64>, T)>;
        let (version, value) = match call.op {
            VersionedOp::Read => parse_or_nothing::<(Option<u64>, Option<i64>)>("read", value)?
                .unwrap_or((Some(0), None)),
            VersionedOp::Write(_) => {
                let told: Told<i64> = parse_or_nothing("write", value)?;
                (told.and_then(|told| told.0), None)
            }
            VersionedOp::Cas { .. } => {
                let told: Told<(i64, i64)> = parse_or_nothing("cas", value)?;
                (told.and_then(|told| told.0), None)
            }
        };
        Ok(VersionedReturn { version, value })
    }

    fn key(call: &VersionedCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| VersionedCall {
            key: Some(Key::Int(1)),
            op,
        };
        let ret = |version, value| VersionedReturn { version, value };
        there_and_back::<Versioned>(&call(VersionedOp::Read), &ret(Some(2), Some(7)));
        there_and_back::<Versioned>(&call(VersionedOp::Read), &ret(Some(0), None));
        there_and_back::<Versioned>(&call(VersionedOp::Write(3)), &ret(None, None));
        let cas = VersionedOp::Cas { from: 3, to: 4 };
        there_and_back::<Versioned>(&call(cas), &ret(Some(5), None));
        assert_eq!(
            refused::<Versioned>("write", Some("3")),
            "write cannot have the value 3"
        );
    }
}
