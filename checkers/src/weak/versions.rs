//! The order of one key's versions, as far as it must be: a graph of writes, and its shortest cycle.

use std::collections::{BTreeMap, VecDeque};

use super::ops::Known;

/// One version is older than another, for two ops of a session say so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) why: [u32; 2],
}

/// The ops of one key.
pub(super) struct Key {
    /// By session, in order.
    pub(super) sessions: Vec<Vec<u32>>,
}

impl Key {
    /// All of them. O(n log n).
    pub(super) fn all(known: &Known<'_>) -> Vec<Self> {
        let mut keys: BTreeMap<u32, BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
        for (at, op) in known.ops.iter().enumerate() {
            let sessions = keys.entry(op.key).or_default();
            sessions.entry(op.session).or_default().push(at as u32);
        }
        let key = |sessions: BTreeMap<u32, Vec<u32>>| Self {
            sessions: sessions.into_values().collect(),
        };
        keys.into_values().map(key).collect()
    }
}

fn rows(edges: &[Edge]) -> BTreeMap<u32, Vec<&Edge>> {
    let mut rows: BTreeMap<u32, Vec<&Edge>> = BTreeMap::new();
    for edge in edges {
        rows.entry(edge.from).or_default().push(edge);
    }
    rows
}

/// Whether there is an order. O(n log n).
pub(super) fn acyclic(edges: &[Edge]) -> bool {
    let rows = rows(edges);
    let mut left: BTreeMap<u32, u32> = BTreeMap::new();
    for edge in edges {
        left.entry(edge.from).or_default();
        *left.entry(edge.to).or_default() += 1;
    }
    let free = left.iter().filter(|(_, n)| **n == 0);
    let mut free: Vec<u32> = free.map(|(node, _)| *node).collect();
    let mut done = 0;
    while let Some(node) = free.pop() {
        done += 1;
        for edge in rows.get(&node).into_iter().flatten() {
            let n = left.get_mut(&edge.to).expect("every end is there");
            *n -= 1;
            if *n == 0 {
                free.push(edge.to);
            }
        }
    }
    done == left.len()
}

/// How many starts are tried for the shortest cycle.
const STARTS: usize = 64;

/// The ops of a short cycle: its versions, and who says in what order they stand.
pub(super) fn cycle(edges: &[Edge]) -> Option<Vec<u32>> {
    let rows = rows(edges);
    let mut best: Option<Vec<&Edge>> = None;
    let mut tried = 0;
    for start in edges {
        let mut came: BTreeMap<u32, &Edge> = BTreeMap::new();
        let mut queue = VecDeque::from([start.to]);
        while let Some(node) = queue.pop_front() {
            if came.contains_key(&start.from) || node == start.from {
                break;
            }
            for edge in rows.get(&node).into_iter().flatten() {
                if edge.to != start.to && !came.contains_key(&edge.to) {
                    came.insert(edge.to, edge);
                    queue.push_back(edge.to);
                }
            }
        }
        let mut path = vec![start];
        let mut at = start.from;
        while let Some(edge) = came.get(&at) {
            path.push(edge);
            at = edge.from;
        }
        if at != start.to {
            continue;
        }
        tried += 1;
        if best.as_ref().is_none_or(|best| path.len() < best.len()) {
            best = Some(path);
        }
        if tried == STARTS || best.as_ref().is_some_and(|best| best.len() <= 2) {
            break;
        }
    }
    let ops = best?
        .into_iter()
        .flat_map(|e| [e.from, e.to, e.why[0], e.why[1]]);
    let mut ops: Vec<u32> = ops.collect();
    ops.sort_unstable();
    ops.dedup();
    Some(ops)
}
