//! The findings of all runs, one row a fingerprint: how often it was seen where it could have been, and whether that
//! changes.
//!
//! The denominator is what makes a rate true: only runs of the same case that came to an end and in which the faults of
//! the finding were seen to bite. How many runs that leaves out is said beside it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::across::{Entry, Fingerprint, Index, Interval, Seen, fisher, wilson};

/// A change of a rate that is unlikely to be chance: less than 1 in 20.
const SIGNIFICANT: f64 = 0.05;

/// Where a rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// Seen more often in the newer half of the runs.
    More,
    /// Seen less often.
    Less,
}

/// One fingerprint.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub fingerprint: Fingerprint,
    /// As the last run that shows it describes it.
    pub last_seen: Seen,
    /// The case.
    pub case: String,
    /// The first run that shows it, when, and the target's version.
    pub first: (String, DateTime<Utc>, Option<String>),
    /// The last.
    pub last: (String, DateTime<Utc>, Option<String>),
    /// How often.
    pub rate: Interval,
    /// Runs of the case that could not have shown it.
    pub blind: u64,
    /// Whether it changes, where that is more than chance.
    pub trend: Option<Trend>,
    /// Where its shortest proof is.
    pub shortest: Shortest,
    /// Where versions differ: how often before and after the version that showed it first, and how likely that is chance.
    pub version: Option<VersionHint>,
    /// How many runs that could have shown it came after the last that did.
    pub quiet: u64,
    /// Whether the newest run that could have shown it does.
    pub open: bool,
}

/// The run whose proof of a finding has the fewest calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortest {
    /// The run.
    pub run: String,
    /// Its directory, below that of the index.
    pub path: String,
    /// The finding's number there.
    pub number: usize,
    /// The calls of the proof.
    pub calls: usize,
}

/// A finding that came with a version.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionHint {
    /// The version that showed it first.
    pub version: String,
    /// In runs before it.
    pub before: Interval,
    /// From it on.
    pub after: Interval,
    /// How likely so much difference would be chance.
    pub p: f64,
}

/// The findings of all runs, the last seen first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Board {
    /// One a fingerprint.
    pub rows: Vec<Row>,
}

impl Board {
    /// O(fingerprints × runs of their case).
    pub fn new(index: &Index) -> Self {
        let mut by_case: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &index.entries {
            by_case.entry(&entry.case).or_default().push(entry);
        }
        let mut rows = Vec::new();
        for (case, runs) in by_case {
            let prints: BTreeSet<&Fingerprint> = runs
                .iter()
                .flat_map(|run| run.findings.iter().map(|f| &f.fingerprint))
                .collect();
            rows.extend(
                prints
                    .into_iter()
                    .filter_map(|print| row(case, &runs, print)),
            );
        }
        rows.sort_by(|a: &Row, b| (b.last.1, &b.last.0).cmp(&(a.last.1, &a.last.0)));
        Self { rows }
    }

    /// The row of a fingerprint.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<&Row> {
        self.rows.iter().find(|r| r.fingerprint == *fingerprint)
    }
}

fn row(case: &str, runs: &[&Entry], print: &Fingerprint) -> Option<Row> {
    let showing: Vec<(&Entry, &Seen)> = runs
        .iter()
        .flat_map(|run| run.findings.iter().map(move |f| (*run, f)))
        .filter(|(_, f)| f.fingerprint == *print)
        .collect();
    let ((first, _), (last, seen)) = (showing.first()?, showing.last()?);
    // Of a proof that was deleted nothing is left but its length.
    let (shortest, found) = showing.iter().min_by_key(|(run, f)| (run.gone, f.calls))?;
    let able: Vec<&Entry> = runs
        .iter()
        .filter(|run| run.shows(print) || run.could_see(&seen.faults))
        .copied()
        .collect();
    let (older, newer) = able.split_at(able.len() / 2);
    let (was, is) = (count(older, print), count(newer, print));
    let trend = (fisher(was, is) < SIGNIFICANT).then(|| {
        if is.0 * was.1 > was.0 * is.1 {
            Trend::More
        } else {
            Trend::Less
        }
    });
    let (k, n) = count(&able, print);
    let of = |e: &Entry| (e.id.clone(), e.started, e.target_version.clone());
    Some(Row {
        fingerprint: print.clone(),
        last_seen: (*seen).clone(),
        case: case.to_owned(),
        first: of(first),
        last: of(last),
        rate: wilson(k, n),
        blind: runs.len() as u64 - n,
        trend,
        shortest: Shortest {
            run: shortest.id.clone(),
            path: shortest.path(),
            number: found.number,
            calls: found.calls,
        },
        version: version_hint(&able, print, first),
        quiet: able
            .iter()
            .rev()
            .take_while(|run| !run.shows(print))
            .count() as u64,
        open: able.last().is_some_and(|run| run.shows(print)),
    })
}

fn count(runs: &[&Entry], print: &Fingerprint) -> (u64, u64) {
    let shows = runs.iter().filter(|run| run.shows(print)).count();
    (shows as u64, runs.len() as u64)
}

/// Whether it came with a version: runs of other versions were before the first that shows it, and none showed it.
fn version_hint(able: &[&Entry], print: &Fingerprint, first: &Entry) -> Option<VersionHint> {
    let version = first.target_version.clone()?;
    let since = able
        .iter()
        .position(|run| run.target_version.as_ref() == Some(&version))?;
    let (before, after) = able.split_at(since);
    let other = before.iter().any(|run| run.target_version.is_some());
    let (before, after) = (count(before, print), count(after, print));
    other.then(|| VersionHint {
        version,
        before: wilson(before.0, before.1),
        after: wilson(after.0, after.1),
        p: fisher(before, after),
    })
}
