//! Queues, first in, first out. O(n log n).
//!
//! Besides what is wrong with one element alone, two things are impossible.
//!
//! **Wrong order**: a was in before anyone tried to put in b, and b was out before anyone tried to take a. Without
//! answers "empty" there is nothing else (Henzinger, Sezgin & Vafeiadis 2013; Bouajjani et al. 2015). Let a call end
//! no later than the removal of its element, and start no earlier than its insertion: it takes effect between. Write a
//! → b if a's insertion ended before b's began, or a's removal before b's. A shortest cycle has edges of both kinds in
//! turn, since each kind is transitive. If it were longer than two, with a → b and c → d by insertions and b → c by
//! removals: a's insertion ends before d's begins, or else c's before b's (of two pairs of intervals, the first of the
//! pair that ends first precedes the second of both), which is shorter. So there is an order of the elements; let each
//! call take effect as early as it allows. Shortening calls adds no cycle of length two: were a removed before b was
//! put in, b could not be out before a is tried to be taken.
//!
//! **Not empty**: during all of a call that was told "empty", something was certainly inside. Otherwise such a call
//! has a gap in which nothing must be inside. Cut the history at one gap for each: every element fits on one side of
//! every cut, since it is certainly inside in none; calls that are cut in two can be shortened to their side, which
//! puts no call of a side before another that it did not precede; and in an order of each side, one after the other,
//! nothing is in the wrong order, because what stands left of a cut starts left of it.

use super::{Pattern, SHOWN, Violation, cover::not_empty, elements::Elements};

pub(super) fn violations(elements: &Elements) -> Vec<Violation> {
    let mut found = wrong_order(elements);
    found.extend(not_empty(elements));
    found
}

/// For each element that came out: of those that were in before it was put in, the one that was taken last.
fn wrong_order(elements: &Elements) -> Vec<Violation> {
    let items = &elements.items;
    let order = |by: fn(&super::elements::Element) -> u32| {
        let mut order: Vec<u32> = (0..items.len() as u32).collect();
        order.sort_unstable_by_key(|i| by(&items[*i as usize]));
        order
    };
    let mut found = Vec::new();
    let by_end = order(|item| item.put.end);
    let mut earlier = by_end.iter().map(|i| *i as usize).peekable();
    let mut last: Option<usize> = None;
    for second in order(|item| item.put.start) {
        let b = &items[second as usize];
        while let Some(i) = earlier.next_if(|i| items[*i].put.end < b.put.start) {
            if last.is_none_or(|last| items[last].taken.start < items[i].taken.start) {
                last = Some(i);
            }
        }
        let Some(first) = last else { continue };
        let a = &items[first];
        if b.taken.end < a.taken.start {
            let margin = (b.put.start - a.put.end).min(a.taken.start - b.taken.end);
            let both = [first, second as usize];
            found.push((margin, both));
        }
    }
    found.sort_unstable_by_key(|(margin, both)| (std::cmp::Reverse(*margin), *both));
    let told = found.into_iter().take(SHOWN);
    told.map(|(margin, both)| elements.violation(Pattern::WrongOrder, &both, None, margin))
        .collect()
}
