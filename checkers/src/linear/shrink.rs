//! Smallest impossible parts of an impossible register history.
//!
//! Deleting calls freely makes legal histories illegal: without its write, a read is of a value from nowhere. Only what
//! [`Removal`] permits may go, so that a part that is impossible proves that the whole is.
//!
//! A call may go if an order of all calls remains an order without it:
//!
//! - A read, or a compare-and-set from a value to itself: it changes nothing.
//! - A mutation that makes `v`, if nobody can have observed it, that is if each other call that observes `v` ended before
//!   it began, or began after some other mutation that began after it had ended. Take an order of all calls. No observer of
//!   `v` stands between it and the next mutation, and the next mutation, if it is a compare-and-set, expects `v`, hence
//!   is an observer: so it is a write (or nothing follows), and the order stands without it.
//!
//! Where `v` is observed we keep one of its makers all the same, because people ask where a value came from.
//!
//! The reduction is delta debugging (Zeller & Hildebrandt 2002) with that restriction: first the latest calls alone, then
//! without ever smaller stretches, and at last without single calls, until each that may go is needed.

use super::prepare::{INITIAL, Kind, Op, Register1};

/// The same ops with values numbered anew, so that what judges a few of them need not look at all values.
pub(super) fn part(register: &Register1, ops: &[Op]) -> Register1 {
    let mut old: Vec<u32> = ops
        .iter()
        .flat_map(|op| [Some(op.value), op.observes()])
        .flatten()
        .filter(|v| *v != INITIAL)
        .collect();
    old.sort_unstable();
    old.dedup();
    let number = |v: u32| match v {
        INITIAL => INITIAL,
        v => old.partition_point(|o| *o < v) as u32 + 1,
    };
    let ops = ops.iter().map(|op| Op {
        kind: match op.kind {
            Kind::Cas(from) => Kind::Cas(number(from)),
            other => other,
        },
        value: number(op.value),
        ..*op
    });
    Register1 {
        key: register.key.clone(),
        ops: ops.collect(),
        values: std::iter::once(&INITIAL)
            .chain(&old)
            .map(|v| register.values[*v as usize])
            .collect(),
        failed: Vec::new(),
        distinct: register.distinct,
    }
}

/// Who may go.
struct Removal {
    /// Of each value: starts and ends of its observers, each sorted.
    observers: Vec<(Vec<u32>, Vec<u32>)>,
    /// Of each value: starts of its makers, sorted.
    makers: Vec<Vec<u32>>,
    /// Of the mutations in order of start: start, and the earliest end of this or a later one.
    ends: Vec<(u32, u32)>,
}

impl Removal {
    fn new(values: usize, ops: &[Op]) -> Self {
        let mut observers = vec![(Vec::new(), Vec::new()); values];
        let mut makers = vec![Vec::new(); values];
        let mut ends: Vec<(u32, u32)> = Vec::new();
        for op in ops {
            if let Some(v) = op.observes() {
                observers[v as usize].0.push(op.start);
                observers[v as usize].1.push(op.end);
            }
            if let Some(v) = op.produces() {
                makers[v as usize].push(op.start);
                ends.push((op.start, op.end));
            }
        }
        for (_, ends) in &mut observers {
            ends.sort_unstable();
        }
        for i in (1..ends.len()).rev() {
            ends[i - 1].1 = ends[i - 1].1.min(ends[i].1);
        }
        Self {
            observers,
            makers,
            ends,
        }
    }

    fn permits(&self, op: &Op) -> bool {
        let Some(v) = op.produces().filter(|v| op.observes() != Some(*v)) else {
            return true;
        };
        let (starts, ends) = &self.observers[v as usize];
        if starts.is_empty() {
            return true;
        }
        let makers = &self.makers[v as usize];
        let later = self.ends.partition_point(|(start, _)| *start <= op.end);
        let overwritten = self.ends.get(later).map_or(u32::MAX, |(_, end)| *end);
        // Observers that ended before it began also began before it was overwritten.
        let before = ends.partition_point(|end| *end < op.start);
        let observing = starts.partition_point(|start| *start < overwritten) - before;
        let first = ends.get(before).copied().unwrap_or(u32::MAX);
        let explained = makers
            .iter()
            .any(|start| *start != op.start && *start < first);
        observing == 0 && (explained || before == ends.len() && makers.len() > 1)
    }

    /// A mutation went.
    fn forget(&mut self, op: &Op) {
        if let Some(v) = op.produces() {
            self.makers[v as usize].retain(|start| *start != op.start);
        }
    }
}

/// Which ops may go, one at a time.
#[cfg(test)]
pub(super) fn removable(register: &Register1, ops: &[Op]) -> Vec<bool> {
    let removal = Removal::new(register.values.len(), ops);
    ops.iter().map(|op| removal.permits(op)).collect()
}

/// Rounds of removal within one attempt; each undoes one layer of calls that observe each other.
const ROUNDS: usize = 16;

/// `ops` without those `unwanted` that may go.
///
/// Within a round, calls go in order of their starts: whatever overwrote one of them starts later, so it is still there.
fn without(register: &Register1, ops: &[Op], unwanted: impl Fn(&Op) -> bool) -> Vec<Op> {
    let mut ops = ops.to_vec();
    for _ in 0..ROUNDS {
        let mut removal = Removal::new(register.values.len(), &ops);
        let all = ops.len();
        ops.retain(|op| {
            let goes = unwanted(op) && removal.permits(op);
            if goes {
                removal.forget(op);
            }
            !goes
        });
        if ops.len() == all {
            break;
        }
    }
    ops
}

/// A part of `ops` that `fails` and of which nothing more may go.
///
/// `until` is when the proof was complete: calls that began later are not needed.
pub(super) fn shrink(
    register: &Register1,
    ops: &[Op],
    until: u32,
    mut fails: impl FnMut(&[Op]) -> bool,
) -> Vec<Op> {
    let mut kept = without(register, ops, |op| op.end > until);
    if !fails(&kept) {
        kept = ops.to_vec();
    }
    let mut latest = 16;
    while latest < kept.len() {
        let from = kept[kept.len() - latest].start;
        let few = without(register, &kept, |op| op.start < from);
        if fails(&few) {
            kept = few;
            break;
        }
        latest *= 4;
    }
    let mut stretch = (kept.len() / 2).max(1);
    loop {
        let mut changed = false;
        let mut from = 0;
        while from < kept.len() {
            let first = kept[from].start;
            let last = kept[(from + stretch).min(kept.len()) - 1].start;
            let fewer = without(register, &kept, |op| (first..=last).contains(&op.start));
            if fewer.len() < kept.len() && fails(&fewer) {
                kept = fewer;
                changed = true;
            } else {
                from += stretch;
            }
        }
        match stretch {
            1 if !changed => return kept,
            1 => {}
            _ => stretch /= 2,
        }
    }
}
