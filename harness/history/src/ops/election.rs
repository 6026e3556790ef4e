//! Elections: a node is asked who leads, and in which term.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// A group that elects a leader, term after term. Keys are groups, where there are several.
#[derive(Debug, Clone, PartialEq)]
pub struct Election;

/// Asks who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionCall {
    /// Which group; `None` where there is only one.
    pub key: Option<Key>,
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionReturn {
    /// In this term, by the word of who was asked.
    pub term: i64,
    /// Its leader; `None` if it knows of none.
    pub leader: Option<Key>,
}

impl Operation for Election {
    type Call = ElectionCall;
    type Return = ElectionReturn;
}

impl Codec for Election {
    fn encode_call(call: &ElectionCall) -> Fields {
        Fields {
            f: "leader",
            key: call.key.clone(),
            value: None,
        }
    }

    fn encode_return(_: &ElectionCall, ret: &ElectionReturn) -> Option<String> {
        Some(text(ret))
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        _: Option<&RawValue>,
    ) -> Result<ElectionCall, String> {
        match f {
            "leader" => Ok(ElectionCall { key }),
            other => Err(unknown("an election", other, "leader")),
        }
    }

    fn decode_return(_: &ElectionCall, value: Option<&RawValue>) -> Result<ElectionReturn, String> {
        parse("leader", value)
    }

    fn key(call: &ElectionCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        for leader in [None, Some(Key::Int(3)), Some(Key::Text("n1".into()))] {
            there_and_back::<Election>(
                &ElectionCall { key: None },
                &ElectionReturn { term: 4, leader },
            );
        }
        assert_eq!(
            refused::<Election>("vote", None),
            "an election has no call \"vote\"; it has leader"
        );
    }
}
