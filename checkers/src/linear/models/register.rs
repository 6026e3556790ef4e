//! Registers: as certificates know those that [`Linearizable`](crate::Linearizable) judges, and those with versions.

use history::{
    Register, Span,
    ops::{Versioned, VersionedCall, VersionedOp, VersionedReturn},
};

use crate::linear::{Calls, CasRegister, Effect, Model, Object, once};

/// What else may leave a witness of registers is for [`Linearizable`](crate::Linearizable) to know.
impl Object for CasRegister {
    const NAME: &'static str = "cas-register";
    type Recorded = Register;

    fn initially(value: Option<i64>) -> Self {
        Self(value)
    }

    fn asked(span: &Span<Register>, _: usize) -> Calls<Register> {
        once(span)
    }
}

/// A register whose version is the number of times it was written. Whatever a return says of the version must be so; what
/// it leaves out constrains nothing.
///
/// Witnesses lose reads only: each mutation counts in the version of all later ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct VersionedRegister {
    version: u64,
    value: Option<i64>,
}

impl Model for VersionedRegister {
    type Op = Versioned;

    fn step(&self, call: &VersionedCall, ret: Option<&VersionedReturn>) -> Option<Self> {
        let written = |to| Self {
            version: self.version + 1,
            value: Some(to),
        };
        let next = match call.op {
            VersionedOp::Read if ret.is_some_and(|ret| ret.value != self.value) => return None,
            VersionedOp::Read => *self,
            VersionedOp::Write(to) => written(to),
            VersionedOp::Cas { from, to } if self.value == Some(from) => written(to),
            VersionedOp::Cas { .. } => return None,
        };
        let told = ret.and_then(|ret| ret.version);
        told.is_none_or(|told| told == next.version).then_some(next)
    }

    fn effect(call: &VersionedCall) -> Effect {
        match call.op {
            VersionedOp::Read => Effect::Observes,
            VersionedOp::Write(_) | VersionedOp::Cas { .. } => Effect::Updates,
        }
    }
}

impl Object for VersionedRegister {
    const NAME: &'static str = "versioned-register";
    type Recorded = Versioned;

    fn initially(value: Option<i64>) -> Self {
        Self { version: 0, value }
    }

    fn asked(span: &Span<Versioned>, _: usize) -> Calls<Self::Op> {
        once(span)
    }
}
