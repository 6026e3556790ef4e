//! The checker `long-fork`: two reads do not see two writes in opposite orders.
//!
//! One read has x and lacks y, another has y and lacks x: to the first, x was written before y, to the second, after it.
//! Snapshot isolation and serializability exclude it; parallel snapshot isolation admits it, and is named for it (Sovran,
//! Power, Aguilera & Li, "Transactional Storage for Geo-Replicated Systems", SOSP 2011, section 3).
//!
//! **Sound** where each key is written once. **Complete** for two writes. O(n·k²) for n reads of k keys. After Jepsen's
//! `long-fork`.

use hashbrown::HashMap;
use history::{History, ops::Snapshot};

use super::{Looks, key_of};
use crate::{
    Budget, Checker, Verdict,
    findings::{CERTAIN, Findings, Told},
    words::{Words, capital},
};

/// Judges reads of several keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct LongFork;

impl Checker<Snapshot> for LongFork {
    fn name(&self) -> &str {
        "long-fork"
    }

    fn decides(&self) -> String {
        "no two reads see two writes in opposite orders".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound where each key is written once, and complete for pairs of writes"
    }

    fn check(&self, history: &History<Snapshot>, _: Budget) -> Verdict {
        let words = Words(history);
        let mut findings = Findings::new(history, "snapshot-isolation");
        let looks = Looks::of(history);
        // Of two writes: the first read that has the one and lacks the other.
        let mut orders: HashMap<(usize, usize), usize, foldhash::fast::FixedState> =
            HashMap::default();
        for look in &looks.all {
            for first in &look.has {
                for second in &look.lacks {
                    let at = look.at;
                    orders.entry((*first, *second)).or_insert(at);
                    let Some(before) = orders.get(&(*second, *first)).copied() else {
                        continue;
                    };
                    findings.add("long-fork", &[*first, *second, before, at], || {
                        let (x, y) = (key_of(history, *first), key_of(history, *second));
                        Told {
                            title: format!("long fork of {x} and {y}"),
                            explanation: format!(
                                "{} read both keys in one transaction, and saw what was written to {y} and nothing in {x}. {} \
                                 saw what was written to {x} and nothing in {y}. So each write would have to come before the \
                                 other.",
                                capital(&words.place(before)),
                                capital(&words.place(at))
                            ),
                            key: None,
                            confidence: CERTAIN,
                            minimal: true,
                        }
                    });
                }
            }
        }
        findings.or_else(|| looks.pass("long-fork/nothing-partial"))
    }
}
