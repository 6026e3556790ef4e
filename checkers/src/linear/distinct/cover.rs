//! The times at which something is certainly inside, and who proves it: for the answers "empty".
//!
//! Time is cut into *gaps*: gap `g` lies between ranks `g` and `g + 1`, and a call from rank `s` to rank `t` takes
//! effect in one of the gaps `s .. t`. An element is certainly inside during the gaps `put.end .. taken.start`.
//! Something is certainly inside during all gaps of a range iff some elements, each reaching from where the last ends,
//! span it.

use super::{Pattern, SHOWN, Violation, elements::Elements};

/// Elements by when they are first certainly inside.
pub(super) struct Cover {
    /// Solid elements: the first gap, the gap after the last, which element; by the first gap.
    by_start: Vec<(u32, u32, u32)>,
    /// Which of those up to each reaches furthest.
    furthest: Vec<u32>,
    /// For each, until where there is no hole, from its start on.
    solid_until: Vec<u32>,
}

impl Cover {
    pub(super) fn new(elements: &Elements) -> Self {
        let solid = elements
            .items
            .iter()
            .enumerate()
            .filter(|(_, e)| e.is_solid());
        let mut by_start: Vec<_> = solid
            .map(|(i, e)| (e.put.end, e.taken.start, i as u32))
            .collect();
        by_start.sort_unstable();
        let mut furthest: Vec<u32> = Vec::with_capacity(by_start.len());
        for (at, (_, until, _)) in by_start.iter().enumerate() {
            let best = furthest.last().copied();
            let better = best.is_none_or(|best| *until > by_start[best as usize].1);
            furthest.push(if better { at as u32 } else { best.unwrap_or(0) });
        }
        let mut solid_until = vec![0; by_start.len()];
        for at in (0..by_start.len()).rev() {
            let reach = by_start[furthest[at] as usize].1;
            solid_until[at] = match by_start.get(at + 1) {
                Some((start, _, _)) if *start <= reach => solid_until[at + 1],
                _ => reach,
            };
        }
        Self {
            by_start,
            furthest,
            solid_until,
        }
    }

    /// The first gap from `from` on in which perhaps nothing is inside. O(log n).
    pub(super) fn hole(&self, from: u32) -> u32 {
        let before = self
            .by_start
            .partition_point(|(start, _, _)| *start <= from);
        match before.checked_sub(1) {
            Some(at) => self.solid_until[at].max(from),
            None => from,
        }
    }

    /// The fewest elements that span these gaps; none if they cannot. O(log n) for each.
    pub(super) fn chain(&self, from: u32, until: u32) -> Vec<usize> {
        let mut chain = Vec::new();
        let mut at = from;
        while at < until {
            let before = self.by_start.partition_point(|(start, _, _)| *start <= at);
            let next = before.checked_sub(1);
            let next = next.map(|i| self.by_start[self.furthest[i] as usize]);
            match next.filter(|(_, end, _)| *end > at) {
                Some((_, end, item)) => {
                    chain.push(item as usize);
                    at = end;
                }
                None => return Vec::new(),
            }
        }
        chain
    }
}

/// The answers "empty" that cannot be true.
pub(super) fn not_empty(elements: &Elements) -> Vec<Violation> {
    if elements.empties.is_empty() {
        return Vec::new();
    }
    let cover = Cover::new(elements);
    let wrong = |(call, when): &(u32, super::elements::Interval)| {
        let hole = cover.hole(when.start);
        (hole >= when.end).then(|| {
            let chain = cover.chain(when.start, when.end);
            let margin = hole.min(elements.ranks) - when.end;
            elements.violation(Pattern::NotEmpty, &chain, Some(*call), margin + 1)
        })
    };
    elements
        .empties
        .iter()
        .filter_map(wrong)
        .take(SHOWN)
        .collect()
}
