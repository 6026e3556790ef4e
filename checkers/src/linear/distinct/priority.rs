//! Priority queues, the smallest first. O(n log n), nearly linear after sorting by value.
//!
//! A value can come out in a gap (see `cover`) iff no smaller one is inside then; larger ones do not matter. So take
//! the values from small to large, and let each be inside for as short a time as possible: it goes in as late as it
//! may, and comes out in the first gap of its removal, and after its insertion, in which no smaller value is inside.
//! If there is such a gap before its insertion must have ended, it goes in and out in that gap, and is inside in none.
//! If there is none at all, it is out of order.
//!
//! *Sound and complete*: by induction, in every legal order each value is inside in at least those gaps in which it is
//! put here. In its order the value comes out in some gap where no smaller one is inside, so by induction in one that
//! is free here too. If that is before its insertion must have ended, it takes up nothing here; else it is inside
//! there from that end until that gap, which is not before the first free one. Conversely what is done here is a legal
//! order: within a gap first come the removals of what was inside, ascending, then the answers "empty" and what goes
//! in and out at once, then insertions.
//!
//! An answer "empty" needs a gap in which nothing is inside.
//!
//! Free gaps are found by union-find (Gabow & Tarjan 1985): every gap is taken once.

use super::{Pattern, SHOWN, Violation, elements::Elements};

/// Nobody.
const NONE: u32 = u32::MAX;

pub(super) fn violations(elements: &Elements) -> Vec<Violation> {
    let items = &elements.items;
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    order.sort_unstable_by_key(|i| items[*i as usize].value);
    let mut gaps = Gaps::new(elements.ranks);
    // Until where each is inside; 0 if nowhere.
    let mut until = vec![0; items.len()];
    let mut found = Vec::new();
    for item in order {
        let e = &items[item as usize];
        let out = gaps.free(e.put.start.max(e.taken.start));
        if e.removal.is_some() && out >= e.taken.end {
            if found.len() < SHOWN {
                let from = e.put.start.max(e.taken.start);
                let mut values = vec![item as usize];
                values.extend(gaps.proof(elements, &until, from, e.taken.end));
                let margin = out - e.taken.end + 1;
                found.push(elements.violation(Pattern::WrongOrder, &values, None, margin));
            }
            continue;
        }
        let out = match e.removal {
            Some(_) => out,
            None => elements.ranks,
        };
        if out >= e.put.end {
            gaps.take(e.put.end, out, item);
            until[item as usize] = out;
        }
    }
    let mut wrong = 0;
    for (call, when) in &elements.empties {
        let free = gaps.free(when.start);
        if free >= when.end && wrong < SHOWN {
            wrong += 1;
            let values = gaps.proof(elements, &until, when.start, when.end);
            let margin = free - when.end + 1;
            found.push(elements.violation(Pattern::NotEmpty, &values, Some(*call), margin));
        }
    }
    found
}

/// Which gaps are free, and who took the others.
struct Gaps {
    /// A gap that is not free refers to a later one.
    next: Vec<u32>,
    /// The smallest value inside.
    owner: Vec<u32>,
}

impl Gaps {
    /// All free; and one more that is never taken, after all others.
    fn new(ranks: u32) -> Self {
        Self {
            next: (0..=ranks).collect(),
            owner: vec![NONE; ranks as usize],
        }
    }

    /// The first free gap from this one on.
    fn free(&mut self, gap: u32) -> u32 {
        let mut at = gap.min(self.owner.len() as u32) as usize;
        while self.next[at] as usize != at {
            // Halving the path as it is walked.
            self.next[at] = self.next[self.next[at] as usize];
            at = self.next[at] as usize;
        }
        at as u32
    }

    fn take(&mut self, from: u32, until: u32, owner: u32) {
        let mut gap = self.free(from);
        while gap < until {
            self.owner[gap as usize] = owner;
            self.next[gap as usize] = gap + 1;
            gap = self.free(gap + 1);
        }
    }

    /// Elements that by themselves are inside in all these gaps: those that were found there, and what kept each of
    /// them from coming out earlier.
    fn proof(&self, elements: &Elements, until: &[u32], from: u32, end: u32) -> Vec<usize> {
        let mut proof = hashbrown::HashSet::new();
        let mut order = Vec::new();
        let mut open = vec![(from, end)];
        while let Some((mut gap, end)) = open.pop() {
            while gap < end {
                let owner = self.owner[gap as usize] as usize;
                if proof.insert(owner) {
                    order.push(owner);
                    let e = &elements.items[owner];
                    if e.removal.is_some() {
                        open.push((e.put.end.max(e.taken.start), until[owner]));
                    }
                }
                gap = until[owner];
            }
        }
        order
    }
}
