//! Logs with offsets.

use history::{
    Span,
    ops::{OffsetLog, OffsetLogCall, OffsetLogOp, OffsetLogReturn},
};

use crate::linear::{Calls, Effect, Model, Object, once};

/// The messages of a log, the first at offset 0, without gaps. A poll sees the messages from its offset on, up to any
/// number but none, unless there are none.
///
/// Witnesses lose polls only: without a message all later ones would have other offsets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Offsets(Vec<i64>);

impl Model for Offsets {
    type Op = OffsetLog;

    fn step(&self, call: &OffsetLogCall, ret: Option<&OffsetLogReturn>) -> Option<Self> {
        let mut next = self.clone();
        let fits = match (call.op, ret) {
            (OffsetLogOp::Send(v), ret) => {
                next.0.push(v);
                let offset = OffsetLogReturn::Offset(self.0.len() as u64);
                !matches!(ret, Some(OffsetLogReturn::Offset(_))) || ret == Some(&offset)
            }
            (OffsetLogOp::Poll(from), Some(OffsetLogReturn::Messages(seen))) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                let rest = self.0.get(from..).unwrap_or_default();
                let there = (from as u64..).zip(rest.iter().copied());
                seen.len() <= rest.len()
                    && seen.is_empty() == rest.is_empty()
                    && seen.iter().copied().eq(there.take(seen.len()))
            }
            (OffsetLogOp::Poll(_), _) => true,
        };
        fits.then_some(next)
    }

    fn effect(call: &OffsetLogCall) -> Effect {
        match call.op {
            OffsetLogOp::Send(_) => Effect::Updates,
            OffsetLogOp::Poll(_) => Effect::Observes,
        }
    }
}

impl Object for Offsets {
    const NAME: &'static str = "log";
    type Recorded = OffsetLog;

    fn initially(_: Option<i64>) -> Self {
        Self::default()
    }

    fn asked(span: &Span<OffsetLog>, _: usize) -> Calls<Self::Op> {
        once(span)
    }
}
