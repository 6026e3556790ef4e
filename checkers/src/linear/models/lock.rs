//! Locks: with and without owners, reentrant, and with fencing tokens.
//!
//! Refused calls are recorded as failed, and constrain nothing. An owner is a *process*: whoever loses the outcome of a call
//! goes on as another, and what it held it holds for ever, unless the lost call was the release. A system that takes a
//! lock back when a lease ends or a session breaks is not a mutex by these models; [`MutualExclusion`] knows leases.
//!
//! [`MutualExclusion`]: crate::MutualExclusion

use std::{collections::BTreeMap, marker::PhantomData};

use history::{
    Operation, Outcome, Process, Span,
    ops::{Lock, LockCall, LockOp, LockReturn},
};

use crate::linear::{Calls, Marks, Model, Names, Object, once};

/// An operation of which it matters who calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Owned<O>(PhantomData<O>);

/// A call, and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedCall<C> {
    /// Who.
    pub by: Process,
    /// What.
    pub call: C,
}

impl<O: Operation> Operation for Owned<O> {
    type Call = OwnedCall<O::Call>;
    type Return = O::Return;
}

/// A lock that is held or not; anyone may release it. Witnesses keep all calls: which release goes with which acquire is
/// not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mutex {
    held: bool,
}

impl Model for Mutex {
    type Op = Lock;

    fn step(&self, call: &LockCall, _: Option<&LockReturn>) -> Option<Self> {
        let acquires = call.op == LockOp::Acquire;
        (self.held != acquires).then_some(Self { held: acquires })
    }
}

impl Object for Mutex {
    const NAME: &'static str = "mutex";
    type Recorded = Lock;

    fn initially(_: Option<i64>) -> Self {
        Self::default()
    }

    fn asked(span: &Span<Lock>, _: usize) -> Calls<Self::Op> {
        once(span)
    }
}

/// A lock that only its owner may release.
///
/// Here and in the two models below, a process's calls from an acquire of the free lock to the release that frees it may
/// leave a witness together. In any order nobody else's calls stand between them, and the lock is free before and after;
/// if it is never freed, nothing comes after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct OwnerMutex(Option<Process>);

impl Model for OwnerMutex {
    type Op = Owned<Lock>;

    fn step(&self, call: &OwnedCall<LockCall>, _: Option<&LockReturn>) -> Option<Self> {
        match call.call.op {
            LockOp::Acquire => self.0.is_none().then_some(Self(Some(call.by))),
            LockOp::Release => (self.0 == Some(call.by)).then_some(Self(None)),
        }
    }
}

/// A lock that its owner may acquire again, and must release as often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ReentrantMutex(Option<(Process, u32)>);

impl Model for ReentrantMutex {
    type Op = Owned<Lock>;

    fn step(&self, call: &OwnedCall<LockCall>, _: Option<&LockReturn>) -> Option<Self> {
        let depth = match self.0 {
            None => 0,
            Some((owner, depth)) if owner == call.by => depth,
            Some(_) => return None,
        };
        let depth = match call.call.op {
            LockOp::Acquire => depth + 1,
            LockOp::Release => depth.checked_sub(1)?,
        };
        Some(Self((depth > 0).then_some((call.by, depth))))
    }
}

/// An owner mutex that gives out fencing tokens, each larger than those before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FencedMutex {
    owner: Option<Process>,
    token: Option<i64>,
}

impl Model for FencedMutex {
    type Op = Owned<Lock>;

    fn step(&self, call: &OwnedCall<LockCall>, ret: Option<&LockReturn>) -> Option<Self> {
        let token = match ret {
            Some(LockReturn::Token(token)) if Some(*token) <= self.token => return None,
            Some(LockReturn::Token(token)) => Some(*token),
            Some(LockReturn::Done) | None => self.token,
        };
        let owner = OwnerMutex(self.owner).step(call, ret)?.0;
        Some(Self { owner, token })
    }
}

/// A recorded call, with its owner.
fn owned(span: &Span<Lock>) -> Calls<Owned<Lock>> {
    let call = OwnedCall {
        by: span.process,
        call: span.call.clone(),
    };
    let ret = match &span.outcome {
        Outcome::Ok(ret) => Some(ret.clone()),
        Outcome::Fail(_) | Outcome::Info(_) => None,
    };
    Calls::<Owned<Lock>>::from_iter([(call, ret)])
}

/// Marks calls with the times for which their processes hold the lock.
fn tenures(spans: &[&Span<Lock>], reentrant: bool) -> Vec<Marks> {
    let mut names = Names::default();
    let mut tenures: BTreeMap<_, (u32, u32)> = BTreeMap::new();
    let marks = spans.iter().map(|span| {
        let who = (span.call.key.as_ref(), span.process);
        let (tenure, depth) = tenures.entry(who).or_default();
        let mut marks = Marks::alone();
        marks.makes(names.number((who, *tenure)));
        *depth = match span.call.op {
            LockOp::Acquire => *depth + 1,
            LockOp::Release if reentrant => depth.saturating_sub(1),
            LockOp::Release => 0,
        };
        *tenure += u32::from(*depth == 0);
        marks
    });
    marks.collect()
}

macro_rules! owned {
    ($model:ty, $name:literal, $reentrant:literal) => {
        impl Object for $model {
            const NAME: &'static str = $name;
            type Recorded = Lock;

            fn initially(_: Option<i64>) -> Self {
                Self::default()
            }

            fn asked(span: &Span<Lock>, _: usize) -> Calls<Self::Op> {
                owned(span)
            }

            fn marks(spans: &[&Span<Lock>]) -> Vec<Marks> {
                tenures(spans, $reentrant)
            }
        }
    };
}

owned!(OwnerMutex, "owner-mutex", false);
owned!(ReentrantMutex, "reentrant-mutex", true);
owned!(FencedMutex, "fenced-mutex", false);
