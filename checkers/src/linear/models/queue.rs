//! Queues: first in, first out; in any order; the least first.
//!
//! A drain is not one call but many: as many dequeues as there are messages in its answer, and one that found nothing. They
//! share its window; that they came one after the other is not used, so that a drain is never judged too strictly. One with
//! an unknown outcome may have taken any number of messages.
//!
//! **What may leave a witness** (of stacks, too): all calls about one message together, that is, those that put it in and
//! those that took it out; and a dequeue that found nothing. Take an order of all calls and, in each state, strike that
//! message out. What was first, last or least of the rest is so still, and what was empty is empty. A dequeue whose answer
//! nobody knows did not happen then, if it was that message that it took.

use std::collections::VecDeque;

use history::{
    Outcome, Span,
    ops::{Queue, QueueCall, QueueOp, QueueReturn},
};

use crate::linear::{
    Calls, Marks, Model, Names, Object, Problem,
    distinct::{self, Decision},
    once, shortcut,
};

/// First in, first out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Fifo(VecDeque<i64>);

/// In any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Bag(Vec<i64>);

/// The least first. Messages are their own priorities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LeastFirst(Vec<i64>);

/// Whether a dequeue can have returned this, if this is what it took.
fn fits(ret: Option<&QueueReturn>, taken: Option<i64>) -> bool {
    !matches!(ret, Some(QueueReturn::Message(told)) if *told != taken)
}

impl Model for Fifo {
    type Op = Queue;

    fn step(&self, call: &QueueCall, ret: Option<&QueueReturn>) -> Option<Self> {
        let mut next = self.clone();
        match call.op {
            QueueOp::Enqueue(v) => next.0.push_back(v),
            QueueOp::Dequeue | QueueOp::Drain => {
                let taken = next.0.pop_front();
                if !fits(ret, taken) {
                    return None;
                }
            }
        }
        Some(next)
    }
}

/// Of a dequeue whose answer nobody knows, nobody knows what it took, either; here it takes the least. That is no loss. In
/// an order of all calls such a dequeue may wait until right before the next one that found nothing, or for ever: what it
/// took is only more to choose from for those in between. Right before a dequeue that found nothing, such ones must take
/// all there is, whichever takes which.
impl Model for Bag {
    type Op = Queue;

    fn step(&self, call: &QueueCall, ret: Option<&QueueReturn>) -> Option<Self> {
        let mut next = self.clone();
        match (call.op, ret) {
            (QueueOp::Enqueue(v), _) => {
                let at = next.0.partition_point(|w| *w < v);
                next.0.insert(at, v);
            }
            (_, Some(QueueReturn::Message(Some(v)))) => {
                let at = next.0.binary_search(v).ok()?;
                next.0.remove(at);
            }
            (_, Some(QueueReturn::Message(None))) if !next.0.is_empty() => return None,
            (_, _) if next.0.is_empty() => {}
            (_, _) => {
                next.0.remove(0);
            }
        }
        Some(next)
    }
}

impl Model for LeastFirst {
    type Op = Queue;

    fn step(&self, call: &QueueCall, ret: Option<&QueueReturn>) -> Option<Self> {
        let mut next = self.clone();
        if let QueueOp::Enqueue(v) = call.op {
            let at = next.0.partition_point(|w| *w < v);
            next.0.insert(at, v);
            return Some(next);
        }
        let taken = (!next.0.is_empty()).then(|| next.0.remove(0));
        fits(ret, taken).then_some(next)
    }
}

/// A recorded call, drains taken apart.
fn asked(span: &Span<Queue>, peers: usize) -> Calls<Queue> {
    let dequeue = || QueueCall {
        key: span.call.key.clone(),
        op: QueueOp::Dequeue,
    };
    let took = |message| (dequeue(), Some(QueueReturn::Message(message)));
    match (span.call.op, &span.outcome) {
        (QueueOp::Drain, Outcome::Ok(QueueReturn::Messages(all))) => {
            let taken = all.iter().map(|v| Some(*v)).chain([None]);
            taken.map(took).collect()
        }
        // No more than there can be messages.
        (QueueOp::Drain, _) => std::iter::repeat_n((dequeue(), None), peers).collect(),
        _ => once(span),
    }
}

/// Marks calls with the messages they are about.
fn messages(spans: &[&Span<Queue>]) -> Vec<Marks> {
    let mut names = Names::default();
    let marks = spans
        .iter()
        .map(|span| match (span.call.op, &span.outcome) {
            (QueueOp::Enqueue(v), _) => Marks::making([names.number(v)]),
            (_, Outcome::Ok(QueueReturn::Message(v))) => {
                Marks::making(v.iter().map(|v| names.number(*v)))
            }
            (_, Outcome::Ok(QueueReturn::Messages(all))) => {
                Marks::making(all.iter().map(|v| names.number(*v)))
            }
            (_, _) => Marks::staying(),
        });
    marks.collect()
}

macro_rules! queue {
    ($model:ty, $name:literal $(, $distinct:path)?) => {
        impl Object for $model {
            const NAME: &'static str = $name;
            type Recorded = Queue;

            fn initially(_: Option<i64>) -> Self {
                Self::default()
            }

            fn asked(span: &Span<Queue>, peers: usize) -> Calls<Self::Op> {
                asked(span, peers)
            }

            fn marks(spans: &[&Span<Queue>]) -> Vec<Marks> {
                messages(spans)
            }

            $(fn shortcut(problem: &Problem<Self>) -> Option<Decision> {
                shortcut::queue(problem, $distinct)
            })?
        }
    };
}

queue!(Fifo, "fifo-queue", distinct::queue);
queue!(Bag, "unordered-queue");
queue!(LeastFirst, "priority-queue", distinct::priority_queue);
