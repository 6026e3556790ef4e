//! Stacks.

use history::{
    Outcome, Span,
    ops::{Stack, StackCall, StackOp, StackReturn},
};

use crate::linear::{
    Calls, Marks, Model, Names, Object, Problem, distinct::Decision, once, shortcut,
};

/// Last in, first out. What may leave a witness is what may leave that of a queue: see [`Fifo`](super::Fifo)'s file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastInFirstOut(Vec<i64>);

impl Model for LastInFirstOut {
    type Op = Stack;

    fn step(&self, call: &StackCall, ret: Option<&StackReturn>) -> Option<Self> {
        let mut next = self.clone();
        match call.op {
            StackOp::Push(v) => next.0.push(v),
            StackOp::Pop => {
                let taken = next.0.pop();
                if matches!(ret, Some(StackReturn::Item(told)) if *told != taken) {
                    return None;
                }
            }
        }
        Some(next)
    }
}

impl Object for LastInFirstOut {
    const NAME: &'static str = "stack";
    type Recorded = Stack;

    fn initially(_: Option<i64>) -> Self {
        Self::default()
    }

    fn asked(span: &Span<Stack>, _: usize) -> Calls<Self::Op> {
        once(span)
    }

    fn shortcut(problem: &Problem<Self>) -> Option<Decision> {
        shortcut::stack(problem)
    }

    fn marks(spans: &[&Span<Stack>]) -> Vec<Marks> {
        let mut names = Names::default();
        let marks = spans
            .iter()
            .map(|span| match (span.call.op, &span.outcome) {
                (StackOp::Push(v), _) => Marks::making([names.number(v)]),
                (StackOp::Pop, Outcome::Ok(StackReturn::Item(v))) => {
                    Marks::making(v.iter().map(|v| names.number(*v)))
                }
                (StackOp::Pop, _) => Marks::staying(),
            });
        marks.collect()
    }
}
