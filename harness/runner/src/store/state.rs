//! `state.json`: who runs a run, and how far it is.

use std::fs;

use chrono::{DateTime, Utc};
use history::Nanos;
use serde::{Deserialize, Serialize};

/// A process, told apart from later ones that get its number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did (`proc_pid_stat(5)`, field 22).
    pub pid_start: u64,
}

impl Owner {
    /// This process.
    pub fn ours() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            pid_start: start_of(pid).unwrap_or_default(),
        }
    }

    /// The process of this number, if there is one.
    pub fn of(pid: u32) -> Option<Self> {
        let pid_start = start_of(pid)?;
        Some(Self { pid, pid_start })
    }

    /// Whether it still runs. A zombie does not.
    pub fn is_alive(self) -> bool {
        start_of(self.pid) == Some(self.pid_start)
    }
}

/// How far the calls of a run are, for whoever watches it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Calls that ended `ok`.
    pub ok: u64,
    /// Calls that certainly did not happen.
    pub fail: u64,
    /// Calls of which nobody knows.
    pub info: u64,
    /// Calls that are open.
    pub open: usize,
    /// Calls that ended in a second, of late.
    pub rate: f64,
    /// Half of the ok calls took at most so many nanoseconds.
    pub p50: Option<Nanos>,
    /// 99 of 100 took at most so many.
    pub p99: Option<Nanos>,
    /// How long the phase has lasted.
    pub since: Nanos,
    /// How long it is planned to last; zero where nobody knows.
    pub planned: Nanos,
}

/// The contents of `state.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// How far the run is: `starting`, `running`, `healing` …
    pub phase: String,
    /// Who runs it.
    #[serde(flatten)]
    pub owner: Owner,
    /// When it last said so.
    pub heartbeat: DateTime<Utc>,
    /// What its clients did so far, once they do something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

impl State {
    /// This process is at `phase`.
    pub fn ours(phase: &str, now: DateTime<Utc>) -> Self {
        Self {
            phase: phase.to_owned(),
            owner: Owner::ours(),
            heartbeat: now,
            progress: None,
        }
    }
}

/// When a process started; `None` if there is none, or only what is left of one.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses is anything its owner likes, with blanks and parentheses: fields count from the last one.
    let close = stat.iter().rposition(|b| *b == b')')?;
    let rest = std::str::from_utf8(&stat[close + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    // `state` is field 3.
    fields.nth(22 - 4)?.parse().ok()
}
