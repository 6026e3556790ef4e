//! Smallest impossible parts of an impossible history, for any [`Object`].
//!
//! Two things are sound. What was called after the moment at which no order was left may go, and what ended after it may
//! lose its answer: see [`One::question`]. And what the object's [`Marks`](super::Marks) permit may go, of which each
//! model gives its own proof. Everything else stays.
//!
//! Delta debugging (Zeller & Hildebrandt 2002) over *units*, the calls that go together: ever smaller stretches of them,
//! until none can go alone. A part that is too hard to judge counts as possible.

use std::rc::Rc;

use history::Index;

use super::{asked::One, object::Object, problem::Answer, search::search};
use crate::Budget;

/// What a part may cost, as a part of the whole budget.
const SHRINKING: u64 = 200;
/// The same for each of its calls, while stretches of more than one unit are tried. Without the calls that tell how things
/// stood, a history is often possible in so many ways that it is not worth to look at them.
const GUESSING: u64 = 256;
/// After so many calls in all parts that were looked at, it is enough.
const EFFORT: u64 = 5_000_000;

/// What is left of a history when nothing more can go.
pub(super) struct Reduced {
    pub(super) units: Units,
    /// Whether each part that lacks one unit more could be judged.
    complete: bool,
}

impl Reduced {
    /// Positions among the object's spans, in order, of the calls that matter until then.
    pub(super) fn witness<M: Object>(
        &self,
        one: &One<'_, M>,
        initial: &M,
        until: Index,
    ) -> Vec<usize> {
        let question = one.question(initial, |at| self.units.stays[at], Some(until));
        let mut witness: Vec<usize> = question.parts.iter().map(|p| p.span as usize).collect();
        witness.sort_unstable();
        witness.dedup();
        witness
    }

    /// Whether none of its units can go, and none of the calls stays only for want of a rule.
    pub(super) fn minimal(&self, witness: &[usize]) -> bool {
        self.complete && witness.iter().all(|at| self.units.of[*at].is_some())
    }
}

/// Reduces the history of an object of which it is known that no order is left after the event `until`.
pub(super) fn reduce<M: Object>(
    one: &One<'_, M>,
    initial: &M,
    until: Index,
    budget: Budget,
) -> Reduced {
    let mut effort = 0;
    let mut fails = |units: &Units, guessing: bool| {
        let question = one.question(initial, |at| units.stays[at], Some(until));
        effort += question.parts.len() as u64;
        let steps = match guessing {
            true => (budget.steps / SHRINKING).min(question.parts.len() as u64 * GUESSING),
            false => budget.steps / SHRINKING,
        };
        match effort {
            ..=EFFORT => match search(&question.problem, Budget { steps, ..budget }) {
                Answer::Violation { .. } => Some(true),
                Answer::Linearizable => Some(false),
                Answer::Exhausted { .. } => None,
            },
            _ => None,
        }
    };
    let mut units = Units::new(one);
    let late: Vec<u32> = (0..units.members.len() as u32)
        .filter(|u| {
            let mut members = units.members[*u as usize].iter();
            members.all(|at| one.spans[*at as usize].invoked > until)
        })
        .collect();
    units.remove(&late);
    let mut left = units.left();
    let mut stretch = left.len().max(1);
    loop {
        let (mut changed, mut complete) = (false, true);
        let mut from = 0;
        while from < left.len() {
            let to = (from + stretch).min(left.len());
            let mut fewer = units.clone();
            let possible = fewer.remove(&left[from..to]);
            let answer = if possible {
                fails(&fewer, stretch > 1)
            } else {
                Some(false)
            };
            complete &= answer.is_some();
            if answer == Some(true) {
                units = fewer;
                left = units.left();
                changed = true;
            } else {
                from = to;
            }
        }
        match stretch {
            1 if !changed => return Reduced { units, complete },
            1 => {}
            _ => stretch /= 2,
        }
    }
}

/// The calls that go together, and who is in their way.
#[derive(Clone)]
pub(super) struct Units {
    /// Of each call, whether it is still there.
    pub(super) stays: Vec<bool>,
    /// Of each call, its unit; `None` if it may not go.
    of: Rc<Vec<Option<u32>>>,
    members: Rc<Vec<Vec<u32>>>,
    /// Of each unit: whom its calls see.
    watching: Rc<Vec<Vec<u32>>>,
    /// Of each unit: how often one of its marks is seen by a call of another that is there.
    watched: Vec<u32>,
}

impl Units {
    pub(super) fn new<M: Object>(one: &One<'_, M>) -> Self {
        let marks = M::marks(&one.spans);
        let all = marks
            .iter()
            .flat_map(|m| m.made.iter().flatten().chain(&m.seen));
        let mut first_of = vec![None; all.max().map_or(0, |mark| *mark as usize + 1)];
        // Calls are joined to the first with the same mark.
        let mut joined: Vec<u32> = (0..marks.len() as u32).collect();
        let root = |joined: &mut Vec<u32>, mut at: u32| {
            while joined[at as usize] != at {
                joined[at as usize] = joined[joined[at as usize] as usize];
                at = joined[at as usize];
            }
            at
        };
        for (at, mark) in marks.iter().enumerate() {
            for made in mark.made.iter().flatten() {
                let first = *first_of[*made as usize].get_or_insert(at as u32);
                let (a, b) = (root(&mut joined, first), root(&mut joined, at as u32));
                joined[a.max(b) as usize] = a.min(b);
            }
        }
        let mut unit_of_root = vec![None; marks.len()];
        let mut members: Vec<Vec<u32>> = Vec::new();
        let mut of = vec![None; marks.len()];
        for (at, _) in marks.iter().enumerate().filter(|(_, m)| m.made.is_some()) {
            let root = root(&mut joined, at as u32) as usize;
            let unit = *unit_of_root[root].get_or_insert_with(|| {
                members.push(Vec::new());
                members.len() as u32 - 1
            });
            members[unit as usize].push(at as u32);
            of[at] = Some(unit);
        }
        let mut watched = vec![0; members.len()];
        let mut watching = vec![Vec::new(); members.len()];
        for (at, mark) in marks.iter().enumerate() {
            for seen in &mark.seen {
                let maker = first_of[*seen as usize].and_then(|first| of[first as usize]);
                let Some(maker) = maker.filter(|maker| Some(*maker) != of[at]) else {
                    continue;
                };
                watched[maker as usize] += 1;
                if let Some(own) = of[at] {
                    watching[own as usize].push(maker);
                }
            }
        }
        Self {
            stays: vec![true; marks.len()],
            of: Rc::new(of),
            members: Rc::new(members),
            watching: Rc::new(watching),
            watched,
        }
    }

    /// Some calls with those that go only together with them, in order.
    pub(super) fn whole(&self, calls: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut whole = Vec::new();
        for call in calls {
            match self.of[call] {
                Some(unit) => {
                    let members = self.members[unit as usize].iter();
                    whole.extend(members.map(|at| *at as usize));
                }
                None => whole.push(call),
            }
        }
        whole.sort_unstable();
        whole.dedup();
        whole
    }

    /// The units that are there.
    pub(super) fn left(&self) -> Vec<u32> {
        let there = |u: &u32| self.stays[self.members[*u as usize][0] as usize];
        (0..self.members.len() as u32).filter(there).collect()
    }

    /// Removes those of the units that may go, now or when others of them are gone; whether there were any.
    pub(super) fn remove(&mut self, unwanted: &[u32]) -> bool {
        let mut open: Vec<u32> = unwanted.to_vec();
        let mut wanted = vec![true; self.members.len()];
        unwanted.iter().for_each(|u| wanted[*u as usize] = false);
        let mut any = false;
        while let Some(unit) = open.pop() {
            let u = unit as usize;
            let gone = !self.stays[self.members[u][0] as usize];
            if gone || wanted[u] || self.watched[u] > 0 {
                continue;
            }
            any = true;
            for at in &self.members[u] {
                self.stays[*at as usize] = false;
            }
            for seen in &self.watching[u] {
                self.watched[*seen as usize] -= 1;
                if self.watched[*seen as usize] == 0 {
                    open.push(*seen);
                }
            }
        }
        any
    }
}
