//! Reading back what a run recorded, however it ended.

use std::{io::BufReader, path::Path};

use history::{
    Register,
    fault::{FaultEvent, FaultSpan},
    journal::{self, Journal, JournalError},
};
use reports::RunMeta;
use runner::store::HISTORY;

use crate::{
    exit::Failure,
    flow::{FAULTS, META},
};

/// What a run directory knows.
pub(crate) struct Record {
    /// What the clients did.
    pub(crate) journal: Journal<Register>,
    /// What the nemesis did.
    pub(crate) faults: Vec<FaultSpan>,
    /// What was run.
    pub(crate) meta: RunMeta,
}

impl Record {
    /// From a run directory. A run that was killed has no end of its phases, and perhaps torn last lines.
    pub(crate) fn read(dir: &Path) -> Result<Self, Failure> {
        Ok(Self {
            journal: history_file(&dir.join(HISTORY))?,
            faults: fault_track(&dir.join(FAULTS))?,
            meta: meta(&dir.join(META))?,
        })
    }
}

/// Reads a history file of ours.
pub(crate) fn history_file(path: &Path) -> Result<Journal<Register>, Failure> {
    let file = std::fs::File::open(path)
        .map_err(|e| Failure::usage(format!("cannot read {}: {e}", path.display())))?;
    let at = path.display();
    journal::read(BufReader::with_capacity(1 << 20, file)).map_err(|e| match e {
        JournalError::Line {
            line,
            column: Some(column),
            reason,
        } => Failure::usage(format!("{at}:{line}:{column}: {reason}")),
        JournalError::Line {
            line,
            column: None,
            reason,
        } => Failure::usage(format!("{at}:{line}: {reason}")),
        JournalError::Malformed { line, malformed } => {
            Failure::usage(format!("{at}:{line}: {malformed}"))
        }
        JournalError::Io(e) => Failure::infrastructure(format!("cannot read {at}: {e}")),
    })
}

fn fault_track(path: &Path) -> Result<Vec<FaultSpan>, Failure> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => {
            return Err(Failure::infrastructure(format!(
                "cannot read {}: {e}",
                path.display()
            )));
        }
    };
    let mut events: Vec<FaultEvent> = Vec::new();
    for (i, line) in text.split_inclusive('\n').enumerate() {
        match serde_json::from_str(line) {
            Ok(event) => events.push(event),
            // Torn by the death of whoever wrote it.
            Err(_) if !line.ends_with('\n') => break,
            Err(e) => {
                return Err(Failure::usage(format!("{}:{}: {e}", path.display(), i + 1)));
            }
        }
    }
    Ok(FaultSpan::collect(&events))
}

fn meta(path: &Path) -> Result<RunMeta, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
            Failure::usage(format!(
                "{}:{}:{}: {e}",
                path.display(),
                e.line(),
                e.column()
            ))
        }),
        Err(e) => Err(Failure::usage(format!(
            "cannot read {}: {e}",
            path.display()
        ))),
    }
}
