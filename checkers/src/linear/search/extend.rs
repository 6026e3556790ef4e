//! One step of the search: what a configuration leads to when one more open call takes effect.

use smallvec::SmallVec;

use super::{
    super::model::{Effect, Model},
    NONE, Reach, Search, place,
    trail::Used,
};

impl<M: Model> Search<'_, M> {
    /// All configurations that one more open call leads to.
    pub(super) fn extend(&mut self, at: usize, returning: u32) {
        let state = self.work.states[at];
        if state == NONE {
            return;
        }
        let n = self.layout.words;
        let trail = self.work.trails[at];
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
            let trail = self.record(trail, Used::Slot(returning));
            self.steps += self.next.insert(target, &used, trail);
        }
        self.absorb(state, &row, trail, returning);
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
            let trail = self.record(trail, Used::Slot(slot));
            self.reached(target, &used, trail, returning, effect);
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
            let trail = self.record(trail, Used::Class(class));
            self.reached(target, &used, trail, returning, effect);
        }
    }

    /// A call that would overwrite the state with what it is already takes effect for good: all others that overwrite go
    /// right before it. Worth it only where one of them must still go somewhere, and only before the state changes.
    fn absorb(&mut self, state: u32, row: &[u64], trail: u32, returning: u32) {
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
            let trail = self.record(trail, Used::Slot(slot));
            self.reached(state, &used, trail, returning, effect);
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
    pub(super) fn free_overwriting(&self, row: &mut [u64]) {
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
