//! The checker `sequential`: a read that has a write of a client also has all that this client wrote before.
//!
//! Sequential consistency of single writes: each client's own take effect in its own order (Lamport, "How to Make a
//! Multiprocessor Computer", 1979). A write of unknown outcome ends its client's session, and says nothing.
//!
//! **Sound** for strong session serializability, and for anything that is causally consistent, where each key is written
//! once. **Complete** for pairs of writes as one read shows them. O(n·k log k) for n reads of k keys. After Jepsen's
//! `sequential`, which reads the keys one after the other, last first.

use std::collections::BTreeMap;

use history::{History, Outcome, ops::Snapshot};

use super::{Looks, key_of};
use crate::{
    Budget, Checker, Verdict,
    findings::{CERTAIN, Findings, Told},
    words::{Words, capital},
};

/// Judges reads of several keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequential;

impl Checker<Snapshot> for Sequential {
    fn name(&self) -> &str {
        "sequential"
    }

    fn decides(&self) -> String {
        "what a client wrote is seen in the order in which it wrote".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound where each key is written once, and complete for pairs of writes as one read shows them"
    }

    fn check(&self, history: &History<Snapshot>, _: Budget) -> Verdict {
        let words = Words(history);
        let spans = history.spans();
        let mut findings = Findings::new(history, "sequential");
        let looks = Looks::of(history);
        for look in &looks.all {
            // The earliest write of each client that is lacking although it was acknowledged.
            let mut missing: BTreeMap<u32, usize> = BTreeMap::new();
            for write in &look.lacks {
                if matches!(spans[*write].outcome, Outcome::Ok(_)) {
                    let first = missing.entry(spans[*write].process.0).or_insert(*write);
                    *first = (*first).min(*write);
                }
            }
            for later in &look.has {
                let Some(earlier) = missing.get(&spans[*later].process.0) else {
                    continue;
                };
                // Positions are in the order of calls.
                if earlier >= later {
                    continue;
                }
                findings.add("sequential-violation", &[*earlier, *later, look.at], || {
                    let (x, y) = (key_of(history, *earlier), key_of(history, *later));
                    Told {
                        title: format!("{y} seen without {x}, which its client wrote first"),
                        explanation: format!(
                            "{} Then the same client wrote {y}. {} read both in one transaction, and saw what was written to {y} \
                             and nothing in {x}.",
                            words.call(*earlier),
                            capital(&words.place(look.at))
                        ),
                        key: None,
                        confidence: CERTAIN,
                        minimal: true,
                    }
                });
            }
        }
        findings.or_else(|| looks.pass("sequential/nothing-partial"))
    }
}
