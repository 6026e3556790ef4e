//! The checker `causal-reverse`: a read that has a write also has every write that was acknowledged before that one began.
//!
//! Serializability admits it; strict serializability, in which writes take effect between call and answer, does not.
//!
//! **Sound** for strict serializability where each key is written once. **Complete** for pairs of writes as one read shows
//! them. O(n·k) for n reads of k keys. After Jepsen's `causal-reverse`, found in CockroachDB.

use history::{History, ops::Snapshot};

use super::{Looks, key_of};
use crate::{
    Budget, Checker, Verdict,
    findings::{CERTAIN, Findings, Told},
    words::{Words, answered, capital},
};

/// Judges reads of several keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct CausalReverse;

impl Checker<Snapshot> for CausalReverse {
    fn name(&self) -> &str {
        "causal-reverse"
    }

    fn decides(&self) -> String {
        "what is seen includes all that was acknowledged before it was written".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound where each key is written once, and complete for pairs of writes as one read shows them"
    }

    fn check(&self, history: &History<Snapshot>, _: Budget) -> Verdict {
        let words = Words(history);
        let spans = history.spans();
        let mut findings = Findings::new(history, "strict-serializable");
        let looks = Looks::of(history);
        for look in &looks.all {
            let ended = |write: &&usize| answered(&spans[**write]);
            let missing = look
                .lacks
                .iter()
                .filter(|w| ended(w).is_some())
                .min_by_key(ended);
            let latest = look.has.iter().max_by_key(|write| spans[**write].invoked);
            let (Some(missing), Some(latest)) = (missing, latest) else {
                continue;
            };
            if answered(&spans[*missing]) >= Some(spans[*latest].invoked) {
                continue;
            }
            findings.add("causal-reverse", &[*missing, *latest, look.at], || {
                let (x, y) = (key_of(history, *missing), key_of(history, *latest));
                Told {
                    title: format!("{y} seen without the earlier {x}"),
                    explanation: format!(
                        "{} {} later {} wrote {y}. {} read both in one transaction, and saw what was written to {y} and nothing \
                         in {x}.",
                        words.call(*missing),
                        words.later(*missing, *latest),
                        words.who(*latest),
                        capital(&words.place(look.at))
                    ),
                    key: None,
                    confidence: CERTAIN,
                    minimal: true,
                }
            });
        }
        findings.or_else(|| looks.pass("causal-reverse/nothing-partial"))
    }
}
