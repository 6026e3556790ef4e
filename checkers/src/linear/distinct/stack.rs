//! Stacks, last in, first out. O(n log n).
//!
//! **Who does not matter.** An element whose insertion and removal overlap can go in and out in one moment, whatever
//! else is inside: it is possible iff the rest is, and left out. The others are certainly inside during some gaps (see
//! `cover`).
//!
//! **Cutting.** In a gap in which nobody is certainly inside, the history may be cut: every element fits on one side;
//! calls that are cut in two can be moved to their side in any order that was found for it, because they all start
//! before the cut, or end after it; and an order of one side after an order of the other is one of the whole. So an
//! answer "empty" is possible iff it has such a gap, and each *component*, a set of elements that are certainly inside
//! without a hole, is judged by itself.
//!
//! **Peeling.** In any order of a component, from the first insertion to the last removal, the stack is never empty;
//! so the element that was put in first is at the *bottom*, and comes out last. Hence some element's insertion starts
//! before every other's ends, and its removal ends after every other's starts. If there is none, that is a violation.
//! If there is one, it may be put at the bottom: take any order of the others, move what stands before the start of
//! its insertion to just after that, and likewise at the end; nobody's insertion ends before, nobody's removal starts
//! after, and the sequence stays the same. Then judge the rest, which may fall apart.
//!
//! The witness of a violation is a chain of elements that spans the component from its first gap to its last: by
//! themselves they have no bottom either. A chain of two is the classic: a pushed, b pushed, a popped, b popped.
//!
//! **Complexity.** A component begins with the first end of an insertion, and ends at a hole, found in a tree of
//! depths. The bottom is the element with the latest end of its removal, among those whose insertion starts early
//! enough: components only shrink, so an element that once starts early enough always will, and is moved from one tree
//! to another once. Every component loses an element. The idea to remove one harmless element after the other is Lee &
//! Mathur's (2024); the trees and the proof are ours. Abdulla et al. (2025) decide stacks in O(n²).

use super::{
    Pattern, SHOWN, Violation,
    cover::{Cover, not_empty},
    elements::Elements,
    segments::{Depth, Largest},
};

pub(super) fn violations(elements: &Elements) -> Vec<Violation> {
    let mut found = wrong_order(elements);
    found.extend(not_empty(elements));
    found
}

/// Largest keys find earliest times.
fn early(time: u32) -> u32 {
    u32::MAX - time
}

fn wrong_order(elements: &Elements) -> Vec<Violation> {
    let items = &elements.items;
    // Positions are gaps, and the place of an element is the first in which it is certainly inside.
    let positions = elements.ranks + 1;
    let mut present = Largest::new(positions);
    let mut waiting = Largest::new(positions);
    let mut candidates = Largest::new(positions);
    let mut depth = Depth::new(positions);
    let mut at = vec![0; positions as usize];
    for (i, item) in items.iter().enumerate().filter(|(_, item)| item.is_solid()) {
        at[item.put.end as usize] = i;
        present.set(item.put.end, early(item.put.end));
        waiting.set(item.put.end, early(item.put.start));
        depth.add(item.put.end, item.taken.start, 1);
    }
    let mut found = Vec::new();
    let mut open = vec![(0, elements.ranks)];
    while let Some((from, until)) = open.pop() {
        let Some((_, first)) = present.within(from, until) else {
            continue;
        };
        let hole = depth.next_free(first);
        // What is right of this component; it is judged when that is on top again.
        if hole < until {
            open.push((hole, until));
        }
        while let Some((start, place)) = waiting.within(first, hole)
            && start > early(first)
        {
            waiting.set(place, 0);
            let item = &items[at[place as usize]];
            // Rank 0 starts a call, so no end is 0.
            candidates.set(place, item.taken.end);
        }
        match candidates.within(first, hole) {
            // The hole begins where the last removal starts.
            Some((end, place)) if end > hole => {
                let item = &items[at[place as usize]];
                present.set(place, 0);
                candidates.set(place, 0);
                depth.add(item.put.end, item.taken.start, -1);
                open.push((first, hole));
            }
            _ => found.push((first, hole)),
        }
        if found.len() == SHOWN {
            break;
        }
    }
    tell(elements, found, &at, &present)
}

/// Components that have no bottom, by the elements that were left of them.
fn tell(
    elements: &Elements,
    components: Vec<(u32, u32)>,
    at: &[usize],
    present: &Largest,
) -> Vec<Violation> {
    if components.is_empty() {
        return Vec::new();
    }
    let mut left = elements.clone();
    let is_left = |place: u32| present.within(place, place + 1).is_some();
    left.items = (0..elements.ranks)
        .filter(|place| is_left(*place))
        .map(|place| elements.items[at[place as usize]])
        .collect();
    let cover = Cover::new(&left);
    let told = components.into_iter().map(|(from, until)| {
        let chain = cover.chain(from, until);
        let items: Vec<_> = chain.iter().map(|i| &left.items[*i]).collect();
        match items[..] {
            [a, b] => {
                let margin = (b.put.start - a.put.end).min(b.taken.start - a.taken.end);
                left.violation(Pattern::WrongOrder, &chain, None, margin)
            }
            _ => left.violation(Pattern::NoBottom, &chain, None, until - from),
        }
    });
    told.collect()
}
