//! From the calls of a model to those of the algorithms for distinct values, which need no search: see
//! [`distinct`](super::distinct).
//!
//! `None` says that a call is of a kind that these do not know, or that the object is not empty at first. That values are
//! put in twice is for them to say.

use history::ops::{Members, MembersOp, Queue, QueueOp, QueueReturn, Stack, StackOp, StackReturn};

use super::{
    NEVER, Problem,
    distinct::{self, Call, Decision, SetCall, SetWhat, What},
    model::Model,
    problem::{Class, Op},
};

/// The calls of a problem, by what they are called elsewhere.
fn translated<M: Model + Default, C>(
    problem: &Problem<M>,
    call: impl Fn(&Class<M>, Op) -> Option<C>,
) -> Option<Vec<C>> {
    let calls = problem.ops.iter().map(|op| {
        let class = &problem.classes[op.class as usize];
        // An answer to a call that perhaps never took effect is something that only the search understands.
        let known = op.end != NEVER;
        call(class, *op).filter(|_| known == class.ret.is_some())
    });
    (problem.initial == M::default())
        .then(|| calls.collect())
        .flatten()
}

/// Queues by `judge`, whatever comes out first.
pub(super) fn queue<M: Model<Op = Queue> + Default>(
    problem: &Problem<M>,
    judge: fn(&[Call]) -> Decision,
) -> Option<Decision> {
    let calls = translated(problem, |class, Op { start, end, .. }| {
        let what = match (class.call.op, &class.ret) {
            (QueueOp::Enqueue(v), None | Some(QueueReturn::Done)) => What::Insert(v),
            (QueueOp::Dequeue, Some(QueueReturn::Message(Some(v)))) => What::Remove(*v),
            (QueueOp::Dequeue, Some(QueueReturn::Message(None))) => What::Empty,
            (QueueOp::Dequeue, None) => What::Lost,
            _ => return None,
        };
        Some(Call { what, start, end })
    })?;
    Some(judge(&calls))
}

/// Stacks.
pub(super) fn stack<M: Model<Op = Stack> + Default>(problem: &Problem<M>) -> Option<Decision> {
    let calls = translated(problem, |class, Op { start, end, .. }| {
        let what = match (class.call.op, &class.ret) {
            (StackOp::Push(v), None | Some(StackReturn::Done)) => What::Insert(v),
            (StackOp::Pop, Some(StackReturn::Item(Some(v)))) => What::Remove(*v),
            (StackOp::Pop, Some(StackReturn::Item(None))) => What::Empty,
            (StackOp::Pop, None) => What::Lost,
            _ => return None,
        };
        Some(Call { what, start, end })
    })?;
    Some(distinct::stack(&calls))
}

/// Sets of which one asks about one element at a time.
pub(super) fn members<M: Model<Op = Members> + Default>(problem: &Problem<M>) -> Option<Decision> {
    let calls = translated(problem, |class, Op { start, end, .. }| {
        let told = match class.ret {
            // That it is done says nothing of what was there before.
            Some(ret) => Some(ret.0?),
            None => None,
        };
        let what = match (class.call.op, told) {
            (MembersOp::Add(v), Some(true) | None) => SetWhat::Add(v),
            (MembersOp::Remove(v), Some(true) | None) => SetWhat::Remove(v),
            (MembersOp::Add(v), Some(false)) | (MembersOp::Contains(v), Some(true)) => {
                SetWhat::Present(v)
            }
            (MembersOp::Remove(v) | MembersOp::Contains(v), Some(false)) => SetWhat::Absent(v),
            (MembersOp::Contains(_), None) => return None,
        };
        Some(SetCall { what, start, end })
    })?;
    Some(distinct::set(&calls))
}
