//! Makes a witness as small as it gets: any call may go, for what is left must then keep less, and a read whose writer is gone
//! says nothing. What is needed is judged anew.

use std::collections::BTreeMap;

use super::ops::{Known, Op};

/// How many ops a witness may begin with to be made smaller.
const MOST: usize = 256;

/// The ops of some calls that still contradict a guarantee when no other call can go; and whether that was tried.
pub(super) fn shrink(
    known: &Known<'_>,
    witness: &[u32],
    find: fn(&Known<'_>) -> Vec<Vec<u32>>,
) -> (Vec<u32>, bool) {
    // A compare-and-set is two ops of one call, next to each other.
    let call = |op: u32| known.ops.get(op as usize).map(|op| op.at);
    let both = witness
        .iter()
        .flat_map(|op| [op.saturating_sub(1), *op, op + 1].map(|o| (*op, o)));
    let both = both.filter(|(op, other)| call(*op) == call(*other));
    let mut kept: Vec<u32> = both.map(|(_, other)| other).collect();
    kept.sort_unstable();
    kept.dedup();
    if kept.len() > MOST || !contradicts(known, &kept, find) {
        return (kept, false);
    }
    loop {
        let before = kept.len();
        let mut calls: Vec<Option<u32>> = kept.iter().map(|op| call(*op)).collect();
        calls.dedup();
        for gone in calls {
            let rest = kept.iter().copied().filter(|op| call(*op) != gone);
            let rest: Vec<u32> = rest.collect();
            if contradicts(known, &rest, find) {
                kept = rest;
            }
        }
        if kept.len() == before {
            return (kept, true);
        }
    }
}

/// Whether some ops alone contradict it.
fn contradicts(known: &Known<'_>, kept: &[u32], find: fn(&Known<'_>) -> Vec<Vec<u32>>) -> bool {
    let mut sessions = BTreeMap::new();
    let op = |at: &u32| {
        let op = known.ops[*at as usize];
        let next = sessions.len() as u32;
        let session = *sessions.entry(op.session).or_insert(next);
        Op { session, ..op }
    };
    let ops: Vec<Op> = kept.iter().map(op).collect();
    !find(&Known::of(&ops)).is_empty()
}
