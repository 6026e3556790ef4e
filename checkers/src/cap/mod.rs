//! The checker `cap`: what a system gave up while its nodes could not talk to each other, and what it trades when they can.
//!
//! The theorem (Gilbert & Lynch, "Brewer's conjecture and the feasibility of consistent, available, partition-tolerant web
//! services", 2002, section 3): while messages are lost, no register can both answer every call and stay linearizable.
//! Which of the two goes is a decision of each system, and often another one for reads than for writes, and for the side of
//! a partition that has a majority than for the one that has none. So the answer here is a table and no pair of letters: per
//! partition, per side, for reads and for writes (after Kleppmann, "A critique of the CAP theorem", 2015, section 2, who
//! shows why a system as a whole rarely is CP or AP).
//!
//! ```text
//!            began  injected                         healed
//! faults       |------[=============================]
//! minority                 ok ok x  x  x  x  x  x        x  x  ok
//!                                |-- longest outage -|   |recovery|
//! ```
//!
//! - *Availability* is seen: calls made between injection and heal to the nodes of a side, and how they ended. A call that
//!   the system answered with "no" (a compare-and-set whose comparison failed) was accepted; see [`Cap::answers`]. An answer
//!   that came only after the heal was not an answer under the partition.
//! - *Consistency* is judged by other checkers, whose verdicts are handed over ([`Cap::judged`]). A finding is laid at the
//!   door of one call of its witness: where an accepted write was lost, of that write; else of the last read in the
//!   window. This is a convention. An anomaly is a relation between calls, and has no culprit.
//! - The normal case (Abadi, "Consistency tradeoffs in modern distributed database system design", 2012, the "ELC" of
//!   PACELC): latency and staleness while no fault is in force.
//!
//! It never fails: giving something up is no violation. It is `unknown` where no partition took effect, or where none of
//! them met a call. A side that no client asked is *not tried*, never unavailable. O(n log n) per partition for n calls.

mod access;
mod blame;
mod card;
mod normal;
mod sides;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

pub use card::{
    Access, Availability, Card, Choice, Consistency, Latency, Normal, Partition, Recovery, Role,
    Side,
};
use history::{History, Nanos, Operation, Outcome, Reason, fault::FaultSpan};
use serde::{Deserialize, Serialize};

use crate::{Budget, Cause, Checker, Evidence, Verdict};

/// The two things that calls are for, as far as this checker is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// It only asks.
    Read,
    /// It may change something.
    Write,
}

type Serves<O> = Box<dyn Fn(&<O as Operation>::Call) -> Option<Use> + Send + Sync>;

/// Tells what was given up under partition.
pub struct Cap<O: Operation> {
    serves: Serves<O>,
    answers: fn(&Reason) -> bool,
    faults: Vec<FaultSpan>,
    judged: Vec<(String, Verdict)>,
    staleness: Option<Nanos>,
    tolerance: Duration,
}

impl<O: Operation> Cap<O> {
    /// With what calls are for; `None` for those that are neither reads nor writes.
    pub fn new(serves: impl Fn(&O::Call) -> Option<Use> + Send + Sync + 'static) -> Self {
        Self {
            serves: Box::new(serves),
            answers: |reason| matches!(reason.class(), "cas-mismatch" | "empty" | "held"),
            faults: Vec::new(),
            judged: Vec::new(),
            staleness: None,
            tolerance: Duration::from_secs(1),
        }
    }

    /// The fault track.
    pub fn faults(mut self, faults: Vec<FaultSpan>) -> Self {
        self.faults = faults;
        self
    }

    /// A verdict on the consistency of the same history, with the name of the property. Several add up.
    pub fn judged(mut self, property: &str, verdict: Verdict) -> Self {
        self.judged.push((property.to_owned(), verdict));
        self
    }

    /// By how much reads were behind at most, where that was measured.
    pub fn staleness(mut self, staleness: Nanos) -> Self {
        self.staleness = Some(staleness);
        self
    }

    /// Which failures are answers: the system was there and said no. Without this, those of the classes `cas-mismatch`,
    /// `empty` and `held`.
    pub fn answers(mut self, answers: fn(&Reason) -> bool) -> Self {
        self.answers = answers;
        self
    }

    /// An outage that is no longer than this is not one. The default is a second.
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The whole answer.
    pub fn card(&self, history: &History<O>) -> Card {
        let partitions = sides::partitions(self, history);
        let unproven = self
            .faults
            .iter()
            .filter(|f| is_partition(f) && f.injected.is_some() && !f.took_effect())
            .count() as u64;
        let normal = normal::normal(self, history);
        let sentence = words::card(&partitions, unproven);
        Card {
            properties: self.judged.iter().map(|(name, _)| name.clone()).collect(),
            partitions,
            unproven,
            normal,
            sentence,
        }
    }

    fn accepts(&self, outcome: &Outcome<O::Return>) -> bool {
        match outcome {
            Outcome::Ok(_) => true,
            Outcome::Fail(reason) => (self.answers)(reason),
            Outcome::Info(_) => false,
        }
    }
}

fn is_partition(fault: &FaultSpan) -> bool {
    fault.kind == "partition"
}

impl<O: Operation> Checker<O> for Cap<O> {
    fn name(&self) -> &str {
        "cap"
    }

    fn decides(&self) -> String {
        "which of consistency and availability was given up under partition, by which side"
            .to_owned()
    }

    fn limits(&self) -> &'static str {
        "never fails: giving something up is no violation; unknown where no partition took effect or met a call"
    }

    fn check(&self, history: &History<O>, _: Budget) -> Verdict {
        let card = self.card(history);
        let unknown = |code: &str, text: String, remedy: &str| {
            Verdict::Unknown(Cause {
                code: code.to_owned(),
                text,
                remedy: remedy.to_owned(),
            })
        };
        if card.partitions.is_empty() {
            return unknown(
                "cap/no-partition",
                card.sentence,
                "inject partitions and give them time; look at their probes in the fault table",
            );
        }
        let tried = |u: Use| {
            let sides = card.partitions.iter().flat_map(|p| &p.sides);
            sides.map(|side| side.access(u).tried).sum::<u64>()
        };
        let (reads, writes) = (tried(Use::Read), tried(Use::Write));
        if reads + writes == 0 {
            return unknown(
                "cap/no-calls",
                "no call was made to a known node while a partition was in force".to_owned(),
                "raise the rate, let partitions last longer, and bind clients to nodes",
            );
        }
        let counts = [
            ("partitions", card.partitions.len() as u64),
            ("reads under partition", reads),
            ("writes under partition", writes),
        ];
        Verdict::Pass(Evidence {
            counts: counts.map(|(what, n)| (what.to_owned(), n)).to_vec(),
            notes: vec![card.sentence, card.normal.sentence],
        })
    }
}
