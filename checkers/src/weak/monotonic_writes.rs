//! Monotonic writes: what a session writes to a key is seen in the order in which it wrote.
//!
//! A register shows in what order writes took effect only to somebody who reads it more than once. So a violation is: a
//! session read something of a key, and then something that the same writer had written before that. Terry et al. 1994,
//! section 3.4; judged as PRAM implies it, together with monotonic reads. Sound, and complete for one key and reader. O(n log
//! n).

use std::collections::BTreeMap;

use super::ops::{FIRST, Known};

/// Ops that contradict it: two writes of a session, and reads of them in the other order.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for ops in &known.sessions {
        // Of each key and writing session, the read of its latest write so far.
        let mut latest: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for op in ops {
            let Some(source) = known.read(*op).filter(|source| *source != FIRST) else {
                continue;
            };
            let writer = known.ops[source as usize].session;
            let best = latest.entry((known.key(*op), writer)).or_insert(*op);
            let newest = known.source[*best as usize];
            // Positions are in the order of a session.
            if newest > source {
                found.push(vec![source, newest, *best, *op]);
            } else {
                *best = *op;
            }
        }
    }
    found
}
