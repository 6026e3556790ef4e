//! Runs that were made together: one row a campaign, however many cases it has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    across::{
        Cell, Ending, Entry, Index,
        grid::{cell, newcomers},
    },
    number::{count, grouped},
};

/// How many are shown.
pub const MAX_CAMPAIGNS: usize = 50;
/// How many runs of one are shown.
const MAX_CELLS: usize = 100;

/// A campaign, as far as its own record says. Everything in it is inert already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its name.
    pub id: String,
    /// When it was begun.
    pub started: DateTime<Utc>,
    /// Which part of how many, where it is one.
    pub shard: Option<String>,
    /// The runs that it is to make.
    pub runs: Vec<Planned>,
}

/// One of a campaign's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    /// Its id, if it came so far.
    pub id: Option<String>,
    /// How it ended, if it did. What was refused has an end and no id.
    pub ending: Option<Ending>,
}

/// The campaigns of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Campaigns {
    /// The newest first, no more than [`MAX_CAMPAIGNS`].
    pub newest: Vec<Campaign>,
    /// How many there are.
    pub of: usize,
}

/// A campaign with what became of its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignRow {
    /// Its name.
    pub id: String,
    /// When it was begun.
    pub started: DateTime<Utc>,
    /// `12 runs, shard 1/4: 9 pass · 1 fail · 2 without a verdict`.
    pub words: String,
    /// How many findings its runs have, and how many of them no run before had: `3 findings, 1 new`.
    pub findings: String,
    /// Its worst ending; `None` while no run of it has ended.
    pub worst: Option<Ending>,
    /// Its runs, the worst first.
    pub cells: Vec<Cell>,
    /// How many more there are.
    pub more: usize,
}

/// One row a campaign, in their order.
pub(super) fn rows(index: &Index) -> Vec<CampaignRow> {
    let new = newcomers(index);
    let entries: BTreeMap<&str, &Entry> =
        index.entries.iter().map(|e| (e.id.as_str(), e)).collect();
    let row = |campaign: &Campaign| row(campaign, &entries, &new);
    let newest = index.campaigns.newest.iter().take(MAX_CAMPAIGNS);
    newest.map(row).collect()
}

fn row(campaign: &Campaign, entries: &BTreeMap<&str, &Entry>, new: &BTreeSet<&str>) -> CampaignRow {
    let mut ended: Vec<&Entry> = campaign
        .runs
        .iter()
        .filter_map(|run| entries.get(run.id.as_deref()?).copied())
        .collect();
    let rank = |ending: Ending| Ending::ALL.iter().position(|e| *e == ending);
    ended.sort_by_key(|entry| rank(entry.verdict));
    let of_ending = |ending: Option<Ending>| {
        let of = campaign.runs.iter().filter(|run| run.ending == ending);
        of.count()
    };
    let mut counts: Vec<String> = Ending::ALL
        .iter()
        .map(|ending| (of_ending(Some(*ending)), ending.word()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", grouped(n as u64)))
        .collect();
    let open = of_ending(None);
    if open > 0 {
        counts.push(format!("{} without a verdict", grouped(open as u64)));
    }
    let shard = campaign.shard.as_ref();
    let words = format!(
        "{}{}: {}",
        count(campaign.runs.len() as u64, "run", "runs"),
        shard.map_or_else(String::new, |shard| format!(", shard {shard}")),
        counts.join(" · ")
    );
    let kinds: BTreeSet<_> = ended
        .iter()
        .flat_map(|e| e.findings.iter().map(|f| &f.fingerprint))
        .collect();
    let fresh = ended.iter().filter(|e| new.contains(e.id.as_str())).count();
    let mut findings = count(kinds.len() as u64, "finding", "findings");
    if fresh > 0 {
        let runs = count(fresh as u64, "run", "runs");
        findings.push_str(&format!(", {runs} with one never seen before"));
    }
    let shown = ended.iter().take(MAX_CELLS).map(|entry| {
        let cell = cell(entry, new.contains(entry.id.as_str()));
        Cell {
            words: format!("{}, {}", entry.case_and_faults(), cell.words),
            ..cell
        }
    });
    CampaignRow {
        id: campaign.id.clone(),
        started: campaign.started,
        words,
        findings,
        worst: Ending::ALL
            .into_iter()
            .find(|ending| of_ending(Some(*ending)) > 0),
        cells: shown.collect(),
        more: ended.len().saturating_sub(MAX_CELLS),
    }
}
