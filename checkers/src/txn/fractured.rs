//! Transactions of which another saw one effect and missed another: the one seen first makes it a non-monotonic view
//! (Bailis et al. 2013), the other order a fractured read (Bailis et al. 2014). O(steps of readers × steps of writers).

use hashbrown::HashMap;

use super::{
    Anomaly,
    incident::{Incidents, NOBODY, UNKNOWN, Version},
    table::{Fate, Kind, Table, What},
};

/// Of each step the version it read or made, and whose that was.
pub(super) struct Versions {
    versions: Vec<u32>,
    sources: Vec<u32>,
}

impl Versions {
    pub(super) fn new(steps: usize) -> Self {
        Self {
            versions: vec![UNKNOWN; steps],
            sources: vec![NOBODY; steps],
        }
    }

    pub(super) fn add(&mut self, known: &[Version]) {
        for version in known {
            self.versions[version.step as usize] = version.version;
            self.sources[version.step as usize] = version.source;
        }
    }

    /// The version a step read or made.
    pub(super) fn version(&self, step: u32) -> Option<u32> {
        Some(self.versions[step as usize]).filter(|v| *v != UNKNOWN)
    }

    /// Who made what a step read.
    pub(super) fn source(&self, step: u32) -> Option<u32> {
        Some(self.sources[step as usize]).filter(|s| *s != NOBODY)
    }

    /// Whether what one step read is certainly older than what a step of another transaction wrote to the same key.
    pub(super) fn replaced(&self, table: &Table<'_>, read: u32, writer: u32, write: u32) -> bool {
        let key = table.step(read).key;
        let (Some(old), Some(new)) = (self.version(read), self.version(write)) else {
            return false;
        };
        match table.kinds[key as usize] {
            Kind::List => old < new,
            _ if old == 0 => true,
            // It read the same version and wrote another.
            _ => table.steps(writer).any(|(at, step)| {
                step.key == key
                    && matches!(step.what, What::Read(_))
                    && self.version(at) == Some(old)
                    && at < write
            }),
        }
    }
}

/// Finds them.
pub(super) fn find(table: &Table<'_>, versions: &Versions, incidents: &mut Incidents) {
    let mut reads: HashMap<u32, Vec<u32>, foldhash::fast::FixedState> = HashMap::default();
    for txn in 0..table.len() as u32 {
        if table.fate(txn) != Fate::Ok {
            continue;
        }
        reads.clear();
        let mut count = 0;
        for (at, step) in table.steps(txn) {
            if matches!(step.what, What::Read(_)) && versions.version(at).is_some() {
                reads.entry(step.key).or_default().push(at);
                count += 1;
            }
        }
        if count < 2 {
            continue;
        }
        // Whose effects were seen, and where first.
        let mut sources: Vec<(u32, u32)> = table
            .steps(txn)
            .filter_map(|(at, _)| Some((versions.source(at)?, at)))
            .collect();
        sources.sort_unstable();
        sources.dedup_by_key(|(source, _)| *source);
        for (source, seen) in sources {
            for (write, effect) in table.steps(source) {
                if !matches!(effect.what, What::Write(_)) {
                    continue;
                }
                for read in reads.get(&effect.key).into_iter().flatten() {
                    if !versions.replaced(table, *read, source, write) {
                        continue;
                    }
                    let anomaly = match *read > seen {
                        true => Anomaly::NonMonotonicView,
                        // A key that changed between two reads is a non-repeatable read.
                        false if table.step(seen).key == effect.key => continue,
                        false => Anomaly::FracturedRead,
                    };
                    incidents.note(anomaly, effect.key, i64::from(write), &[source, txn]);
                }
            }
        }
    }
}
