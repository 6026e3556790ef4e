//! Semaphores: take permits and give them back. Jepsen's functions for them, `acquire` and `release`, take one permit each
//! where no number is given.

use serde_json::value::RawValue;

use super::json::{parse_or_nothing, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent semaphores, with all permits there at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Semaphore;

/// What a semaphore is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemaphoreCall {
    /// Which semaphore; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: SemaphoreOp,
}

/// What one can do with a semaphore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SemaphoreOp {
    /// Takes so many permits. [`Outcome::Fail`](crate::Outcome::Fail) if there are not as many.
    Acquire(u32),
    /// Gives so many back.
    Release(u32),
}

impl Operation for Semaphore {
    type Call = SemaphoreCall;
    /// Taken, or given back.
    type Return = ();
}

impl Codec for Semaphore {
    fn encode_call(call: &SemaphoreCall) -> Fields {
        let (f, permits) = match call.op {
            SemaphoreOp::Acquire(permits) => ("acquire", permits),
            SemaphoreOp::Release(permits) => ("release", permits),
        };
        Fields {
            f,
            key: call.key.clone(),
            value: Some(permits.to_string()),
        }
    }

    fn encode_return(_: &SemaphoreCall, (): &()) -> Option<String> {
        None
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<SemaphoreCall, String> {
        let permits = || Ok::<_, String>(parse_or_nothing(f, value)?.unwrap_or(1));
        let op = match f {
            "acquire" => SemaphoreOp::Acquire(permits()?),
            "release" => SemaphoreOp::Release(permits()?),
            other => return Err(unknown("a semaphore", other, "acquire and release")),
        };
        Ok(SemaphoreCall { key, op })
    }

    fn decode_return(_: &SemaphoreCall, _: Option<&RawValue>) -> Result<(), String> {
        Ok(())
    }

    fn key(call: &SemaphoreCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| SemaphoreCall { key: None, op };
        there_and_back::<Semaphore>(&call(SemaphoreOp::Acquire(2)), &());
        there_and_back::<Semaphore>(&call(SemaphoreOp::Release(1)), &());
        let one = Semaphore::decode_call("acquire", None, None);
        assert_eq!(one, Ok(call(SemaphoreOp::Acquire(1))));
        assert_eq!(
            refused::<Semaphore>("acquire", Some("-1")),
            "acquire cannot have the value -1"
        );
    }
}
