//! Many registers, written one at a time and read several at a time: the least that shows whether reads of several
//! objects are taken at one moment. Jepsen's `long-fork` and `causal-reverse`.

use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Registers of integers, each absent at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotCall {
    /// Makes one register hold this.
    Write {
        /// Which.
        key: Key,
        /// What it will hold.
        value: i64,
    },
    /// Says what these hold, in one transaction.
    Read(Vec<Key>),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotReturn {
    /// Written.
    Done,
    /// What the keys of the read hold, in their order; `None` is absent.
    Values(Vec<Option<i64>>),
}

impl Operation for Snapshot {
    type Call = SnapshotCall;
    type Return = SnapshotReturn;
}

impl Codec for Snapshot {
    fn encode_call(call: &SnapshotCall) -> Fields {
        let (f, key, value) = match call {
            SnapshotCall::Write { key, value } => ("write", Some(key.clone()), value.to_string()),
            SnapshotCall::Read(keys) => ("read", None, text(keys)),
        };
        Fields {
            f,
            key,
            value: Some(value),
        }
    }

    fn encode_return(_: &SnapshotCall, ret: &SnapshotReturn) -> Option<String> {
        match ret {
            SnapshotReturn::Done => None,
            SnapshotReturn::Values(values) => Some(text(values)),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<SnapshotCall, String> {
        match f {
            "write" => Ok(SnapshotCall::Write {
                key: key.ok_or("write needs a \"key\"")?,
                value: parse(f, value)?,
            }),
            "read" => Ok(SnapshotCall::Read(parse(f, value)?)),
            other => Err(unknown("a snapshot", other, "write and read")),
        }
    }

    fn decode_return(
        call: &SnapshotCall,
        value: Option<&RawValue>,
    ) -> Result<SnapshotReturn, String> {
        match call {
            SnapshotCall::Write { .. } => Ok(SnapshotReturn::Done),
            SnapshotCall::Read(keys) => {
                let values: Vec<Option<i64>> = parse("read", value)?;
                match values.len() == keys.len() {
                    true => Ok(SnapshotReturn::Values(values)),
                    false => Err(format!(
                        "a read of {} keys cannot have {} values",
                        keys.len(),
                        values.len()
                    )),
                }
            }
        }
    }

    fn takes_key(f: &str) -> bool {
        f == "write"
    }

    /// None: the objects are not independent, which is the point.
    fn key(_: &SnapshotCall) -> Option<&Key> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let write = SnapshotCall::Write {
            key: Key::Text("x".into()),
            value: 3,
        };
        there_and_back::<Snapshot>(&write, &SnapshotReturn::Done);
        let read = SnapshotCall::Read(vec![Key::Text("x".into()), Key::Int(2)]);
        there_and_back::<Snapshot>(&read, &SnapshotReturn::Values(vec![Some(3), None]));
        let one = RawValue::from_string("[1]".to_owned()).expect("JSON");
        assert_eq!(
            Snapshot::decode_return(&read, Some(&one)),
            Err("a read of 2 keys cannot have 1 values".to_owned())
        );
        assert_eq!(
            refused::<Snapshot>("write", Some("1")),
            "write needs a \"key\""
        );
    }
}
