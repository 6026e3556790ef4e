//! Linearizability of a register with read, write and compare-and-set where no value is made twice: sound and complete
//! for these, in O(n log n) for n calls, at any concurrency, with calls of unknown outcome.
//!
//! Gibbons & Korach, "Testing shared memories" (1997), section 4, decide this for reads and writes by comparing zones.
//! What follows adds compare-and-set and unknown outcomes.
//!
//! **What happened.** A write or compare-and-set with an unknown outcome happened if its value was observed, by a read or
//! by a compare-and-set that happened itself; its end is then infinitely late. This is the least set with that property:
//! beginning with the calls whose end is known, whatever they observed was made, and so on. All others can never have
//! happened, in every order alike, because nothing that happened depends on them: they are dropped.
//!
//! **Blocks.** A *cluster* is a value's maker and its readers. In any order of the calls, a cluster is contiguous up to
//! the next call that makes a value, and a compare-and-set from `a` to `b` makes the next value right after `a`. So
//! clusters that are chained by compare-and-set form a *block*, within which no foreign call can stand. A block begins
//! with a write; the initial value is written before everything. It is impossible that a value is observed that nothing
//! made, that two compare-and-sets expect one value, or that a chain closes on itself.
//!
//! **Within a block** the order is forced: maker, its readers in any order, the next maker, and so on. It respects real
//! time iff no call ended before one that stands earlier (in an earlier group) began: compare each end with the latest
//! start in all groups before.
//!
//! **Between blocks**, let `s` be the latest start and `f` the earliest end of a block's calls. Some call of block 1
//! ended before some call of block 2 began iff f1 < s2; then all of block 1 stands before all of block 2. An order of
//! the blocks exists iff this relation has no cycle. If it has one, it has one of length two: let B be the
//! block of the cycle with the smallest f, A the one that precedes B, and Z the one that precedes A (perhaps B itself).
//! Then fB ≤ fZ < sA, so B precedes A, as A precedes B. Hence it suffices to look for two blocks with f1 < s2 and f2 < s1: sort by f, and ask of each
//! block for the largest s among those with an f less than both its own f and its own s.
//!
//! **An order**, where there is no conflict: blocks by the lesser of s and f, and within each the order that is forced, with
//! the readers of a value in the order of their starts. For let f1 < s2. If block 1 has f1 ≤ s1, its key f1 is less than
//! s2, and less than f2, for otherwise f2 < f1 ≤ s1 and each would precede the other. If it has s1 < f1, its key s1 is less
//! than s2, and less than f2, for otherwise f2 < s1, likewise.

use super::prepare::{INITIAL, Kind, Op, Register1};

const NONE: u32 = u32::MAX;

/// Some calls that cannot all have happened. Indices of ops, in no particular order; the makers of the values that they
/// observe are implied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) ops: Vec<u32>,
    /// By how much, in positions of the record, it misses being possible: of many conflicts, the widest are the easiest
    /// to believe.
    pub(super) margin: u32,
}

impl Conflict {
    /// One that has nothing to do with time.
    fn absolute(ops: Vec<u32>) -> Self {
        Self {
            ops,
            margin: u32::MAX,
        }
    }
}

/// Which ops happened: those whose end is known, and, beginning from these, the makers of what they observed. Two
/// compare-and-sets of unknown outcome that observe only each other prove nothing, and are not among them.
struct Happened {
    kept: Vec<bool>,
    /// Of those whose outcome is unknown: who observed them, and so proves it.
    because: Vec<u32>,
}

impl Happened {
    fn new(ops: &[Op], makers: &[u32]) -> Self {
        let mut kept: Vec<bool> = ops.iter().map(|op| !op.is_info()).collect();
        let mut because = vec![NONE; ops.len()];
        let mut open: Vec<u32> = (0..ops.len() as u32)
            .filter(|i| kept[*i as usize])
            .collect();
        while let Some(i) = open.pop() {
            let Some(seen) = ops[i as usize].observes() else {
                continue;
            };
            let maker = makers[seen as usize];
            if maker != NONE && !std::mem::replace(&mut kept[maker as usize], true) {
                because[maker as usize] = i;
                open.push(maker);
            }
        }
        Self { kept, because }
    }

    /// Adds to a conflict what proves that its ops happened: it means nothing without.
    fn prove(&self, conflict: &mut Conflict) {
        let mut at = 0;
        while let Some(op) = conflict.ops.get(at) {
            let because = self.because[*op as usize];
            if because != NONE && !conflict.ops.contains(&because) {
                conflict.ops.push(because);
            }
            at += 1;
        }
    }
}

/// The earliest end and the latest start within a block, and which ops have them.
#[derive(Debug, Clone, Copy)]
struct Zone {
    first_end: u32,
    ends: u32,
    last_start: u32,
    starts: u32,
}

/// Who made each value, who observed it, and which of the ops happened.
struct Clusters<'a> {
    ops: &'a [Op],
    makers: Vec<u32>,
    happened: Happened,
    /// Who read a value, as lists in one array.
    readers: Lists,
    /// Who replaced a value by compare-and-set: the block goes on there.
    following: Vec<u32>,
}

impl<'a> Clusters<'a> {
    /// And the conflicts that have nothing to do with time. Where there are any, blocks are not well defined.
    fn new(register: &Register1, ops: &'a [Op]) -> (Self, Vec<Conflict>) {
        let values = register.values.len();
        let mut makers = vec![NONE; values];
        for (i, op) in ops.iter().enumerate() {
            if let Some(v) = op.produces() {
                debug_assert!(
                    v != INITIAL && makers[v as usize] == NONE,
                    "values are distinct"
                );
                makers[v as usize] = i as u32;
            }
        }
        let happened = Happened::new(ops, &makers);
        let readers = Lists::new(values, ops, |op| {
            (op.kind == Kind::Read).then_some(op.value)
        });
        let mut conflicts = Vec::new();
        let mut following = vec![NONE; values];
        for (i, op) in ops.iter().enumerate().filter(|(i, _)| happened.kept[*i]) {
            let Some(seen) = op.observes() else { continue };
            if seen != INITIAL && makers[seen as usize] == NONE {
                conflicts.push(Conflict::absolute(vec![i as u32]));
                continue;
            }
            if op.mutates() {
                match following[seen as usize] {
                    NONE => following[seen as usize] = i as u32,
                    other => conflicts.push(Conflict::absolute(vec![other, i as u32])),
                }
            }
        }
        let clusters = Self {
            ops,
            makers,
            happened,
            readers,
            following,
        };
        (clusters, conflicts)
    }

    /// The values with which blocks begin: the initial one, and those that were written.
    fn roots(&self) -> impl Iterator<Item = u32> {
        (0..self.makers.len() as u32).filter(|v| match self.makers[*v as usize] {
            NONE => *v == INITIAL,
            maker => {
                let maker = maker as usize;
                self.happened.kept[maker] && self.ops[maker].kind == Kind::Write
            }
        })
    }

    /// The value that replaced another within its block.
    fn next(&self, value: u32) -> Option<u32> {
        match self.following[value as usize] {
            NONE => None,
            next => Some(self.ops[next as usize].value),
        }
    }
}

/// All conflicts, each within one block or between two; empty iff the register is linearizable.
pub(super) fn conflicts(register: &Register1, ops: &[Op]) -> Vec<Conflict> {
    let (clusters, mut conflicts) = Clusters::new(register, ops);
    if conflicts.is_empty() {
        let mut visited = vec![false; register.values.len()];
        let mut zones = Vec::new();
        for root in clusters.roots() {
            zones.push(block(&clusters, root, &mut visited, &mut conflicts));
        }
        rings(&clusters, &mut visited, &mut conflicts);
        between(zones, &mut conflicts);
    }
    conflicts
        .iter_mut()
        .for_each(|c| clusters.happened.prove(c));
    conflicts
}

/// An order of those ops that happened, if there are no conflicts.
pub(super) fn order(register: &Register1, ops: &[Op]) -> Option<Vec<u32>> {
    if !conflicts(register, ops).is_empty() {
        return None;
    }
    let clusters = Clusters::new(register, ops).0;
    let mut visited = vec![false; register.values.len()];
    let mut blocks: Vec<(u32, u32)> = Vec::new();
    for root in clusters.roots() {
        let zone = block(&clusters, root, &mut visited, &mut Vec::new());
        blocks.push((zone.first_end.min(zone.last_start), root));
    }
    blocks.sort_unstable();
    let mut order = Vec::with_capacity(ops.len());
    for (_, root) in blocks {
        let mut value = Some(root);
        while let Some(v) = value {
            let maker = clusters.makers[v as usize];
            order.extend((maker != NONE).then_some(maker));
            order.extend_from_slice(clusters.readers.of(v));
            value = clusters.next(v);
        }
    }
    Some(order)
}

/// Chains of compare-and-set without a beginning.
fn rings(clusters: &Clusters<'_>, visited: &mut [bool], conflicts: &mut Vec<Conflict>) {
    let Clusters { ops, makers, .. } = clusters;
    for v in 0..makers.len() {
        let maker = makers[v];
        if maker == NONE || !clusters.happened.kept[maker as usize] || visited[v] {
            continue;
        }
        let mut ring = Vec::new();
        let mut at = v;
        while !visited[at] {
            visited[at] = true;
            ring.push(makers[at]);
            let Kind::Cas(from) = ops[makers[at] as usize].kind else {
                break;
            };
            at = from as usize;
        }
        conflicts.push(Conflict::absolute(ring));
    }
}

/// Walks one block in its forced order.
fn block(
    clusters: &Clusters<'_>,
    root: u32,
    visited: &mut [bool],
    conflicts: &mut Vec<Conflict>,
) -> Zone {
    let Clusters { ops, makers, .. } = clusters;
    // The initial value was written before everything.
    let mut zone = match makers[root as usize] {
        NONE => Zone {
            first_end: 0,
            ends: NONE,
            last_start: 0,
            starts: NONE,
        },
        _ => Zone {
            first_end: NONE,
            ends: NONE,
            last_start: 0,
            starts: NONE,
        },
    };
    // The latest start in the groups before this one.
    let mut before = (0, NONE);
    let mut take = |group: &[u32], zone: &mut Zone| {
        let mut latest = before;
        for &i in group {
            let op = &ops[i as usize];
            if op.end < before.0 {
                conflicts.push(Conflict {
                    ops: vec![before.1, i],
                    margin: before.0 - op.end,
                });
            }
            if op.start > latest.0 {
                latest = (op.start, i);
            }
            if op.end < zone.first_end {
                (zone.first_end, zone.ends) = (op.end, i);
            }
        }
        before = latest;
        (zone.last_start, zone.starts) = before;
    };
    let mut value = root;
    loop {
        visited[value as usize] = true;
        if makers[value as usize] != NONE {
            take(&[makers[value as usize]], &mut zone);
        }
        take(clusters.readers.of(value), &mut zone);
        match clusters.next(value) {
            None => return zone,
            Some(next) => value = next,
        }
    }
}

/// Pairs of blocks each of which precedes the other.
fn between(mut zones: Vec<Zone>, conflicts: &mut Vec<Conflict>) {
    zones.sort_unstable_by_key(|zone| zone.first_end);
    // Which of the zones up to each has the largest start.
    let mut largest = Vec::with_capacity(zones.len());
    let mut best = 0usize;
    for (i, zone) in zones.iter().enumerate() {
        if zone.last_start > zones[best].last_start {
            best = i;
        }
        largest.push(best as u32);
    }
    for zone in &zones {
        let until = zone.first_end.min(zone.last_start);
        let before = zones.partition_point(|other| other.first_end < until);
        let Some(other) = before.checked_sub(1).map(|i| zones[largest[i] as usize]) else {
            continue;
        };
        if other.last_start > zone.first_end {
            let all = [other.ends, other.starts, zone.ends, zone.starts];
            conflicts.push(Conflict {
                ops: all.into_iter().filter(|i| *i != NONE).collect(),
                margin: (other.last_start - zone.first_end).min(zone.last_start - other.first_end),
            });
        }
    }
}

/// Lists of ops by value, in one array.
struct Lists {
    offsets: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    fn new(values: usize, ops: &[Op], value: impl Fn(&Op) -> Option<u32>) -> Self {
        let mut offsets = vec![0u32; values + 2];
        for v in ops.iter().filter_map(&value) {
            offsets[v as usize + 2] += 1;
        }
        for v in 2..offsets.len() {
            offsets[v] += offsets[v - 1];
        }
        let mut items = vec![0; offsets[values + 1] as usize];
        for (i, op) in ops.iter().enumerate() {
            if let Some(v) = value(op) {
                items[offsets[v as usize + 1] as usize] = i as u32;
                offsets[v as usize + 1] += 1;
            }
        }
        Self { offsets, items }
    }

    fn of(&self, value: u32) -> &[u32] {
        &self.items
            [self.offsets[value as usize] as usize..self.offsets[value as usize + 1] as usize]
    }
}
