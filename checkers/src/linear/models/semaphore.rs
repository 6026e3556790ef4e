//! Semaphores.

use history::{
    Span,
    ops::{Semaphore, SemaphoreCall, SemaphoreOp},
};

use crate::linear::{Calls, Model, Object, once};

/// Permits that are taken and given back, by whoever has them: a client may give back what another took, but never more
/// than all that was taken. Witnesses keep all calls, as those of a [`Mutex`](super::Mutex) do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permits {
    all: u64,
    taken: u64,
}

impl Model for Permits {
    type Op = Semaphore;

    fn step(&self, call: &SemaphoreCall, _: Option<&()>) -> Option<Self> {
        let taken = match call.op {
            SemaphoreOp::Acquire(n) => self.taken + u64::from(n),
            SemaphoreOp::Release(n) => self.taken.checked_sub(u64::from(n))?,
        };
        (taken <= self.all).then_some(Self { taken, ..*self })
    }
}

impl Object for Permits {
    const NAME: &'static str = "semaphore";
    type Recorded = Semaphore;

    /// With so many permits; one, if that is not said.
    fn initially(permits: Option<i64>) -> Self {
        Self {
            all: permits.map_or(1, |n| u64::try_from(n).unwrap_or(0)),
            taken: 0,
        }
    }

    fn asked(span: &Span<Semaphore>, _: usize) -> Calls<Self::Op> {
        once(span)
    }
}
