//! One register as clusters: each value with its write and its reads.
//!
//! A compare-and-set counts as a read of what it expected and a write of what it left, at any two moments of its call.
//! A write of unknown outcome happened if its value was observed by something that happened, as in
//! [`linear`](crate::linear); otherwise it is dropped.

use std::collections::BTreeMap;

use history::{History, Outcome, Register, RegisterOp, RegisterReturn};

/// An end that never came.
pub(super) const NEVER: i64 = i64::MAX;

/// A read, or what a compare-and-set expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) call: usize,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// Who wrote it; nobody if it was there at first.
    pub(super) writer: Option<usize>,
    pub(super) start: i64,
    /// When it was certainly written: the write had ended, or a read of it.
    pub(super) end: i64,
    pub(super) reads: Vec<Read>,
}

impl Cluster {
    /// The read that was made last.
    pub(super) fn last_read(&self) -> Option<&Read> {
        self.reads.iter().max_by_key(|read| read.start)
    }

    /// The latest start of all, if reads had been made earlier by this much.
    pub(super) fn last_start(&self, earlier: i64) -> i64 {
        let last = self.last_read().map(|read| read.start - earlier);
        self.start.max(last.unwrap_or(i64::MIN))
    }
}

/// Why a register has no clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclear {
    /// A value was written twice.
    Repeated,
    /// A read returned what nobody had tried to write when it ended.
    Unfounded(usize),
}

/// What one call was. Times are of one clock, ordered or real.
#[derive(Debug, Clone, Copy)]
pub(super) struct Op {
    pub(super) observes: Option<Option<i64>>,
    pub(super) makes: Option<i64>,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) call: usize,
}

/// The calls of one key that happened, or may have, in order.
pub(super) fn ops(
    history: &History<Register>,
    calls: &[usize],
    clock: fn(&history::Span<Register>) -> (i64, i64),
) -> Vec<Op> {
    let mut ops = Vec::with_capacity(calls.len());
    for &call in calls {
        let span = &history.spans()[call];
        let (start, end) = clock(span);
        let (end, ret) = match &span.outcome {
            Outcome::Ok(ret) => (end, Some(ret)),
            Outcome::Info(_) => (NEVER, None),
            Outcome::Fail(_) => continue,
        };
        let (observes, makes) = match (span.call.op, ret) {
            (RegisterOp::Read, Some(RegisterReturn::Value(seen))) => (Some(*seen), None),
            (RegisterOp::Read, _) => continue,
            (RegisterOp::Write(v), _) => (None, Some(v)),
            (RegisterOp::Cas { from, to }, _) => (Some(Some(from)), Some(to)),
        };
        ops.push(Op {
            observes,
            makes,
            start,
            end,
            call,
        });
    }
    ops
}

/// The clusters, the initial value's first.
pub(super) fn clusters(ops: &[Op]) -> Result<Vec<Cluster>, Unclear> {
    let mut makers: BTreeMap<Option<i64>, usize> = BTreeMap::new();
    for (i, op) in ops.iter().enumerate() {
        if let Some(v) = op.makes
            && makers.insert(Some(v), i).is_some()
        {
            return Err(Unclear::Repeated);
        }
    }
    let mut happened: Vec<bool> = ops.iter().map(|op| op.end != NEVER).collect();
    let mut open: Vec<usize> = (0..ops.len()).filter(|i| happened[*i]).collect();
    while let Some(i) = open.pop() {
        let Some(seen) = ops[i].observes else {
            continue;
        };
        match (seen, makers.get(&seen)) {
            (_, Some(maker)) if !std::mem::replace(&mut happened[*maker], true) => {
                open.push(*maker);
            }
            (Some(_), None) => return Err(Unclear::Unfounded(ops[i].call)),
            (_, Some(_)) | (None, None) => {}
        }
    }
    let mut clusters = vec![Cluster {
        writer: None,
        start: -1,
        end: -1,
        reads: Vec::new(),
    }];
    let mut places: BTreeMap<Option<i64>, usize> = BTreeMap::from([(None, 0)]);
    for (i, op) in ops.iter().enumerate().filter(|(i, _)| happened[*i]) {
        if op.makes.is_some() && makers[&op.makes] == i {
            places.insert(op.makes, clusters.len());
            clusters.push(Cluster {
                writer: Some(op.call),
                start: op.start,
                end: op.end,
                reads: Vec::new(),
            });
        }
    }
    for op in ops
        .iter()
        .enumerate()
        .filter(|(i, _)| happened[*i])
        .map(|(_, op)| op)
    {
        let Some(seen) = op.observes else { continue };
        let cluster = &mut clusters[places[&seen]];
        if op.end < cluster.start {
            return Err(Unclear::Unfounded(op.call));
        }
        cluster.end = cluster.end.min(op.end);
        cluster.reads.push(Read {
            start: op.start,
            end: op.end,
            call: op.call,
        });
    }
    Ok(clusters)
}
