//! Guarded inserts: a transaction looks whether a group has a row, and inserts one if it has none. Of all the inserts
//! into one group, at most one may succeed. Jepsen's `adya` test of G2.

use serde_json::value::RawValue;

use super::json::{parse, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent groups of rows, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded;

/// Insert a row if its group has none. [`Outcome::Fail`](crate::Outcome::Fail) if it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardedCall {
    /// Which group.
    pub key: Key,
    /// Which row; two inserts into one group go to different rows, or even tables, so that only the predicate guards.
    pub row: i64,
}

/// It is in, and was alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardedReturn;

impl Operation for Guarded {
    type Call = GuardedCall;
    type Return = GuardedReturn;
}

impl Codec for Guarded {
    fn encode_call(call: &GuardedCall) -> Fields {
        Fields {
            f: "insert",
            key: Some(call.key.clone()),
            value: Some(call.row.to_string()),
        }
    }

    fn encode_return(_: &GuardedCall, _: &GuardedReturn) -> Option<String> {
        None
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<GuardedCall, String> {
        match f {
            "insert" => Ok(GuardedCall {
                key: key.ok_or("a guarded insert needs a \"key\"")?,
                row: parse(f, value)?,
            }),
            other => Err(unknown("a guarded group", other, "insert")),
        }
    }

    fn decode_return(_: &GuardedCall, _: Option<&RawValue>) -> Result<GuardedReturn, String> {
        Ok(GuardedReturn)
    }

    fn key(call: &GuardedCall) -> Option<&Key> {
        Some(&call.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let key = Key::Int(3);
        there_and_back::<Guarded>(&GuardedCall { key, row: 2 }, &GuardedReturn);
        assert_eq!(
            refused::<Guarded>("insert", Some("1")),
            "a guarded insert needs a \"key\""
        );
    }
}
