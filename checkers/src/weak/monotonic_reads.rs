//! Monotonic reads: a session does not read of a key what is older than what it read before.
//!
//! Which of two versions is older, the session's reads say themselves: it read one, then the other, and then the first again
//! (or what was there first). Terry et al. 1994, section 3.2. Sound, and complete for the reads of one session and key
//! alone. O(n log n).

use std::collections::BTreeMap;

use super::ops::{FIRST, Known};

/// Ops that contradict it: reads of something, of something else, and of the former again; and the writers.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for ops in &known.sessions {
        // Of each key the last read; of each version the last read of it.
        let mut last: BTreeMap<u32, u32> = BTreeMap::new();
        let mut of: BTreeMap<u32, u32> = BTreeMap::new();
        for op in ops {
            let Some(source) = known.read(*op) else {
                continue;
            };
            let previous = last.insert(known.key(*op), *op);
            let between = previous.filter(|p| known.read(*p) != Some(source));
            if let Some(between) = between {
                let newer = known.source[between as usize];
                if source == FIRST {
                    found.push(vec![newer, between, *op]);
                } else if let Some(before) = of.get(&source).filter(|_| newer != FIRST) {
                    found.push(vec![source, newer, *before, between, *op]);
                }
            }
            of.insert(source, *op);
        }
    }
    found
}
