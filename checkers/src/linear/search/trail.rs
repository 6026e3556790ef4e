//! From a search that found an order to that order.
//!
//! With each configuration goes the *trail* of the calls that took effect for good on the way to it, each with the return
//! at which that was decided: just before that return, and after all that was decided earlier. That order respects real
//! time, since a call that takes effect then was called before, and has not returned yet.
//!
//! The others were free when they returned. Each finds a place between two calls of the trail, at a time at which it was
//! open: where it changes nothing, or, if it overwrites, right before one that overwrites, too. Those in one place stand in
//! the order of their calls. Of two in different places, or a free one and one of the trail, each place is the time of
//! a moment at which the call was open, and these moments are in order; so real time is respected.

use super::{
    super::{
        NEVER,
        model::{Effect, Model},
        problem::Problem,
    },
    NONE,
};

/// What took effect.
#[derive(Clone, Copy)]
pub(super) enum Used {
    /// The call in a slot.
    Slot(u32),
    /// One of the calls of a class with unknown outcome.
    Class(u32),
}

/// Set in [`Step::what`] where that is a class.
const CLASS: u32 = 1 << 31;

struct Step {
    /// The step before, or [`NONE`].
    before: u32,
    /// The number of a call, or of a class with [`CLASS`].
    what: u32,
    /// The return at which it was decided.
    at: u32,
}

/// The trails of all configurations, which share their beginnings.
#[derive(Default)]
pub(super) struct Trails {
    steps: Vec<Step>,
    /// The return at which things are being decided.
    pub(super) now: u32,
}

impl Trails {
    pub(super) fn call(&mut self, before: u32, call: u32) -> u32 {
        self.steps.push(Step {
            before,
            what: call,
            at: self.now,
        });
        (self.steps.len() - 1) as u32
    }

    pub(super) fn class(&mut self, before: u32, class: u32) -> u32 {
        self.call(before, class | CLASS)
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.steps.capacity() * size_of::<Step>()) as u64
    }

    /// The order of all calls in which those of a trail take effect in its order.
    pub(super) fn order<M: Model>(self, problem: &Problem<M>, last: u32) -> Option<Vec<u32>> {
        let trail = self.trail(problem, last);
        let mut used = vec![false; problem.ops.len()];
        let mut state = problem.foreseen();
        let mut states = vec![state.clone()];
        for (call, _) in &trail {
            used[*call as usize] = true;
            let class = problem.ops[*call as usize].class;
            state = problem.classes[class as usize].step(&state)?;
            states.push(state.clone());
        }
        // Of each place, the calls that change nothing there, and those that are overwritten by what comes next.
        let mut still: Vec<Vec<u32>> = vec![Vec::new(); states.len()];
        let mut overwritten: Vec<Vec<u32>> = vec![Vec::new(); states.len()];
        for (number, op) in problem.ops.iter().enumerate() {
            if used[number] || op.end == NEVER {
                continue;
            }
            let class = &problem.classes[op.class as usize];
            let from = trail.partition_point(|(_, at)| *at < op.start);
            let to = trail.partition_point(|(_, at)| *at <= op.end);
            let stays =
                |place: &usize| class.step(&states[*place]).as_ref() == Some(&states[*place]);
            let overwrites = |place: &usize| {
                let next = &problem.ops[trail[*place].0 as usize];
                problem.classes[next.class as usize].effect == Effect::Overwrites
            };
            if let Some(place) = (from..=to).find(stays) {
                still[place].push(number as u32);
            } else {
                let mut places = (from..to).filter(|_| class.effect == Effect::Overwrites);
                overwritten[places.find(overwrites)?].push(number as u32);
            }
        }
        let mut order = Vec::with_capacity(problem.ops.len());
        for place in 0..states.len() {
            order.append(&mut still[place]);
            order.append(&mut overwritten[place]);
            order.extend(trail.get(place).map(|(call, _)| *call));
        }
        Some(order)
    }

    /// The calls of a trail with the returns at which they were decided. Of a class with unknown outcomes, those that were
    /// called first took effect first.
    fn trail<M: Model>(self, problem: &Problem<M>, last: u32) -> Vec<(u32, u32)> {
        let mut trail = Vec::new();
        let mut at = last;
        while at != NONE {
            let step = &self.steps[at as usize];
            trail.push((step.what, step.at));
            at = step.before;
        }
        trail.reverse();
        let mut unknown: Vec<Vec<u32>> = vec![Vec::new(); problem.classes.len()];
        for (number, op) in problem.ops.iter().enumerate().rev() {
            if op.end == NEVER {
                unknown[op.class as usize].push(number as u32);
            }
        }
        for (what, _) in trail.iter_mut().filter(|(what, _)| what & CLASS != 0) {
            let next = unknown[(*what & !CLASS) as usize].pop();
            *what = next.expect("no more take effect than were called");
        }
        trail
    }
}
