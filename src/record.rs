//! Reading back what a run recorded, however it ended.

use std::path::Path;

use history::fault::{FaultEvent, FaultSpan};
use reports::RunMeta;

use crate::{
    exit::Failure,
    flow::{FAULTS, META},
};

/// What a run directory knows besides what the clients did.
pub(crate) struct Record {
    /// What the nemesis did.
    pub(crate) faults: Vec<FaultSpan>,
    /// What was run.
    pub(crate) meta: RunMeta,
}

impl Record {
    /// From a run directory. A run that was killed has no end of its phases, and perhaps torn last lines.
    pub(crate) fn read(dir: &Path) -> Result<Self, Failure> {
        Ok(Self {
            faults: fault_track(&dir.join(FAULTS))?,
            meta: meta(&dir.join(META))?,
        })
    }
}

fn fault_track(path: &Path) -> Result<Vec<FaultSpan>, Failure> {
    Ok(FaultSpan::collect(&fault_events(path)?))
}

/// The steps of a run's faults.
pub(crate) fn fault_events(path: &Path) -> Result<Vec<FaultEvent>, Failure> {
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
    Ok(events)
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
