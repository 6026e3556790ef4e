//! The first page: all runs, as the index says and the folders are, and those that go on now.
//!
//! Made anew when it is asked for, and at most twice a second, however many ask. The index is not written: a run that is in no
//! line of it (copied in, or the index is gone) is read from its folder, without its numbers, which would take its history.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{body::Bytes, extract::State, response::Response};
use reports::{
    across::{self, Accepted, Baseline, Entry, Index, Row},
    escape::{VALUE, inert},
};
use runner::store::{RunEntry, RunState, Store, VERDICT};

use super::{Server, broken, files};
use crate::{baseline, exit::Failure, flow::blocking, index};

/// For how long a page is fresh.
const FRESH: Duration = Duration::from_millis(500);
/// How many runs without a line in the index are read at a time.
const UNINDEXED: usize = 200;
/// How many runs that go on, or were left, are named.
const UNFINISHED: usize = 50;

/// Sends it.
pub(super) async fn index(State(server): State<Arc<Server>>) -> Response {
    match blocking(move || server.index.html()).await {
        Ok(html) => files::page(html, across::POLICY),
        Err(_) => broken(),
    }
}

/// The page, as it was made last.
pub(super) struct Page {
    store: Store,
    baseline: PathBuf,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    at: Option<Instant>,
    html: Bytes,
    /// Of runs without a line in the index, for as long as they have none.
    unindexed: BTreeMap<String, Entry>,
}

impl Page {
    pub(super) fn new(store: Store, baseline: PathBuf) -> Self {
        Self {
            store,
            baseline,
            made: Mutex::default(),
        }
    }

    /// One makes it, whoever else asks waits for that.
    fn html(&self) -> Result<Bytes, Failure> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.at.is_none_or(|at| at.elapsed() >= FRESH) {
            made.html = self.make(&mut made.unindexed)?.into();
            made.at = Some(Instant::now());
        }
        Ok(made.html.clone())
    }

    fn make(&self, known: &mut BTreeMap<String, Entry>) -> Result<String, Failure> {
        let indexed = index::read(&self.store)?;
        let unreadable = indexed.unreadable;
        let ids: BTreeSet<&str> = indexed.entries.iter().map(|e| e.id.as_str()).collect();
        *known = self.unindexed(&ids, std::mem::take(known))?;
        let all = indexed.entries.iter().chain(known.values()).cloned();
        let mut index = Index {
            unreadable,
            campaigns: index::campaigns(&self.store)?,
            ..Index::new(all)
        };
        for entry in &mut index.entries {
            entry.gone |= !self.store.root().join(entry.path()).is_dir();
        }
        let (baseline, notes) = match baseline::read(&self.baseline) {
            Ok(baseline) => (baseline, Vec::new()),
            Err(error) => (Baseline::default(), vec![inert(&error.to_string(), VALUE)]),
        };
        let known = |row: &Row| baseline.find(&row.fingerprint).map(Accepted::words);
        let now = across::Now {
            unfinished: self.unfinished()?,
            notes,
        };
        Ok(across::live_index_page(&index, &known, &now))
    }

    /// Runs that ended and have no line; what was read of them before is not read again.
    fn unindexed(
        &self,
        ids: &BTreeSet<&str>,
        mut before: BTreeMap<String, Entry>,
    ) -> Result<BTreeMap<String, Entry>, Failure> {
        let mut there = BTreeMap::new();
        let runs = self.store.list_only(|run| {
            let id = run.file_name().and_then(|name| name.to_str());
            id.is_some_and(|id| !ids.contains(id)) && run.join(VERDICT).is_file()
        })?;
        let mut read = 0;
        for run in runs {
            let entry = before.remove(&run.id).or_else(|| {
                read += 1;
                (read <= UNINDEXED).then(|| index::glance(&run)).flatten()
            });
            if let Some(entry) = entry {
                there.insert(run.id, entry);
            }
        }
        Ok(there)
    }

    fn unfinished(&self) -> Result<Vec<across::Unfinished>, Failure> {
        let runs = self.store.list_only(|run| !run.join(VERDICT).exists())?;
        // Those that go on first, each kind the newest first.
        let (going, left): (Vec<_>, Vec<_>) = runs
            .into_iter()
            .partition(|run| run.state == RunState::Running);
        let unfinished = |run: RunEntry| across::Unfinished {
            running: run.state == RunState::Running,
            phase: inert(run.phase.as_deref().unwrap_or("starting"), VALUE),
            id: run.id,
            case: run.case,
            faults: run.faults,
            started: run.started,
        };
        let all = going.into_iter().chain(left).take(UNFINISHED);
        Ok(all.map(unfinished).collect())
    }
}
