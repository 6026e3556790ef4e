//! Reads of several registers in one transaction, each register written once: what they show of the order of writes.
//!
//! A read *has* a key if it saw the value of its write, and *lacks* it if it saw nothing. Keys that are written more than
//! once are left out, and counted: nothing says which of two values is the newer one.

mod causal_reverse;
mod long_fork;
mod sequential;

use std::collections::BTreeMap;

pub use causal_reverse::CausalReverse;
use history::{
    History, Key, Outcome,
    ops::{Snapshot, SnapshotCall, SnapshotReturn},
};
pub use long_fork::LongFork;
pub use sequential::Sequential;

use crate::{Cause, Evidence, Verdict, findings::evidence};

/// A read of several registers.
struct Look {
    /// Its position in the history.
    at: usize,
    /// The writes of the keys that it has, by their positions.
    has: Vec<usize>,
    /// The writes of the keys that it lacks, which may not have happened.
    lacks: Vec<usize>,
}

/// What reads showed.
struct Looks {
    all: Vec<Look>,
    writes: u64,
    left_out: u64,
}

impl Looks {
    /// Of values that do not fit their key's only write nothing is said here.
    fn of(history: &History<Snapshot>) -> Self {
        let mut writers: BTreeMap<&Key, Vec<usize>> = BTreeMap::new();
        for (at, span) in history.spans().iter().enumerate() {
            if let SnapshotCall::Write { key, .. } = &span.call
                && !matches!(span.outcome, Outcome::Fail(_))
            {
                writers.entry(key).or_default().push(at);
            }
        }
        let only = |key: &Key| match writers.get(key).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        };
        let mut all = Vec::new();
        for (at, span) in history.spans().iter().enumerate() {
            let (SnapshotCall::Read(keys), Outcome::Ok(SnapshotReturn::Values(values))) =
                (&span.call, &span.outcome)
            else {
                continue;
            };
            let (mut has, mut lacks) = (Vec::new(), Vec::new());
            for (key, value) in keys.iter().zip(values) {
                let Some(writer) = only(key) else { continue };
                match (&history.spans()[writer].call, value) {
                    (_, None) => lacks.push(writer),
                    (SnapshotCall::Write { value: wrote, .. }, Some(seen)) if wrote == seen => {
                        has.push(writer);
                    }
                    _ => {}
                }
            }
            all.push(Look { at, has, lacks });
        }
        Self {
            all,
            writes: writers.values().filter(|w| w.len() == 1).count() as u64,
            left_out: writers.values().filter(|w| w.len() > 1).count() as u64,
        }
    }

    /// A pass, if anything was seen in part; else this doubt.
    fn pass(&self, doubt: &str) -> Verdict {
        let partial = |look: &&Look| !look.has.is_empty() && !look.lacks.is_empty();
        let telling = self.all.iter().filter(partial).count() as u64;
        if telling == 0 {
            return Verdict::Unknown(Cause {
                code: doubt.to_owned(),
                text: "no read saw some of its keys written and others not yet".to_owned(),
                remedy: "read the keys of a group while they are written".to_owned(),
            });
        }
        let mut notes = Vec::new();
        if self.left_out > 0 {
            notes.push(format!(
                "{} keys were written more than once, and left out",
                self.left_out
            ));
        }
        let Evidence { counts, .. } = evidence(
            [
                ("ok reads", self.all.len() as u64),
                ("reads between writes", telling),
                ("keys written once", self.writes),
            ],
            Vec::new(),
        );
        Verdict::Pass(Evidence { counts, notes })
    }
}

/// `key 3`, of a write.
fn key_of(history: &History<Snapshot>, write: usize) -> String {
    match &history.spans()[write].call {
        SnapshotCall::Write { key, .. } => format!("key {key}"),
        SnapshotCall::Read(_) => unreachable!("writers are writes"),
    }
}

#[cfg(test)]
mod tests;
