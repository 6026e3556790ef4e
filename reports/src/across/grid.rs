//! Cases by runs: what each case said lately, the newest run at the right.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    across::{Ending, Entry, Index},
    number::nanos,
};

/// How many runs of a case are shown.
const COLUMNS: usize = 30;

/// One run of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The run.
    pub run: String,
    /// Its directory, below that of the index.
    pub path: String,
    /// How it ended.
    pub ending: Ending,
    /// Whether it was stopped before it was over.
    pub interrupted: bool,
    /// Whether it shows a finding that no run before it showed.
    pub new: bool,
    /// Whether its directory was deleted.
    pub gone: bool,
    /// In a sentence.
    pub words: String,
}

/// A case under faults.
#[derive(Debug, Clone, PartialEq)]
pub struct GridRow {
    /// What was run.
    pub case: String,
    /// Under which faults.
    pub faults: String,
    /// Its last runs, the oldest first.
    pub cells: Vec<Cell>,
    /// How many there were.
    pub of: usize,
    /// When it last passed.
    pub last_green: Option<String>,
    /// The 99th percentile of latency, run by run, in milliseconds; where it is known.
    pub p99: Vec<f64>,
}

/// Cases by runs, grouped by what was run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// A row a case under faults, in alphabetical order.
    pub rows: Vec<GridRow>,
}

impl Grid {
    /// O(n log n) in the number of runs.
    pub fn new(index: &Index) -> Self {
        let newcomers = newcomers(index);
        let mut rows: BTreeMap<(&str, &str), Vec<(&Entry, bool)>> = BTreeMap::new();
        for entry in &index.entries {
            let new = newcomers.contains(entry.id.as_str());
            rows.entry((&entry.case, &entry.faults))
                .or_default()
                .push((entry, new));
        }
        let rows = rows.into_iter().map(|((case, faults), runs)| {
            let green = runs.iter().rev().find(|(e, _)| e.verdict == Ending::Pass);
            let shown = &runs[runs.len().saturating_sub(COLUMNS)..];
            GridRow {
                case: case.to_owned(),
                faults: faults.to_owned(),
                of: runs.len(),
                last_green: green.map(|(e, _)| e.id.clone()),
                cells: shown.iter().map(|(e, new)| cell(e, *new)).collect(),
                p99: shown
                    .iter()
                    .filter_map(|(e, _)| Some(e.brief?.p99.0 as f64 / 1e6))
                    .collect(),
            }
        });
        Self {
            rows: rows.collect(),
        }
    }
}

/// The runs that show a finding that no run before them showed.
pub(super) fn newcomers(index: &Index) -> BTreeSet<&str> {
    let mut known = BTreeSet::new();
    let mut new = BTreeSet::new();
    for entry in &index.entries {
        for found in &entry.findings {
            if known.insert(&found.fingerprint) {
                new.insert(entry.id.as_str());
            }
        }
    }
    new
}

pub(super) fn cell(entry: &Entry, new: bool) -> Cell {
    let mut words = format!(
        "{}, {}: {}",
        entry.started.format("%Y-%m-%d %H:%M"),
        entry.id,
        entry.verdict.word()
    );
    if entry.interrupted {
        words.push_str(", interrupted");
    }
    for found in entry.findings.iter().take(3) {
        words.push_str(&format!("; {}", found.title));
    }
    for reason in entry.reasons.iter().take(3) {
        words.push_str(&format!("; {reason}"));
    }
    if let Some(brief) = entry.brief {
        words.push_str(&format!("; p99 {}", nanos(brief.p99)));
    }
    if new {
        words.push_str("; never seen before");
    }
    Cell {
        run: entry.id.clone(),
        path: entry.path(),
        ending: entry.verdict,
        interrupted: entry.interrupted,
        new,
        gone: entry.gone,
        words,
    }
}
