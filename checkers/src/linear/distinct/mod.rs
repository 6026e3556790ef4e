//! Linearizability of queues, stacks, priority queues and sets into which no value is put twice: sound and complete, in
//! O(n log n) for n calls, at any concurrency. Everything else is for [`search()`](super::search()). Models come here by
//! [`Object::shortcut`](super::Object::shortcut).
//!
//! Every element has a name of its own here, so a history falls apart into elements: when each went in, when it came
//! out. Between the end of its insertion and the start of its removal an element is *certainly inside*. Each of these
//! objects is judged by comparing such intervals; `queue`, `stack`, `priority` and `set` give the arguments, which are
//! short. An element whose insertion and removal overlap can go in and out in one moment, and constrains next to
//! nothing.
//!
//! **Projection.** Taking an element out of a legal order, with its insertion and its removal, leaves a legal order. So
//! the calls of some elements that are impossible by themselves prove a violation, which is what a [`Violation`] holds,
//! and a witness may be shrunk by whole elements.
//!
//! **Unknown outcomes.** An insertion of unknown outcome happened if its element came out, and then its end is
//! infinitely late; otherwise it is dropped: an element that never comes out can be taken from every legal order. A
//! removal of unknown outcome may have taken any element that never came out otherwise. Without these removals a legal
//! order is an order in which they never happened; and elements that did come out are not theirs: if *those*, and the
//! answers "empty", are impossible, they are so whatever the lost removals took. What lies between is
//! [`Decision::NotApplicable`]. In a set, where a removal names its element, unknown outcomes are always decided.
//!
//! **Sources.** Henzinger, Sezgin & Vafeiadis, "Aspect-oriented linearizability proofs" (CONCUR 2013): the violations
//! of a queue. Bouajjani, Emmi, Enea & Hamza, "On reducing linearizability to state reachability" (ICALP 2015): those
//! of a stack, found by saturation. Lee & Mathur, "Efficient decrease-and-conquer linearizability monitoring" (arXiv
//! 2410.04581): remove one element after the other that harms nobody, in log-linear time. Abdulla, Grahn, Jonsson,
//! Krishna & Mishra, "Efficient linearizability monitoring" (PLDI 2025, arXiv 2509.17795): counterexamples to earlier
//! proofs. The proofs here are our own, and all verdicts agree with the oracle of [`brute`](super::brute) on random
//! histories.

mod cover;
mod elements;
mod priority;
mod queue;
mod segments;
mod set;
mod stack;
mod violation;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod textbook;

use elements::Elements;
pub use set::{SetCall, SetWhat, set};
pub use violation::{Object, Pattern, Violation};

/// One call on a queue, a stack or a priority queue. Failed calls are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// What it did.
    pub what: What,
    /// When it was made. All starts and ends differ from each other, [`NEVER`](super::NEVER) apart.
    pub start: u32,
    /// When it was answered; [`NEVER`](super::NEVER) if nobody knows whether it happened.
    pub end: u32,
}

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Put this in: enqueue, push, insert.
    Insert(i64),
    /// Took this out: dequeue, pop, delete-min.
    Remove(i64),
    /// Wanted to take something out, and was told that nothing was there.
    Empty,
    /// Wanted to take something out, and its answer was lost.
    Lost,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// There is an order.
    Linearizable,
    /// There is none; each of these proves it alone, the most blatant first. Never empty; of many of one kind only the
    /// first [`SHOWN`] are here.
    Violation(Vec<Violation>),
    /// Not decided: a question for the search.
    NotApplicable(Reason),
}

/// How many violations of one kind are told.
pub const SHOWN: usize = 64;

/// Why there is no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Two calls tried to put this in.
    Repeated(i64),
    /// It depends on what the removals of unknown outcome took.
    LostRemoval,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Repeated(v) => write!(f, "{v} was put in more than once"),
            Self::LostRemoval => {
                f.write_str("the verdict depends on what a removal of unknown outcome took")
            }
        }
    }
}

/// Judges a queue, which gives out first what went in first. Empty at first. O(n log n).
///
/// ```
/// use schism_checkers::linear::distinct::{Call, Decision, Pattern, What, queue};
///
/// let call = |what, start, end| Call { what, start, end };
/// let calls = [
///     call(What::Insert(1), 0, 1),
///     call(What::Insert(2), 2, 3),
///     call(What::Remove(2), 4, 5),
///     call(What::Remove(1), 6, 7),
/// ];
/// let Decision::Violation(violations) = queue(&calls) else { panic!() };
/// assert_eq!(violations[0].pattern, Pattern::WrongOrder);
/// assert_eq!(violations[0].calls, [0, 1, 2, 3]);
/// ```
pub fn queue(calls: &[Call]) -> Decision {
    decide(Object::Queue, calls, queue::violations)
}

/// Judges a stack, which gives out first what went in last. Empty at first. O(n log n).
pub fn stack(calls: &[Call]) -> Decision {
    decide(Object::Stack, calls, stack::violations)
}

/// Judges a priority queue, which gives out the smallest value in it. Empty at first. O(n log n).
pub fn priority_queue(calls: &[Call]) -> Decision {
    decide(Object::PriorityQueue, calls, priority::violations)
}

fn decide(object: Object, calls: &[Call], judge: fn(&Elements) -> Vec<Violation>) -> Decision {
    let (mut elements, mut certain) = match Elements::new(object, calls) {
        Ok(ready) => ready,
        Err(reason) => return Decision::NotApplicable(reason),
    };
    let mut found = judge(&elements);
    if elements.lost && !found.is_empty() {
        elements.items.retain(|item| item.removal.is_some());
        found = judge(&elements);
        if found.is_empty() && certain.is_empty() {
            return Decision::NotApplicable(Reason::LostRemoval);
        }
    }
    certain.extend(found.into_iter().map(|v| v.shrunk(&elements, judge)));
    conclude(certain)
}

/// Few elements first, then wide margins: the easiest to believe.
fn conclude(mut violations: Vec<Violation>) -> Decision {
    if violations.is_empty() {
        return Decision::Linearizable;
    }
    violations.sort_by_key(|v| (v.values.len(), std::cmp::Reverse(v.margin), v.calls.clone()));
    violations.dedup_by(|a, b| a.calls == b.calls);
    Decision::Violation(violations)
}
