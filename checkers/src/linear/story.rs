//! What the witness of a register shows: which of the known kinds of thing went wrong, by the shape of its calls.

use super::prepare::{FastMap, INITIAL, Kind, Op, Register1};

/// What a witness shows.
pub(super) enum Story {
    /// An observation of a value that only failed calls would have made, or that nothing made.
    FromNowhere { seen: Op, failed: Option<u32> },
    /// A read that ended before its write was called.
    Future { seen: Op, made: Op },
    /// Two compare-and-sets that both replaced the same value.
    Forked { first: Op, second: Op },
    /// An acknowledged mutation that a later observer did not see; and the value's own maker, if it has one. `lost` if
    /// nobody ever saw it.
    Stale { by: Op, seen: Op, lost: bool },
    /// A read of a newer value, and a later read of an older one.
    Backwards { newer: Op, older: Op },
    /// Anything else.
    Tangle,
}

/// Recognizes the story. The witness is in order of starts.
pub(super) fn read(register: &Register1, witness: &[Op]) -> Story {
    // Witnesses may be long chains, so nothing here compares each call with each.
    let mut made: FastMap<u32, (&Op, u32)> = FastMap::default();
    for op in witness.iter().filter(|op| op.mutates()) {
        made.entry(op.value).or_insert((op, 0)).1 += 1;
    }
    let only_maker = |v: u32| made.get(&v).filter(|(_, n)| *n == 1).map(|(op, _)| *op);
    let mut ever = vec![false; register.values.len()];
    ever[INITIAL as usize] = true;
    for v in register.ops.iter().filter_map(Op::produces) {
        ever[v as usize] = true;
    }
    let observers = || witness.iter().filter_map(|op| Some((op, op.observes()?)));
    for (seen, v) in observers() {
        if !ever[v as usize] {
            let failed = register.failed.iter().find(|(value, _)| *value == v);
            return Story::FromNowhere {
                seen: *seen,
                failed: failed.map(|(_, span)| *span),
            };
        }
    }
    for (seen, v) in observers() {
        if let Some(made) = only_maker(v).filter(|made| seen.precedes(made)) {
            return Story::Future {
                seen: *seen,
                made: *made,
            };
        }
    }
    let mut swaps: FastMap<u32, &Op> = FastMap::default();
    for (second, v) in observers().filter(|(op, _)| op.mutates()) {
        let once = only_maker(v).is_some() || v == INITIAL && !made.contains_key(&v);
        if let Some(first) = swaps.insert(v, second).filter(|_| once) {
            return Story::Forked {
                first: *first,
                second: *second,
            };
        }
    }
    let mut ended: Vec<&Op> = witness.iter().filter(|op| op.mutates()).collect();
    ended.sort_unstable_by_key(|op| op.end);
    for (seen, v) in observers() {
        // The last thing that certainly overwrote it before it began.
        let before = ended.partition_point(|op| op.precedes(seen));
        let Some(by) = ended[..before].iter().rev().find(|op| op.value != v) else {
            continue;
        };
        let first = v == INITIAL && !made.contains_key(&v);
        if first || only_maker(v).is_some_and(|own| own.precedes(by)) {
            return Story::Stale {
                by: **by,
                seen: *seen,
                lost: lost(register, by, seen),
            };
        }
    }
    let reads = || witness.iter().filter(|op| op.kind == Kind::Read);
    for (older, v) in observers() {
        let newer = reads().find(|op| op.value != v && op.precedes(older));
        if let Some(newer) = newer {
            return Story::Backwards {
                newer: *newer,
                older: *older,
            };
        }
    }
    Story::Tangle
}

/// Whether a mutation left no trace: nobody ever observed it, nothing was called after it that could have overwritten
/// it, and reads on several occasions say that it is not there. Where something came later, an unseen value proves no
/// more than that those who read were behind.
fn lost(register: &Register1, by: &Op, seen: &Op) -> bool {
    let observed = register
        .ops
        .iter()
        .any(|op| op.observes() == Some(by.value));
    let overwritten = register
        .ops
        .iter()
        .any(|op| op.mutates() && op.start != by.start && op.end > by.start);
    if seen.kind != Kind::Read || observed || overwritten {
        return false;
    }
    let missed = |op: &&Op| op.kind == Kind::Read && by.precedes(op) && op.value == seen.value;
    register.ops.iter().filter(missed).count() > 1
}
