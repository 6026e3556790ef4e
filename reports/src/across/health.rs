//! How the harness is, apart from what it tests: what broke, what stayed unclear and why, faults that nobody saw bite.

use std::collections::BTreeMap;

use crate::{
    FaultCounts,
    across::{Ending, Index},
};

/// The health of the harness over all runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// How many runs.
    pub runs: u64,
    /// Stopped before they were over.
    pub interrupted: u64,
    /// What broke, the most frequent first.
    pub errors: Vec<(String, u64)>,
    /// Why nothing could be concluded, the most frequent first.
    pub unknowns: Vec<(String, u64)>,
    /// How far all faults came.
    pub faults: FaultCounts,
    /// Runs that asked for faults, and saw none of them bite.
    pub toothless: u64,
}

impl Health {
    /// Of these runs.
    pub fn new(index: &Index) -> Self {
        let mut health = Self {
            runs: index.entries.len() as u64,
            ..Self::default()
        };
        let (mut errors, mut unknowns) = (BTreeMap::new(), BTreeMap::new());
        for entry in &index.entries {
            health.interrupted += u64::from(entry.interrupted);
            let c = entry.fault_counts;
            health.faults.planned += c.planned;
            health.faults.injected += c.injected;
            health.faults.verified += c.verified;
            health.faults.healed += c.healed;
            let asked = entry.faults != "none" && entry.verdict != Ending::Error;
            health.toothless += u64::from(asked && entry.verified.is_empty());
            let into = match entry.verdict {
                Ending::Error => &mut errors,
                Ending::Unknown => &mut unknowns,
                Ending::Pass | Ending::Fail => continue,
            };
            for reason in &entry.reasons {
                *into.entry(reason.clone()).or_insert(0) += 1;
            }
        }
        health.errors = by_frequency(errors);
        health.unknowns = by_frequency(unknowns);
        health
    }
}

fn by_frequency(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts
}
