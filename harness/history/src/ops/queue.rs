//! Queues: enqueue, dequeue, and drain, which dequeues until nothing is left. Jepsen's `total-queue`.

use serde_json::value::RawValue;

use super::json::{parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent queues of integers, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue;

/// What a queue is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCall {
    /// Which queue; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: QueueOp,
}

/// What one can do with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueOp {
    /// Puts this in.
    Enqueue(i64),
    /// Takes one out.
    Dequeue,
    /// Takes out whatever there is, until it is empty.
    Drain,
}

/// What a queue answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueReturn {
    /// It is in.
    Done,
    /// This was taken out; `None` if it was empty.
    Message(Option<i64>),
    /// These were taken out, and then it was empty.
    Messages(Vec<i64>),
}

impl Operation for Queue {
    type Call = QueueCall;
    type Return = QueueReturn;
}

impl Codec for Queue {
    fn encode_call(call: &QueueCall) -> Fields {
        let (f, value) = match call.op {
            QueueOp::Enqueue(v) => ("enqueue", Some(v.to_string())),
            QueueOp::Dequeue => ("dequeue", None),
            QueueOp::Drain => ("drain", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &QueueCall, ret: &QueueReturn) -> Option<String> {
        match ret {
            QueueReturn::Done => None,
            QueueReturn::Message(message) => Some(text(message)),
            QueueReturn::Messages(all) => Some(text(all)),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<QueueCall, String> {
        let op = match f {
            "enqueue" => QueueOp::Enqueue(parse(f, value)?),
            "dequeue" => QueueOp::Dequeue,
            "drain" => QueueOp::Drain,
            other => return Err(unknown("a queue", other, "enqueue, dequeue and drain")),
        };
        Ok(QueueCall { key, op })
    }

    fn decode_return(call: &QueueCall, value: Option<&RawValue>) -> Result<QueueReturn, String> {
        match call.op {
            QueueOp::Enqueue(_) => Ok(QueueReturn::Done),
            QueueOp::Dequeue => Ok(QueueReturn::Message(parse_or_nothing("dequeue", value)?)),
            QueueOp::Drain => Ok(QueueReturn::Messages(parse("drain", value)?)),
        }
    }

    fn key(call: &QueueCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| QueueCall { key: None, op };
        there_and_back::<Queue>(&call(QueueOp::Enqueue(3)), &QueueReturn::Done);
        there_and_back::<Queue>(&call(QueueOp::Dequeue), &QueueReturn::Message(Some(3)));
        there_and_back::<Queue>(&call(QueueOp::Dequeue), &QueueReturn::Message(None));
        there_and_back::<Queue>(&call(QueueOp::Drain), &QueueReturn::Messages(vec![3, 4]));
        assert_eq!(
            refused::<Queue>("enqueue", None),
            "enqueue needs a \"value\""
        );
    }
}
