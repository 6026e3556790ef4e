//! The orders that the record itself gives: of the transactions of a process, and real time.
//!
//! Real time is an interval order, of up to n² pairs. Here it has linear size: hubs are moments, each leads to the next,
//! a transaction that ended leads to the first moment at or after its end, and a moment leads to the transactions that
//! began after it and before the next. A moment is made only where a transaction begins after another ended.

use std::collections::BTreeMap;

use super::{
    graph::{Edge, Label},
    table::{Fate, Table},
};

/// Edges from each transaction to the next one of its process. O(n log p).
pub(super) fn processes(table: &Table<'_>, committed: &[bool], edges: &mut Vec<Edge>) {
    let mut last: BTreeMap<u32, u32> = BTreeMap::new();
    for (txn, span) in table.history.spans().iter().enumerate() {
        if !committed[txn] {
            continue;
        }
        let to = txn as u32;
        if let Some(from) = last.insert(span.process.0, to) {
            edges.push(Edge {
                from,
                to,
                label: Label::Process,
            });
        }
    }
}

/// Edges of real time; hubs are numbered from `first`. Returns how many. O(n log n).
pub(super) fn realtime(
    table: &Table<'_>,
    committed: &[bool],
    first: u32,
    edges: &mut Vec<Edge>,
) -> u32 {
    let label = Label::Realtime;
    let ok = |txn: &u32| table.fate(*txn) == Fate::Ok;
    let mut ends: Vec<(u32, u32)> = (0..table.len() as u32)
        .filter(ok)
        .filter_map(|txn| Some((table.committed_by(txn)?, txn)))
        .collect();
    ends.sort_unstable();
    let mut ends = ends.into_iter().peekable();
    let mut hubs = 0;
    // Whether a transaction began since the last moment was made.
    let mut stale = true;
    for (txn, span) in table.history.spans().iter().enumerate() {
        if !committed[txn] {
            continue;
        }
        while let Some((_, from)) = ends.next_if(|(end, _)| *end < span.invoked.0) {
            if stale {
                if hubs > 0 {
                    edges.push(Edge {
                        from: first + hubs - 1,
                        to: first + hubs,
                        label,
                    });
                }
                hubs += 1;
                stale = false;
            }
            edges.push(Edge {
                from,
                to: first + hubs - 1,
                label,
            });
        }
        if hubs > 0 {
            edges.push(Edge {
                from: first + hubs - 1,
                to: txn as u32,
                label,
            });
            stale = true;
        }
    }
    hubs
}
