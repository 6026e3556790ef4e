//! Sequential consistency of each key for itself: one order of its reads and writes that keeps every session's and in which
//! each read sees the last write before it (Lamport 1979; for one location it is called coherence).
//!
//! With values that are written once, a write and its reads stand together. So: is there an order of the versions in which
//! those that a session wrote or read come in its order? All session guarantees at once, in one order for all. Sound and
//! complete. O(n).

use super::{
    ops::{FIRST, Known},
    versions::{Edge, Key, acyclic, cycle},
};

/// Ops that contradict it: a cycle of versions, or a version that was there first after another, or before it was written.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for key in Key::all(known) {
        let mut edges = Vec::new();
        for session in &key.sessions {
            let mut last: Option<u32> = None;
            for op in session {
                let version = known.source[*op as usize];
                if !known.is_write(*op) && known.read(*op).is_none() {
                    continue;
                }
                if version == FIRST {
                    if let Some(last) = last {
                        found.push(vec![known.source[last as usize], last, *op]);
                    }
                    continue;
                }
                if version > *op
                    && known.ops[version as usize].session == known.ops[*op as usize].session
                {
                    found.push(vec![*op, version]);
                }
                if let Some(last) = last {
                    let from = known.source[last as usize];
                    if from != version {
                        edges.push(Edge {
                            from,
                            to: version,
                            why: [last, *op],
                        });
                    }
                }
                last = Some(*op);
            }
        }
        if !acyclic(&edges) {
            found.extend(cycle(&edges));
        }
    }
    found
}
