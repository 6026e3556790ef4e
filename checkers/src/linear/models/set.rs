//! Sets: those that are read whole, and those that are asked about one element at a time.

use std::collections::BTreeSet;

use history::{
    Outcome, Span,
    ops::{Members, MembersCall, MembersOp, MembersReturn, Set, SetCall, SetOp, SetReturn},
};

use crate::linear::{
    Calls, Effect, Marks, Model, Names, Object, Problem, distinct::Decision, once, shortcut,
};

/// A set that only grows. A read says all that is in it, each once.
///
/// The additions of an element may leave a witness if no read that stays saw it: in any order, those reads come before
/// it was there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Elements(BTreeSet<i64>);

impl Model for Elements {
    type Op = Set;

    fn step(&self, call: &SetCall, ret: Option<&SetReturn>) -> Option<Self> {
        let mut next = self.clone();
        match (call.op, ret) {
            (SetOp::Add(v), _) => {
                next.0.insert(v);
            }
            (SetOp::Read, Some(SetReturn::Elements(seen))) => {
                let same = seen.len() == self.0.len() && seen.iter().all(|v| self.0.contains(v));
                let once = || seen.iter().collect::<BTreeSet<_>>().len() == seen.len();
                if !same || !once() {
                    return None;
                }
            }
            (SetOp::Read, _) => {}
        }
        Some(next)
    }

    fn effect(call: &SetCall) -> Effect {
        match call.op {
            SetOp::Add(_) => Effect::Updates,
            SetOp::Read => Effect::Observes,
        }
    }
}

impl Object for Elements {
    const NAME: &'static str = "set";
    type Recorded = Set;

    fn initially(_: Option<i64>) -> Self {
        Self::default()
    }

    fn asked(span: &Span<Set>, _: usize) -> Calls<Self::Op> {
        once(span)
    }

    fn marks(spans: &[&Span<Set>]) -> Vec<Marks> {
        let mut names = Names::default();
        let marks = spans.iter().map(|span| {
            let mut marks = Marks::alone();
            match (span.call.op, &span.outcome) {
                (SetOp::Add(v), _) => marks.makes(names.number(v)),
                (SetOp::Read, Outcome::Ok(SetReturn::Elements(seen))) => {
                    seen.iter().for_each(|v| marks.sees(names.number(*v)));
                }
                (SetOp::Read, _) => {}
            }
            marks
        });
        marks.collect()
    }
}

/// A set that is asked about one element at a time. The additions and removals of an element may leave a witness together,
/// if no call that stays asks whether it is there: nothing else depends on them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Membership(BTreeSet<i64>);

impl Model for Membership {
    type Op = Members;

    fn step(&self, call: &MembersCall, ret: Option<&MembersReturn>) -> Option<Self> {
        let mut next = self.clone();
        let yes = match call.op {
            MembersOp::Add(v) => next.0.insert(v),
            MembersOp::Remove(v) => next.0.remove(&v),
            MembersOp::Contains(v) => next.0.contains(&v),
        };
        let told = ret.and_then(|ret| ret.0);
        told.is_none_or(|told| told == yes).then_some(next)
    }

    fn effect(call: &MembersCall) -> Effect {
        match call.op {
            MembersOp::Add(_) | MembersOp::Remove(_) => Effect::Updates,
            MembersOp::Contains(_) => Effect::Observes,
        }
    }
}

impl Object for Membership {
    const NAME: &'static str = "members";
    type Recorded = Members;

    fn initially(_: Option<i64>) -> Self {
        Self::default()
    }

    fn asked(span: &Span<Members>, _: usize) -> Calls<Self::Op> {
        once(span)
    }

    fn shortcut(problem: &Problem<Self>) -> Option<Decision> {
        shortcut::members(problem)
    }

    fn marks(spans: &[&Span<Members>]) -> Vec<Marks> {
        let mut names = Names::default();
        let marks = spans.iter().map(|span| {
            let element = names.number(span.call.op.element());
            let mut marks = Marks::alone();
            match span.call.op {
                MembersOp::Contains(_) => marks.sees(element),
                MembersOp::Add(_) | MembersOp::Remove(_) => marks.makes(element),
            }
            marks
        });
        marks.collect()
    }
}
