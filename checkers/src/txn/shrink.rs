//! Makes a witness as small as it gets: an anomaly's transactions, with whoever proves what order they stand in, and then
//! without each of them that is not needed. What is needed is judged anew, on the history of the rest alone (see
//! [`project`](super::project)); so that what is left proves the anomaly on its own, and without any one of it does not.
//!
//! At most [`MOST`] transactions are taken up, and each is left out at most once per round, so that the cost does not depend on
//! the size of the history but for that of the keys concerned.

use std::collections::BTreeSet;

use history::Seen;

use super::{
    Anomaly,
    fractured::Versions,
    graph::Label,
    incident::{Incident, NOBODY},
    isolation::{Isolation, Survey},
    project,
    table::{Access, Fate, Kind, Table, What},
    views::Breach,
};

/// How many transactions a witness may begin with.
const MOST: usize = 48;
/// What part of the budget a search in a small history may spend.
const STEPS: u64 = 1_000_000;

/// What is left of an anomaly.
pub(super) struct Witness {
    /// The transactions, in order.
    pub(super) txns: Vec<u32>,
    /// What they show.
    pub(super) shows: Shows,
}

/// An anomaly among transactions, by their numbers.
pub(super) enum Shows {
    Incident(Incident),
    Cycle(Vec<(u32, u32, Label)>),
    Breach(Breach),
}

impl Witness {
    /// An incident as it was found.
    pub(super) fn incident(incident: &Incident) -> Self {
        let mut incident = incident.clone();
        incident.txns.retain(|txn| *txn != NOBODY);
        Self {
            txns: incident.txns.to_vec(),
            shows: Shows::Incident(incident),
        }
    }

    /// A contradiction to what ought to be seen, as it was found.
    pub(super) fn breach(breach: &Breach) -> Self {
        Self {
            txns: breach.txns().to_vec(),
            shows: Shows::Breach(breach.clone()),
        }
    }

    /// A cycle as it was found.
    pub(super) fn cycle(edges: &[(u32, u32, Label)]) -> Self {
        Self {
            txns: edges.iter().map(|edge| edge.0).collect(),
            shows: Shows::Cycle(edges.to_vec()),
        }
    }
}

/// The smallest part of a history that still shows an anomaly, from some transactions that do. `None` if they do not,
/// without others that were not found.
pub(super) fn shrink(
    isolation: &Isolation,
    table: &Table<'_>,
    versions: &Versions,
    anomaly: Anomaly,
    core: &[u32],
) -> Option<Witness> {
    let core: BTreeSet<u32> = core.iter().copied().filter(|txn| *txn != NOBODY).collect();
    if core.len() > MOST {
        return None;
    }
    let mut all = core.clone();
    support(table, versions, &core, &mut all);
    // Where reads contradict each other, support can be in the way.
    let (mut kept, mut shown) = [&all, &core].into_iter().find_map(|txns| {
        let txns: Vec<u32> = txns.iter().copied().collect();
        let shown = (txns.len() <= MOST).then(|| shows(isolation, table, anomaly, &txns));
        Some((txns, shown??))
    })?;
    // Those who only support go first.
    let mut order: Vec<u32> = kept.clone();
    order.sort_by_key(|txn| (core.contains(txn), *txn));
    loop {
        let before = kept.len();
        for txn in &order {
            let Ok(at) = kept.binary_search(txn) else {
                continue;
            };
            kept.remove(at);
            match shows(isolation, table, anomaly, &kept) {
                Some(shows) => shown = shows,
                None => kept.insert(at, *txn),
            }
        }
        if kept.len() == before {
            return Some(Witness {
                txns: kept,
                shows: shown,
            });
        }
    }
}

/// Whoever may be needed to prove in which order the versions stand that some transactions read and wrote.
fn support(table: &Table<'_>, versions: &Versions, core: &BTreeSet<u32>, all: &mut BTreeSet<u32>) {
    let steps = || core.iter().flat_map(|txn| table.steps(*txn));
    let keys: BTreeSet<u32> = steps().map(|(_, step)| step.key).collect();
    for key in keys {
        match table.kinds[key as usize] {
            Kind::List => lists(table, versions, key, core, all),
            _ => registers(table, versions, key, core, all),
        }
    }
}

/// Of a list the one who read most of it; and who appended the ends of what was read, and what two reads first differ in.
fn lists(
    table: &Table<'_>,
    versions: &Versions,
    key: u32,
    core: &BTreeSet<u32>,
    all: &mut BTreeSet<u32>,
) {
    let ok = table
        .accesses(key)
        .iter()
        .filter(|a| table.fate(a.txn) == Fate::Ok);
    let reads = ok.filter_map(|a| match table.step(a.step).what {
        What::Read(Seen::List(list)) => Some((a, list)),
        _ => None,
    });
    // Its own appends show others nothing.
    let most = reads.clone().max_by_key(|(a, _)| versions.version(a.step));
    all.extend(most.map(|(a, _)| a.txn));
    let mut differ: BTreeSet<i64> = BTreeSet::new();
    let of_core: Vec<&[i64]> = reads
        .filter(|(a, _)| core.contains(&a.txn))
        .map(|(a, list)| {
            // What stands where its own appends should stand, and before them.
            let wrote = table.steps(a.txn).filter(|(_, step)| step.key == key);
            let own = wrote.filter(|(_, s)| matches!(s.what, What::Write(_)));
            differ.extend(list.iter().rev().take(own.count() + 1));
            list
        })
        .collect();
    for (i, a) in of_core.iter().enumerate() {
        for b in &of_core[..i] {
            let same = a.iter().zip(*b).take_while(|(a, b)| a == b).count();
            differ.extend([a, *b].into_iter().filter_map(|list| list.get(same)));
        }
    }
    for access in table.accesses(key) {
        if matches!(table.step(access.step).what, What::Write(v) if differ.contains(&v)) {
            all.insert(access.txn);
        }
    }
}

/// Of a register who wrote what was read, who read it first, and what the processes concerned did before.
fn registers(
    table: &Table<'_>,
    versions: &Versions,
    key: u32,
    core: &BTreeSet<u32>,
    all: &mut BTreeSet<u32>,
) {
    let accesses = table.accesses(key);
    let of_core = accesses.iter().filter(|a| core.contains(&a.txn));
    let reads = of_core.filter(|a| matches!(table.step(a.step).what, What::Read(_)));
    let values: BTreeSet<i64> = reads
        .clone()
        .filter_map(|a| match table.step(a.step).what {
            What::Read(Seen::Value(value)) => Some(value),
            _ => None,
        })
        .collect();
    let wrote =
        |a: &&Access| matches!(table.step(a.step).what, What::Write(v) if values.contains(&v));
    all.extend(accesses.iter().filter(wrote).map(|a| a.txn));
    let read: BTreeSet<u32> = reads.filter_map(|a| versions.version(a.step)).collect();
    for version in read {
        let known = accesses
            .iter()
            .filter(|a| versions.version(a.step) == Some(version));
        let ended = known.filter_map(|a| Some((table.committed_by(a.txn)?, a.txn)));
        all.extend(ended.min().map(|(_, txn)| txn));
        for writer in core.iter().map(|txn| table.span(*txn)) {
            let earlier = accesses.iter().rev().find(|a| {
                let span = table.span(a.txn);
                span.process == writer.process
                    && span.invoked < writer.invoked
                    && versions.version(a.step) == Some(version)
            });
            all.extend(earlier.map(|a| a.txn));
        }
    }
}

/// What some transactions alone show of an anomaly.
fn shows(
    isolation: &Isolation,
    table: &Table<'_>,
    anomaly: Anomaly,
    kept: &[u32],
) -> Option<Shows> {
    let history = project::onto(table, kept);
    let small = Table::new(&history);
    let Survey {
        incidents,
        cycles,
        breaches,
        ..
    } = isolation.survey(&small, STEPS);
    if let Some(cycle) = cycles.found.iter().find(|c| c.anomaly == anomaly) {
        let edges = cycle.edges.iter();
        let name = |txn: u32| kept[txn as usize];
        return Some(Shows::Cycle(
            edges.map(|(a, b, l)| (name(*a), name(*b), *l)).collect(),
        ));
    }
    // What a key of the part is called in the whole.
    let whole = |key: u32| {
        let steps = kept.iter().flat_map(|txn| table.steps(*txn));
        let mut keys = steps.map(|(_, step)| step.key);
        let name = small.keys[key as usize];
        keys.find(|key| table.keys[*key as usize] == name)
    };
    if let Anomaly::View(view) = anomaly {
        let breach = breaches.iter().find(|breach| breach.view == view)?;
        let txn = |txn: u32| kept.get(txn as usize).copied().unwrap_or(NOBODY);
        let key = |key: u32| whole(key).expect("a part has no other keys");
        return Some(Shows::Breach(breach.renamed(&txn, &key)));
    }
    let (incident, _) = incidents.0.iter().find(|(i, _)| i.anomaly == anomaly)?;
    let mut incident = incident.clone();
    incident.txns.retain(|txn| *txn != NOBODY);
    for txn in &mut incident.txns {
        *txn = kept[*txn as usize];
    }
    incident.key = whole(incident.key)?;
    Some(Shows::Incident(incident))
}
