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

mod frontier;
mod states;

use smallvec::SmallVec;

use self::{
    frontier::{Frontier, Layout},
    states::States,
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
    Search::new(problem, budget, width).run()
}

/// The search without that bound.
pub(super) fn wide<M: Model>(problem: &Problem<M>, budget: Budget) -> Answer {
    Search::new(problem, budget, usize::MAX).run()
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
}

impl<'a, M: Model> Search<'a, M> {
    fn new(problem: &'a Problem<M>, budget: Budget, width: usize) -> Self {
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
        }
    }

    fn run(mut self) -> Answer {
        let ops = &self.problem.ops;
        let mut ends: Vec<(u32, u32)> = ops
            .iter()
            .enumerate()
            .filter(|(_, op)| op.end != NEVER)
            .map(|(i, op)| (op.end, i as u32))
            .collect();
        ends.sort_unstable();
        let mut slot_of = vec![0u32; ops.len()];
        self.now.insert(0, &vec![0; self.layout.stride]);
        let mut called = 0;
        for (end, returned) in ends {
            while ops.get(called).is_some_and(|op| op.start < end) {
                slot_of[called] = self.call(called as u32);
                called += 1;
            }
            self.give_back(slot_of[returned as usize]);
            // The budget first: when it runs out in the middle of a step, an empty frontier means nothing.
            let bytes = self.now.bytes() + self.work.bytes() + self.next.bytes();
            let known = self.states.states.len() * (std::mem::size_of::<M>() * 2 + 64);
            if self.steps > self.budget.steps || bytes + known as u64 > self.budget.bytes {
                return Answer::Exhausted { at: end };
            }
            if self.now.states.is_empty() {
                return match self.narrowed {
                    true => Answer::Exhausted { at: end },
                    false => Answer::Violation { at: end },
                };
            }
            if self.narrow() && self.now.states.len() > self.width {
                self.now.keep_simplest(self.width);
                self.narrowed = true;
            }
        }
        Answer::Linearizable
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
                let state = now.states[at];
                let row = now.row_mut(at);
                if row[n + word] & bit != 0 {
                    row[n + word] &= !bit;
                    self.steps += self.next.insert(state, row);
                } else {
                    self.reached(state, row, slot, effect);
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
    fn reached(&mut self, state: u32, row: &[u64], slot: u32, effect: Effect) {
        let (word, bit) = place(slot);
        if row[word] & bit != 0 {
            let mut done: SmallVec<[u64; 8]> = SmallVec::from_slice(row);
            // A write of what is there anyway may also take effect for good: then all others go right before it.
            if effect == Effect::Overwrites
                && self.states.next(state, self.class(slot as usize)) == state
            {
                self.free_overwriting(&mut done);
            }
            done[word] &= !bit;
            self.steps += self.next.insert(state, &done);
            if effect == Effect::Observes {
                return;
            }
        }
        self.steps += self.work.insert(state, row);
    }

    /// All configurations that one more open call leads to.
    fn extend(&mut self, at: usize, returning: u32) {
        let state = self.work.states[at];
        if state == NONE {
            return;
        }
        let n = self.layout.words;
        let row: SmallVec<[u64; 8]> = SmallVec::from_slice(self.work.row(at));
        self.look(state);
        let moves: SmallVec<[u64; 2]> = (0..n)
            .map(|w| self.reach[state as usize].moves[w] & !row[n + w])
            .collect();
        // The returning call itself: its state is the one that matters, whoever can make use of it.
        let (word, bit) = place(returning);
        if moves[word] & bit != 0 {
            let target = self.states.next(state, self.class(returning as usize));
            let mut used = self.used(&row, target, Some(returning));
            used[n + word] &= !bit;
            self.steps += self.next.insert(target, &used);
        }
        self.absorb(state, &row, returning);
        // Others: of each kind, and condition where that matters, the first to return.
        let mut best: SmallVec<[(u32, bool, u32, u32); 16]> = SmallVec::new();
        for w in 0..n {
            let mut left = moves[w];
            while left != 0 {
                let slot = (w * 64) as u32 + left.trailing_zeros();
                let one = left & left.wrapping_neg();
                left ^= one;
                if slot == returning {
                    continue;
                }
                let class = self.class(slot as usize);
                let overwrites = self.open[Effect::Overwrites as usize][w] & one != 0;
                let free = !overwrites && row[w] & one != 0;
                let end = self.problem.ops[self.slots[slot as usize] as usize].end;
                match best.iter_mut().find(|b| b.0 == class && b.1 == free) {
                    Some(b) if end < b.2 => (b.2, b.3) = (end, slot),
                    Some(_) => {}
                    None => best.push((class, free, end, slot)),
                }
            }
        }
        let effect = self.problem.classes[self.class(returning as usize) as usize].effect;
        let mut overwritten: SmallVec<[u32; 16]> = SmallVec::new();
        if self.open[Effect::Overwrites as usize][word] & bit != 0 {
            // An identical call that is not returning yet is better kept.
            overwritten.push(self.states.next(state, self.class(returning as usize)));
        }
        for (class, _, _, slot) in best {
            let target = self.states.next(state, class);
            let overwrites = self.problem.classes[class as usize].effect == Effect::Overwrites;
            if overwrites && (overwritten.contains(&target) || !self.useful(&row, target)) {
                continue;
            }
            if overwrites {
                overwritten.push(target);
            }
            let used = self.used(&row, target, Some(slot));
            self.reached(target, &used, returning, effect);
        }
        for i in 0..self.unknown.len() {
            let (class, called) = self.unknown[i];
            if row[2 * n + i] >= called {
                continue;
            }
            let target = self.states.next(state, class);
            let overwrites = self.problem.classes[class as usize].effect == Effect::Overwrites;
            if target == NONE || target == state && !(overwrites && self.overwriting_due(&row)) {
                continue;
            }
            // What need not have happened at all happened for a reason.
            let idle = target != state && !self.useful(&row, target);
            if idle || overwrites && overwritten.contains(&target) {
                continue;
            }
            let mut used = self.used(&row, target, None);
            used[2 * n + i] += 1;
            if overwrites {
                self.free_overwriting(&mut used);
            }
            self.reached(target, &used, returning, effect);
        }
    }

    /// A call that would overwrite the state with what it is already takes effect for good: all others that overwrite go
    /// right before it. Worth it only where one of them must still go somewhere, and only before the state changes.
    fn absorb(&mut self, state: u32, row: &[u64], returning: u32) {
        if !self.overwriting_due(row) {
            return;
        }
        let n = self.layout.words;
        let mut first: Option<(u32, u32)> = None;
        for w in 0..n {
            let overwriting = self.open[Effect::Overwrites as usize][w];
            let mut left = overwriting & self.reach[state as usize].stay[w] & !row[n + w];
            while left != 0 {
                let slot = (w * 64) as u32 + left.trailing_zeros();
                left &= left - 1;
                let end = self.problem.ops[self.slots[slot as usize] as usize].end;
                // The one that is returning does so anyway.
                if slot != returning && first.is_none_or(|(earliest, _)| end < earliest) {
                    first = Some((end, slot));
                }
            }
        }
        if let Some((_, slot)) = first {
            let effect = self.problem.classes[self.class(returning as usize) as usize].effect;
            let used = self.used(row, state, Some(slot));
            self.reached(state, &used, returning, effect);
        }
    }

    /// Whether a call that overwrites must still take effect.
    fn overwriting_due(&self, row: &[u64]) -> bool {
        let n = self.layout.words;
        (0..n).any(|w| self.open[Effect::Overwrites as usize][w] & !row[w] & !row[n + w] != 0)
    }

    /// The row after the call in `slot`, if any, was used and led to `target`.
    fn used(&mut self, row: &[u64], target: u32, slot: Option<u32>) -> SmallVec<[u64; 8]> {
        self.look(target);
        let n = self.layout.words;
        let mut used: SmallVec<[u64; 8]> = SmallVec::from_slice(row);
        if let Some(slot) = slot {
            let (word, bit) = place(slot);
            used[word] &= !bit;
            used[n + word] |= bit;
            if self.open[Effect::Overwrites as usize][word] & bit != 0 {
                self.free_overwriting(&mut used);
            }
        }
        for w in 0..n {
            used[w] |= self.reach[target as usize].stay[w] & !used[n + w];
        }
        used
    }

    /// A call that overwrites takes effect: all others go right before it.
    fn free_overwriting(&self, row: &mut [u64]) {
        let n = self.layout.words;
        for w in 0..n {
            row[w] |= self.open[Effect::Overwrites as usize][w] & !row[n + w];
        }
    }

    /// Whether an open call could go right after a call that overwrites and leaves this state.
    fn useful(&mut self, row: &[u64], target: u32) -> bool {
        self.look(target);
        let n = self.layout.words;
        let reach = &self.reach[target as usize];
        let wanted = (0..n).any(|w| {
            let observing = self.open[Effect::Observes as usize][w] & !row[w] & reach.stay[w];
            let updating = self.open[Effect::Updates as usize][w]
                & !row[n + w]
                & (reach.stay[w] | reach.moves[w]);
            observing | updating != 0
        });
        wanted
            || (0..self.unknown.len()).any(|i| {
                let (class, called) = self.unknown[i];
                row[2 * n + i] < called
                    && self.problem.classes[class as usize].effect == Effect::Updates
                    && self.states.next(target, class) != NONE
            })
    }

    /// Makes `reach[state]` valid.
    fn look(&mut self, state: u32) {
        let n = self.layout.words;
        if self.reach.len() <= state as usize {
            self.reach.resize(state as usize + 1, Reach::default());
        }
        if self.reach[state as usize].epoch == self.epoch {
            return;
        }
        let mut reach = std::mem::take(&mut self.reach[state as usize]);
        reach.epoch = self.epoch;
        reach.stay.clear();
        reach.moves.clear();
        for w in 0..n {
            let mut left = self.open.iter().fold(0, |all, mask| all | mask[w]);
            let (mut stay, mut moves) = (0, 0);
            while left != 0 {
                let one = left & left.wrapping_neg();
                let class = self.class(w * 64 + left.trailing_zeros() as usize);
                match self.states.next(state, class) {
                    NONE => {}
                    next if next == state => stay |= one,
                    _ => moves |= one,
                }
                left ^= one;
            }
            reach.stay.push(stay);
            reach.moves.push(moves);
        }
        self.reach[state as usize] = reach;
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
