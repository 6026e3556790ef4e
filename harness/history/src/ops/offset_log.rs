//! Logs in which every message has an offset: send one, poll from an offset on. The functions are those of Jepsen's kafka
//! workload, on one partition each: `send` returns `[offset message]`, `poll` returns a list of such pairs.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent logs of integers, each empty at first; the first message has the offset 0.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetLog;

/// What a log is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetLogCall {
    /// Which log; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: OffsetLogOp,
}

/// What one can do with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetLogOp {
    /// Puts this at its end.
    Send(i64),
    /// Says what is there from this offset on: some of it at least, unless there is nothing.
    Poll(u64),
}

/// What a log answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OffsetLogReturn {
    /// Sent; nobody said which offset it has.
    Done,
    /// Sent, and it has this offset.
    Offset(u64),
    /// These messages are there, with their offsets.
    Messages(Vec<(u64, i64)>),
}

impl Operation for OffsetLog {
    type Call = OffsetLogCall;
    type Return = OffsetLogReturn;
}

impl Codec for OffsetLog {
    fn encode_call(call: &OffsetLogCall) -> Fields {
        let (f, value) = match call.op {
            OffsetLogOp::Send(v) => ("send", v.to_string()),
            OffsetLogOp::Poll(from) => ("poll", from.to_string()),
        };
        Fields {
            f,
            key: call.key.clone(),
            value: Some(value),
        }
    }

    fn encode_return(call: &OffsetLogCall, ret: &OffsetLogReturn) -> Option<String> {
        match (ret, call.op) {
            (OffsetLogReturn::Offset(offset), OffsetLogOp::Send(v)) => Some(text(&(offset, v))),
            (OffsetLogReturn::Messages(all), _) => Some(text(all)),
            (OffsetLogReturn::Done | OffsetLogReturn::Offset(_), _) => None,
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<OffsetLogCall, String> {
        let op = match f {
            "send" => OffsetLogOp::Send(parse(f, value)?),
            "poll" => OffsetLogOp::Poll(parse_or_nothing(f, value)?.unwrap_or(0)),
            other => return Err(unknown("a log", other, "send and poll")),
        };
        Ok(OffsetLogCall { key, op })
    }

    fn decode_return(
        call: &OffsetLogCall,
        value: Option<&RawValue>,
    ) -> Result<OffsetLogReturn, String> {
        let OffsetLogOp::Send(sent) = call.op else {
            return Ok(OffsetLogReturn::Messages(parse("poll", value)?));
        };
        // Jepsen repeats the message where the offset is not known.
        let unknown = value.is_none_or(|v| v.get() == "null" || v.get() == sent.to_string());
        if unknown {
            return Ok(OffsetLogReturn::Done);
        }
        match parse::<(Option<u64>, i64)>("send", value)? {
            (_, other) if other != sent => Err(format!("send of {sent} came back as {other}")),
            (offset, _) => Ok(offset.map_or(OffsetLogReturn::Done, OffsetLogReturn::Offset)),
        }
    }

    fn key(call: &OffsetLogCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| OffsetLogCall {
            key: Some(Key::Int(4)),
            op,
        };
        let send = call(OffsetLogOp::Send(-3));
        there_and_back::<OffsetLog>(&send, &OffsetLogReturn::Offset(7));
        there_and_back::<OffsetLog>(&send, &OffsetLogReturn::Done);
        there_and_back::<OffsetLog>(
            &call(OffsetLogOp::Poll(7)),
            &OffsetLogReturn::Messages(vec![(7, -3), (8, 1)]),
        );
        assert_eq!(refused::<OffsetLog>("send", None), "send needs a \"value\"");
    }
}
