//! What can be told of a run from its directory, whatever happened to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{STATE, State, VERDICT, name};

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Its process lives.
    Running,
    /// Its process is gone and left no verdict.
    Interrupted,
    /// It has a verdict.
    Complete,
}

/// One run of a [`Store`](super::Store).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEntry {
    /// The name of its directory: `20261121T024512Z-k3f9`.
    pub id: String,
    /// What was run: `register`.
    pub case: String,
    /// Under which faults: `partition+kill`.
    pub faults: String,
    /// When it was started, to the second.
    pub started: DateTime<Utc>,
    /// The word of its verdict, where it has one: `pass`, `fail`, `unknown`, `error`.
    pub verdict: Option<String>,
    /// How far it came.
    pub state: RunState,
    /// What it said last about how far it is.
    pub phase: Option<String>,
    /// Where it is.
    pub path: PathBuf,
}

/// A line of the index.
#[derive(Serialize)]
pub(super) struct IndexLine<'a> {
    id: &'a str,
    case: &'a str,
    faults: &'a str,
    started: DateTime<Utc>,
    verdict: Option<&'a str>,
}

impl RunEntry {
    /// Whether a violation was found.
    pub fn failed(&self) -> bool {
        self.verdict.as_deref() == Some("fail")
    }

    pub(super) fn answers_to(&self, prefix: &str) -> bool {
        let suffix = name::parse_run_id(&self.id).map_or("", |(_, suffix)| suffix);
        !prefix.is_empty() && (self.id.starts_with(prefix) || suffix.starts_with(prefix))
    }

    pub(super) fn index_line(&self) -> IndexLine<'_> {
        IndexLine {
            id: &self.id,
            case: &self.case,
            faults: &self.faults,
            started: self.started,
            verdict: self.verdict.as_deref(),
        }
    }
}

/// Reads a run's directory; `None` if its name is not a run's. Missing and torn files are no errors: they say that
/// the run was interrupted.
pub(super) fn read(path: &Path) -> Option<RunEntry> {
    let part = |p: &Path| Some(p.file_name()?.to_str()?.to_owned());
    let id = part(path)?;
    let (started, _) = name::parse_run_id(&id)?;
    let faults = path.parent()?;
    let verdict = json(&path.join(VERDICT)).and_then(|v| verdict_word(&v).map(str::to_owned));
    let state: Option<State> =
        json(&path.join(STATE)).and_then(|value| serde_json::from_value(value).ok());
    Some(RunEntry {
        case: part(faults.parent()?)?,
        faults: part(faults)?,
        started,
        state: match (&verdict, &state) {
            (Some(_), _) => RunState::Complete,
            (None, Some(state)) if state.owner.is_alive() => RunState::Running,
            (None, _) => RunState::Interrupted,
        },
        verdict,
        phase: state.map(|s| s.phase),
        id,
        path: path.to_owned(),
    })
}

/// The word of a verdict.
pub(super) fn verdict_word(verdict: &Value) -> Option<&str> {
    verdict.get("verdict")?.as_str()
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
