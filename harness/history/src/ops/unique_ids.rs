//! A service that hands out ids, no two alike. Jepsen's `unique-ids`.

use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// A generator of ids.
#[derive(Debug, Clone, PartialEq)]
pub struct UniqueIds;

/// Asks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueIdsCall;

/// The id: a number or a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueIdsReturn(pub Key);

impl Operation for UniqueIds {
    type Call = UniqueIdsCall;
    type Return = UniqueIdsReturn;
}

impl Codec for UniqueIds {
    fn encode_call(_: &UniqueIdsCall) -> Fields {
        Fields {
            f: "generate",
            key: None,
            value: None,
        }
    }

    fn encode_return(_: &UniqueIdsCall, ret: &UniqueIdsReturn) -> Option<String> {
        Some(text(&ret.0))
    }

    fn decode_call(f: &str, _: Option<Key>, _: Option<&RawValue>) -> Result<UniqueIdsCall, String> {
        match f {
            "generate" => Ok(UniqueIdsCall),
            other => Err(unknown("a generator of ids", other, "generate")),
        }
    }

    fn decode_return(
        _: &UniqueIdsCall,
        value: Option<&RawValue>,
    ) -> Result<UniqueIdsReturn, String> {
        Ok(UniqueIdsReturn(parse("generate", value)?))
    }

    fn key(_: &UniqueIdsCall) -> Option<&Key> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        for id in [Key::Int(-7), Key::Text("n1-7".into())] {
            there_and_back::<UniqueIds>(&UniqueIdsCall, &UniqueIdsReturn(id));
        }
        assert_eq!(
            refused::<UniqueIds>("next", None),
            "a generator of ids has no call \"next\"; it has generate"
        );
    }
}
