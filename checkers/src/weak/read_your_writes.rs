//! Read your writes: a session reads of a key what it wrote to it last, or something newer.
//!
//! Newer than its last write is whatever it did not write itself before; so the violations are: reading what was there first,
//! or an own write that an own later one replaced. Terry et al., "Session guarantees for weakly consistent replicated data"
//! (PDIS 1994), section 3.1. Sound, and complete for what one key shows. O(n log n).

use std::collections::BTreeMap;

use super::ops::{FIRST, Known};

/// Ops that contradict it: the write that was missed, the read, and of what it read the writer.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for ops in &known.sessions {
        let mut last: BTreeMap<u32, u32> = BTreeMap::new();
        for op in ops {
            let key = known.key(*op);
            if known.is_write(*op) {
                last.insert(key, *op);
                continue;
            }
            let (Some(source), Some(own)) = (known.read(*op), last.get(&key)) else {
                continue;
            };
            if source == FIRST {
                found.push(vec![*own, *op]);
            } else if source < *own
                && known.ops[source as usize].session == known.ops[*op as usize].session
            {
                found.push(vec![source, *own, *op]);
            }
        }
    }
    found
}
