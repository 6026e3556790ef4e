//! Consensus: propose a value, learn which one was decided. Each key is one decision.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent decisions, each open at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Consensus;

/// What a decision is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsensusCall {
    /// Which decision; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: ConsensusOp,
}

/// What one can do with a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsensusOp {
    /// Proposes this, and answers with what was decided.
    Propose(i64),
    /// Says what was decided.
    Learn,
}

/// What a decision answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsensusReturn {
    /// This was decided; `None` if nothing is yet.
    Decided(Option<i64>),
}

impl Operation for Consensus {
    type Call = ConsensusCall;
    type Return = ConsensusReturn;
}

impl Codec for Consensus {
    fn encode_call(call: &ConsensusCall) -> Fields {
        let (f, value) = match call.op {
            ConsensusOp::Propose(v) => ("propose", Some(v.to_string())),
            ConsensusOp::Learn => ("learn", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &ConsensusCall, ret: &ConsensusReturn) -> Option<String> {
        match ret {
            ConsensusReturn::Decided(value) => Some(text(value)),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<ConsensusCall, String> {
        let op = match f {
            "propose" => ConsensusOp::Propose(parse(f, value)?),
            "learn" => ConsensusOp::Learn,
            other => return Err(unknown("a decision", other, "propose and learn")),
        };
        Ok(ConsensusCall { key, op })
    }

    fn decode_return(
        call: &ConsensusCall,
        value: Option<&RawValue>,
    ) -> Result<ConsensusReturn, String> {
        let f = match call.op {
            ConsensusOp::Propose(_) => "propose",
            ConsensusOp::Learn => "learn",
        };
        Ok(ConsensusReturn::Decided(parse_or_nothing(f, value)?))
    }

    fn key(call: &ConsensusCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| ConsensusCall {
            key: Some(Key::Int(4)),
            op,
        };
        there_and_back::<Consensus>(
            &call(ConsensusOp::Propose(3)),
            &ConsensusReturn::Decided(Some(5)),
        );
        there_and_back::<Consensus>(&call(ConsensusOp::Learn), &ConsensusReturn::Decided(None));
        assert_eq!(
            refused::<Consensus>("vote", None),
            "a decision has no call \"vote\"; it has propose and learn"
        );
    }
}
