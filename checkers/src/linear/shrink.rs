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
//! - The only mutation left that brings `v`, if no read observes `v`: those that expect `v` are taken for writes from then
//!   on. A write can do all that a compare-and-set can, so an order remains an order; and then nobody observes `v`. A
//!   chain of compare-and-sets as long as the history is cut this way where it matters.
//!
//! So in a witness, a compare-and-set that expects what no call of the witness made counts as a write ([`part`] says so
//! to the engines). One that expects what *nothing* ever made does not: it is impossible as it is.
//!
//! Where a read observes `v` we keep a maker of `v` all the same, because people ask where a value came from.
//!
//! The reduction is delta debugging (Zeller & Hildebrandt 2002) with that restriction: first the latest calls alone, then
//! without ever smaller stretches, and at last without single calls, until each that may go is needed.

use std::collections::BTreeSet;

use super::prepare::{INITIAL, Kind, Op, Register1};

/// Some of a register's ops as a register of their own. Values are numbered anew, so that what judges a few ops need not
/// look at all values. Whoever expects what only others made is a write.
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
    let mut made = vec![false; old.len() + 1];
    made[INITIAL as usize] = true;
    for v in ops.iter().filter_map(Op::brings) {
        made[number(v) as usize] = true;
    }
    let ops = ops.iter().map(|op| Op {
        kind: match op.kind {
            Kind::Cas(from) if !made[number(from) as usize] && register.made[from as usize] => {
                Kind::Write
            }
            Kind::Cas(from) => Kind::Cas(number(from)),
            other => other,
        },
        value: number(op.value),
        ..*op
    });
    Register1 {
        key: register.key.clone(),
        ops: ops.collect(),
        made,
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
    /// Of each value: how many reads observe it.
    reads: Vec<u32>,
    /// Of each value: starts of those that bring it.
    makers: Vec<BTreeSet<u32>>,
    /// Of the mutations in order of start: start, and the earliest end of this or a later one.
    ends: Vec<(u32, u32)>,
}

impl Removal {
    fn new(values: usize, ops: &[Op]) -> Self {
        let mut observers = vec![(Vec::new(), Vec::new()); values];
        let mut makers = vec![BTreeSet::new(); values];
        let mut ends: Vec<(u32, u32)> = Vec::new();
        let mut reads = vec![0; values];
        for op in ops {
            if op.kind == Kind::Read {
                reads[op.value as usize] += 1;
            }
            if let Some(v) = op.observes() {
                observers[v as usize].0.push(op.start);
                observers[v as usize].1.push(op.end);
            }
            if let Some(v) = op.brings() {
                makers[v as usize].insert(op.start);
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
            reads,
            makers,
            ends,
        }
    }

    fn permits(&self, op: &Op) -> bool {
        let Some(v) = op.brings() else {
            return true;
        };
        let (starts, ends) = &self.observers[v as usize];
        if starts.is_empty() {
            return true;
        }
        let makers = &self.makers[v as usize];
        if v != INITIAL && makers.len() == 1 && self.reads[v as usize] == 0 {
            return true;
        }
        let later = self.ends.partition_point(|(start, _)| *start <= op.end);
        let overwritten = self.ends.get(later).map_or(u32::MAX, |(_, end)| *end);
        // Observers that ended before it began also began before it was overwritten.
        let before = ends.partition_point(|end| *end < op.start);
        let observing = starts.partition_point(|start| *start < overwritten) - before;
        let first = ends.get(before).copied().unwrap_or(u32::MAX);
        let explained = makers
            .range(..first)
            .take(2)
            .any(|start| *start != op.start);
        observing == 0 && (explained || before == ends.len() && makers.len() > 1)
    }

    /// A mutation went.
    fn forget(&mut self, op: &Op) {
        if let Some(v) = op.brings() {
            self.makers[v as usize].remove(&op.start);
        }
    }
}

/// Which ops may go, one at a time.
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

/// How many of the latest calls are looked at alone, at most.
const LATEST: usize = 4096;

/// The latest few of the calls that began before `until`, with all that may not go while they stay, if these few fail
/// already.
pub(super) fn latest(
    register: &Register1,
    ops: &[Op],
    until: u32,
    mut fails: impl FnMut(&[Op]) -> bool,
) -> Option<Vec<Op>> {
    let kept = without(register, ops, |op| op.end > until);
    let lengths = std::iter::successors(Some(16), |n| Some(n * 4));
    lengths
        .take_while(|n| *n < kept.len().min(LATEST))
        .map(|n| {
            let from = kept[kept.len() - n].start;
            without(register, &kept, |op| op.start < from)
        })
        .find(|few| fails(few))
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
    let mut kept = latest(register, ops, until, &mut fails).unwrap_or_else(|| {
        let before = without(register, ops, |op| op.end > until);
        if fails(&before) { before } else { ops.to_vec() }
    });
    let mut may = removable(register, &kept);
    let mut stretch = (kept.len() / 2).max(1);
    loop {
        let mut changed = false;
        let mut from = 0;
        while from < kept.len() {
            let to = (from + stretch).min(kept.len());
            // Long chains that nobody may touch are common.
            if !may[from..to].contains(&true) {
                from = to;
                continue;
            }
            let (first, last) = (kept[from].start, kept[to - 1].start);
            let fewer = without(register, &kept, |op| (first..=last).contains(&op.start));
            if fails(&fewer) {
                kept = fewer;
                may = removable(register, &kept);
                changed = true;
            } else {
                from = to;
            }
        }
        match stretch {
            1 if !changed => return kept,
            1 => {}
            _ => stretch /= 2,
        }
    }
}
