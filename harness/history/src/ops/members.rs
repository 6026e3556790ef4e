//! Sets of which one asks about one element at a time: add, remove, contains, each answered with yes or no.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent sets of integers, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Members;

/// What a set is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembersCall {
    /// Which set; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: MembersOp,
}

/// What one can do with a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembersOp {
    /// Puts this in. `true` if it was not there.
    Add(i64),
    /// Takes this out. `true` if it was there.
    Remove(i64),
    /// Whether this is in it.
    Contains(i64),
}

impl MembersOp {
    /// The element it is about.
    pub fn element(self) -> i64 {
        match self {
            Self::Add(v) | Self::Remove(v) | Self::Contains(v) => v,
        }
    }
}

/// What a set answers; `None` where it only says that it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembersReturn(pub Option<bool>);

impl Operation for Members {
    type Call = MembersCall;
    type Return = MembersReturn;
}

impl Codec for Members {
    fn encode_call(call: &MembersCall) -> Fields {
        let f = match call.op {
            MembersOp::Add(_) => "add",
            MembersOp::Remove(_) => "remove",
            MembersOp::Contains(_) => "contains",
        };
        Fields {
            f,
            key: call.key.clone(),
            value: Some(call.op.element().to_string()),
        }
    }

    fn encode_return(_: &MembersCall, ret: &MembersReturn) -> Option<String> {
        ret.0.map(|yes| yes.to_string())
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<MembersCall, String> {
        let op = match f {
            "add" => MembersOp::Add(parse(f, value)?),
            "remove" => MembersOp::Remove(parse(f, value)?),
            "contains" => MembersOp::Contains(parse(f, value)?),
            other => return Err(unknown("a set", other, "add, remove and contains")),
        };
        Ok(MembersCall { key, op })
    }

    fn decode_return(
        call: &MembersCall,
        value: Option<&RawValue>,
    ) -> Result<MembersReturn, String> {
        // Whoever has nothing to say often repeats the element.
        let element = call.op.element().to_string();
        let told = value.filter(|value| value.get() != element);
        match call.op {
            MembersOp::Contains(_) => Ok(MembersReturn(Some(parse("contains", told)?))),
            MembersOp::Add(_) => Ok(MembersReturn(parse_or_nothing("add", told)?)),
            MembersOp::Remove(_) => Ok(MembersReturn(parse_or_nothing("remove", told)?)),
        }
    }

    fn key(call: &MembersCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| MembersCall { key: None, op };
        there_and_back::<Members>(&call(MembersOp::Add(3)), &MembersReturn(Some(true)));
        there_and_back::<Members>(&call(MembersOp::Add(3)), &MembersReturn(None));
        there_and_back::<Members>(&call(MembersOp::Remove(3)), &MembersReturn(Some(false)));
        there_and_back::<Members>(&call(MembersOp::Contains(3)), &MembersReturn(Some(true)));
        assert_eq!(
            refused::<Members>("read", None),
            "a set has no call \"read\"; it has add, remove and contains"
        );
    }
}
