//! Linearizability of anything with a [`Model`]: sound and complete, until the budget ends.
//!
//! Just-in-time linearization (Lowe, "Testing for linearizability", 2017, section 5): walk through the record and keep
//! every *configuration* that is still possible: a state of the model, and which of the calls that are open took
//! effect. Nothing is decided before it must be: only when a call returns, the configurations in which it has not taken
//! effect are extended by open calls, in all orders that end with it. No configuration left: no order exists.
//!
//! Exponential in the number of open calls at worst; what follows keeps it small. An open call is in one of three
//! conditions in each configuration:
//!
//! - *due*: it has not taken effect, and must before it returns;
//! - *used*: it took effect, and others depend on it;
//! - *free*: there was a moment since its invocation at which it could have taken effect without a trace. It may return,
//!   as if it had been there, or still take effect for good, later.
//!
//! A call becomes free when the state is one that it would not change (a read that fits; a write of what is there), and,
//! if it [overwrites](Effect::Overwrites), when another such call takes effect, even one that leaves the state as it is:
//! it goes right before that one. Both moments take nothing from anyone, so any number of calls can be freed. Free is at
//! least as good as due or used: what can follow those can follow it. A call whose outcome is unknown is free from the
//! start.
//!
//! Hence of two configurations of equal state one *dominates* the other if each call is in the same condition in both
//! or free in the first. Only configurations that none dominates are kept.
//!
//! Three more rules, each by exchange of two calls in the order: of identical open calls the one that returns first is
//! used first; identical calls with unknown outcome are counted, not told apart; and a call that overwrites is used
//! only if it is the one that returns, or if some open call can make use of the state it leaves, for otherwise it might
//! as well be freed by the next one that overwrites.
//!
//! Calls with unknown outcome stay open for ever, and what each of them explains can often be explained by another, so
//! configurations that none dominates may still be many. Most of them are far-fetched. So the search is done first with
//! a bounded *width*: of too many configurations only those that used the fewest such calls are followed (a beam search).
//! An order found this way is an order; where all that was followed ends, the search is repeated with a larger bound, and
//! at last with none.
//!
//! Representation: slots for open calls, reused; a configuration is a row of words `free | used | counts`; states are
//! numbered and transitions remembered.

mod extend;
mod frontier;
mod states;
mod trail;

use smallvec::SmallVec;

use self::{
    frontier::{Frontier, Layout},
    states::States,
    trail::{Trails, Used},
};
use super::{
    NEVER,
    model::{Effect, Model},
    problem::{Answer, Problem},
};
use crate::Budget;

const NONE: u32 = u32::MAX;
/// How many configurations are followed, at first and when that was not enough.
pub(super) const WIDTHS: [usize; 5] = [8, 16, 32, 128, 512];

/// Whether there is an order of the calls that respects real time and the model.
pub fn search<M: Model>(problem: &Problem<M>, budget: Budget) -> Answer {
    WIDTHS
        .iter()
        .map(|width| narrow(problem, budget, *width))
        .find(|answer| !matches!(answer, Answer::Exhausted { .. }))
        .unwrap_or_else(|| wide(problem, budget))
}

/// The search with a bound on how many configurations are followed. [`Answer::Exhausted`] also if none of those that were
/// followed leads on.
pub(super) fn narrow<M: Model>(problem: &Problem<M>, budget: Budget, width: usize) -> Answer {
    let budget = Budget {
        steps: budget.steps / 16,
        ..budget
    };
    Search::new(problem, budget, width, false).run().0
}

/// The search without that bound.
pub(super) fn wide<M: Model>(problem: &Problem<M>, budget: Budget) -> Answer {
    Search::new(problem, budget, usize::MAX, false).run().0
}

/// An order of the calls, as their numbers, if there is one and the budget lasts.
pub(super) fn ordered<M: Model>(problem: &Problem<M>, budget: Budget) -> Option<Vec<u32>> {
    let followed = WIDTHS.iter().copied().chain([usize::MAX]);
    for width in followed {
        let (answer, order) = Search::new(problem, budget, width, true).run();
        if !matches!(answer, Answer::Exhausted { .. }) {
            return order;
        }
    }
    None
}

/// What the open calls would do in one state. Valid in one epoch.
#[derive(Clone, Default)]
struct Reach {
    epoch: u32,
    /// Open calls that are possible and change nothing.
    stay: SmallVec<[u64; 2]>,
    /// Open calls that are possible and change the state.
    moves: SmallVec<[u64; 2]>,
}

struct Search<'a, M: Model> {
    problem: &'a Problem<M>,
    budget: Budget,
    steps: u64,
    width: usize,
    /// Whether a configuration was left behind.
    narrowed: bool,
    states: States<'a, M>,
    layout: Layout,
    /// Of each slot: its op.
    slots: Vec<u32>,
    vacant: Vec<u32>,
    /// Masks over slots: who is open, and of which effect.
    open: [Vec<u64>; 3],
    /// Classes with unknown outcomes: class, and how many were called so far.
    unknown: Vec<(u32, u64)>,
    /// Of each class: its place in `unknown`.
    unknown_at: Vec<u32>,
    reach: Vec<Reach>,
    epoch: u32,
    now: Frontier,
    work: Frontier,
    next: Frontier,
    /// How each configuration came to be, if that is asked for.
    trails: Option<Trails>,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(problem: &'a Problem<M>, budget: Budget, width: usize, recorded: bool) -> Self {
        let mut unknown = Vec::new();
        let mut unknown_at = vec![NONE; problem.classes.len()];
        for op in problem.ops.iter().filter(|op| op.end == NEVER) {
            let at = &mut unknown_at[op.class as usize];
            let effect = problem.classes[op.class as usize].effect;
            if *at == NONE && effect != Effect::Observes {
                *at = unknown.len() as u32;
                unknown.push((op.class, 0));
            }
        }
        let words = most_open(problem).div_ceil(64).max(1);
        let layout = Layout {
            words,
            stride: 2 * words + unknown.len(),
        };
        Self {
            problem,
            budget,
            steps: 0,
            width,
            narrowed: false,
            states: States::new(problem),
            layout,
            slots: vec![NONE; words * 64],
            vacant: (0..words as u32 * 64).rev().collect(),
            open: [vec![0; words], vec![0; words], vec![0; words]],
            unknown,
            unknown_at,
            reach: Vec::new(),
            epoch: 1,
            now: Frontier::new(layout),
            work: Frontier::new(layout),
            next: Frontier::new(layout),
            trails: recorded.then(Trails::default),
        }
    }

    /// The answer, and the order that proves it, if there is one and it was asked for.
    fn run(mut self) -> (Answer, Option<Vec<u32>>) {
        let ops = &self.problem.ops;
        let mut ends: Vec<(u32, u32)> = ops
            .iter()
            .enumerate()
            .filter(|(_, op)| op.end != NEVER)
            .map(|(i, op)| (op.end, i as u32))
            .collect();
        ends.sort_unstable();
        let mut slot_of = vec![0u32; ops.len()];
        self.now.insert(0, &vec![0; self.layout.stride], NONE);
        let mut called = 0;
        for (end, returned) in ends {
            while ops.get(called).is_some_and(|op| op.start < end) {
                slot_of[called] = self.call(called as u32);
                called += 1;
            }
            if let Some(trails) = &mut self.trails {
                trails.now = end;
            }
            self.give_back(slot_of[returned as usize]);
            // The budget first: when it runs out in the middle of a step, an empty frontier means nothing.
            let trails = self.trails.as_ref().map_or(0, Trails::bytes);
            let bytes = self.now.bytes() + self.work.bytes() + self.next.bytes() + trails;
            let known = self.states.states.len() * (std::mem::size_of::<M>() * 2 + 64);
            if self.steps > self.budget.steps || bytes + known as u64 > self.budget.bytes {
                return (Answer::Exhausted { at: end }, None);
            }
            if self.now.states.is_empty() {
                let answer = match self.narrowed {
                    true => Answer::Exhausted { at: end },
                    false => Answer::Violation { at: end },
                };
                return (answer, None);
            }
            if self.narrow() && self.now.states.len() > self.width {
                self.now.keep_simplest(self.width);
                self.narrowed = true;
            }
        }
        let last = self.now.trails.first().copied().unwrap_or(NONE);
        let order = self
            .trails
            .and_then(|trails| trails.order(self.problem, last));
        (Answer::Linearizable, order)
    }

    /// Notes that a configuration comes from another by one more call, if that is asked for.
    fn record(&mut self, from: u32, used: Used) -> u32 {
        match &mut self.trails {
            None => NONE,
            Some(trails) => match used {
                Used::Slot(slot) => trails.call(from, self.slots[slot as usize]),
                Used::Class(class) => trails.class(from, class),
            },
        }
    }

    /// Whether the width bounds what is followed.
    fn narrow(&self) -> bool {
        self.width != usize::MAX && !self.unknown.is_empty()
    }

    fn class(&self, slot: usize) -> u32 {
        self.problem.ops[self.slots[slot] as usize].class
    }

    /// A call was made: it is open from now on.
    fn call(&mut self, op: u32) -> u32 {
        let class = self.problem.ops[op as usize].class;
        if self.problem.ops[op as usize].end == NEVER {
            if let Some((_, called)) = self
                .unknown
                .get_mut(self.unknown_at[class as usize] as usize)
            {
                *called += 1;
            }
            return NONE;
        }
        self.epoch += 1;
        let slot = self.vacant.pop().expect("as many slots as are ever open");
        self.slots[slot as usize] = op;
        let (word, bit) = place(slot);
        let effect = self.problem.classes[class as usize].effect;
        self.open[effect as usize][word] |= bit;
        for at in 0..self.now.states.len() {
            let state = self.now.states[at];
            if self.states.next(state, class) == state {
                self.now.row_mut(at)[word] |= bit;
            }
        }
        slot
    }

    /// A call returned: keeps the configurations in which it has taken effect or is free, and those that can get there.
    fn give_back(&mut self, slot: u32) {
        let (word, bit) = place(slot);
        let class = self.class(slot as usize);
        let effect = self.problem.classes[class as usize].effect;
        let n = self.layout.words;
        let all = self.now.states.len();
        if effect == Effect::Observes && (0..all).all(|at| self.now.row(at)[word] & bit != 0) {
            for at in 0..all {
                self.now.row_mut(at)[word] &= !bit;
            }
        } else {
            let mut now = std::mem::replace(&mut self.now, Frontier::new(self.layout));
            self.work.clear();
            self.next.clear();
            for at in 0..all {
                let (state, trail) = (now.states[at], now.trails[at]);
                let row = now.row_mut(at);
                if row[n + word] & bit != 0 {
                    row[n + word] &= !bit;
                    self.steps += self.next.insert(state, row, trail);
                } else {
                    self.reached(state, row, trail, slot, effect);
                }
            }
            let mut at = 0;
            while at < self.work.states.len() && self.steps <= self.budget.steps {
                // Extensions come in order of their lengths.
                if self.narrow() && at > 4 * self.width {
                    self.narrowed = true;
                    break;
                }
                self.extend(at, slot);
                at += 1;
            }
            now.clear();
            self.now = std::mem::replace(&mut self.next, now);
            self.now.compact();
        }
        self.open[effect as usize][word] &= !bit;
        self.slots[slot as usize] = NONE;
        self.vacant.push(slot);
        self.epoch += 1;
    }

    /// A configuration in which the returning call was not used: it may do as it is, and it may be extended.
    fn reached(&mut self, state: u32, row: &[u64], trail: u32, slot: u32, effect: Effect) {
        let (word, bit) = place(slot);
        if row[word] & bit != 0 {
            let mut done: SmallVec<[u64; 8]> = SmallVec::from_slice(row);
            let mut trail = trail;
            // A write of what is there anyway may also take effect for good: then all others go right before it.
            if effect == Effect::Overwrites
                && self.states.next(state, self.class(slot as usize)) == state
            {
                self.free_overwriting(&mut done);
                trail = self.record(trail, Used::Slot(slot));
            }
            done[word] &= !bit;
            self.steps += self.next.insert(state, &done, trail);
            if effect == Effect::Observes {
                return;
            }
        }
        self.steps += self.work.insert(state, row, trail);
    }
}

fn place(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

/// The largest number of calls with known ends that are open at once.
fn most_open<M: Model>(problem: &Problem<M>) -> usize {
    let known = || problem.ops.iter().filter(|op| op.end != NEVER);
    let mut ends: Vec<u32> = known().map(|op| op.end).collect();
    ends.sort_unstable();
    let (mut ended, mut most) = (0, 0);
    for (started, op) in known().enumerate() {
        while ends[ended] < op.start {
            ended += 1;
        }
        most = most.max(started + 1 - ended);
    }
    most
}
