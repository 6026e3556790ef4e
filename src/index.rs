//! `runs/index.jsonl` and `runs/index.html`: what all runs say together, kept up to date as each ends.
//!
//! A run is worth more than its line in the index: where either file cannot be written, the run is sealed all the same and
//! a warning says so. Both can be made anew from the run directories.

use std::path::PathBuf;

use reports::{
    RunMeta, VerdictFile,
    across::{
        self, Accepted, Baseline, Board, Brief, Campaign, Campaigns, Ending, Entry, Index,
        MAX_CAMPAIGNS, Row, RunFiles, index_page, track_record,
    },
    escape::{VALUE, inert},
};
use runner::store::{RunDir, RunEntry, Store, VERDICT};
use serde_json::Value;

use crate::{
    campaign::{self, Suite},
    commands::compare,
    exit::Failure,
    record::Record,
};

/// The page's name, beside the index.
pub(crate) const PAGE: &str = "index.html";

/// What was ever found, beside it.
const TRACK_RECORD: &str = "TRACK_RECORD.md";

/// Seals a run: its verdict, and its line in the index.
pub(crate) fn seal(store: &Store, dir: &RunDir, verdict: &Value) -> Result<(), Failure> {
    Ok(dir.seal_as(verdict, line(store, dir, verdict).as_ref())?)
}

/// The line of a run of this store, whether or not it has been sealed.
pub(crate) fn of_report(store: &Store, verdict: &VerdictFile, run: &str) -> Option<Entry> {
    let runs = store.list().ok()?;
    let run = runs.into_iter().find(|entry| entry.id == run)?;
    entry(&run, &serde_json::to_value(verdict).ok()?, brief(&run))
}

/// The line of a run that is about to be sealed; `None` for a run that is in no store.
fn line(store: &Store, dir: &RunDir, verdict: &Value) -> Option<Entry> {
    let runs = store.list().ok()?;
    let run = runs.into_iter().find(|run| run.path == dir.path())?;
    entry(&run, verdict, brief(&run))
}

/// Of a run directory, whatever is in it.
fn entry(run: &RunEntry, verdict: &Value, brief: Option<Brief>) -> Option<Entry> {
    let record = Record::read(&run.path).unwrap_or_else(|_| Record {
        faults: Vec::new(),
        meta: RunMeta::default(),
    });
    Entry::new(RunFiles {
        id: &run.id,
        case: &run.case,
        faults: &run.faults,
        started: run.started,
        verdict,
        meta: record.meta,
        spans: &record.faults,
        brief,
    })
}

/// How fast it was. Reads all of its history.
fn brief(run: &RunEntry) -> Option<Brief> {
    compare::numbers(&run.path).brief()
}

/// The line of a run that has been sealed.
pub(crate) fn sealed(run: &RunEntry) -> Option<Entry> {
    let brief = brief(run);
    glance(run).map(|entry| Entry { brief, ..entry })
}

/// The same without its numbers, for which its history would have to be read.
pub(crate) fn glance(run: &RunEntry) -> Option<Entry> {
    let verdict = std::fs::read(run.path.join(VERDICT)).ok()?;
    entry(run, &serde_json::from_slice(&verdict).ok()?, None)
}

/// The runs that have ended, as the index says.
pub(crate) fn read(store: &Store) -> Result<Index, Failure> {
    Ok(Index::parse(&store.index()?))
}

/// Makes the index anew from the run directories.
pub(crate) fn rebuild(store: &Store) -> Result<Index, Failure> {
    let runs = store.list()?;
    let index = Index::new(runs.iter().filter_map(sealed));
    store.replace_index(|now| {
        // A run that ended since it was listed has its line already, and one that was deleted has nothing else.
        let newer = Index::parse(&now).entries.into_iter();
        let newer = newer.filter(|e| runs.iter().all(|run| run.id != e.id));
        let still_there = newer.filter(|e| e.gone || store.root().join(e.path()).is_dir());
        Index::new(index.entries.iter().cloned().chain(still_there)).to_jsonl()
    })?;
    read(store)
}

/// Which runs were made together. A record that cannot be read is passed over: `schism run --resume` says what is wrong
/// with it.
pub(crate) fn campaigns(store: &Store) -> Result<Campaigns, Failure> {
    let suites = store.suites()?;
    let newest = suites
        .iter()
        .take(MAX_CAMPAIGNS)
        .filter_map(|(id, path)| {
            let suite = Suite::read(path).ok()?;
            Some(Campaign {
                id: id.clone(),
                started: suite.started,
                shard: suite.shard.map(|shard| inert(&shard, VALUE)),
                runs: suite.cases.into_iter().map(planned).collect(),
            })
        })
        .collect();
    Ok(Campaigns {
        newest,
        of: suites.len(),
    })
}

fn planned(case: campaign::Planned) -> across::Planned {
    let word = case.verdict.unwrap_or_default();
    across::Planned {
        id: case.run,
        ending: Ending::ALL.into_iter().find(|ending| ending.word() == word),
    }
}

/// Writes the page, and the track record.
pub(crate) fn render(store: &Store, known: &Baseline) -> Result<PathBuf, Failure> {
    let index = Index {
        campaigns: campaigns(store)?,
        ..read(store)?
    };
    store.write_text(TRACK_RECORD, &track_record(&Board::new(&index)))?;
    let page = index_page(&index, &|row: &Row| {
        known.find(&row.fingerprint).map(Accepted::words)
    });
    Ok(store.write_text(PAGE, &page)?)
}
