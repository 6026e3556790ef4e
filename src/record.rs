//! Reading back what a run recorded, however it ended.

use std::{io::BufReader, path::Path};

use history::{
    History, Register,
    fault::{FaultEvent, FaultSpan},
    foreign::{self, Assumptions, ForeignError, Format, Imported, Nil},
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

/// A history that another program recorded.
pub(crate) struct ForeignFile {
    /// What its clients did.
    pub(crate) history: History<Register>,
    /// What every register holds at first.
    pub(crate) initial: Option<i64>,
    /// What it was taken for, what was assumed, what was left out.
    pub(crate) told: Vec<String>,
}

/// Reads a history file in a notation of others; `None` if it is in ours, or empty.
pub(crate) fn foreign_file(path: &Path) -> Result<Option<ForeignFile>, Failure> {
    let at = path.display();
    let complain = |e: ForeignError| match e {
        ForeignError::Wrong { place, reason } => {
            Failure::usage(format!("{at}:{}:{}: {reason}", place.line, place.column))
        }
        ForeignError::Malformed { place, malformed } => {
            Failure::usage(format!("{at}:{}:{}: {malformed}", place.line, place.column))
        }
        ForeignError::Unrecognized(_) => Failure::usage(format!("{at}: {e}")),
        ForeignError::Io(e) => Failure::infrastructure(format!("cannot read {at}: {e}")),
    };
    let file =
        std::fs::File::open(path).map_err(|e| Failure::usage(format!("cannot read {at}: {e}")))?;
    if file.metadata().is_ok_and(|m| m.len() == 0) {
        return Ok(None);
    }
    let (sniffed, ops) = foreign::open(file).map_err(complain)?;
    if sniffed.format == Format::Journal {
        return Ok(None);
    }
    let assumed = Assumptions::of(sniffed.format);
    let Imported { history, notes } = foreign::registers(ops, &assumed).map_err(complain)?;
    let initial = assumed
        .initial
        .map_or("nothing".to_owned(), |v| v.to_string());
    let nil = match assumed.nil {
        Nil::Unknown => "a read of nil says nothing",
        Nil::Absent => "a read of nil means that there is nothing",
    };
    let mut told = vec![
        format!("{at}: taken for {}", sniffed.why),
        format!("assumed: registers, each with {initial} at first; {nil}"),
    ];
    for (count, what) in [
        (
            notes.of_others,
            "calls were not those of a client, and are left out",
        ),
        (notes.nil_reads, "reads of nil are left out"),
        (
            notes.retimed,
            "times were missing or ran backwards; the order of the lines counts",
        ),
    ] {
        if count > 0 {
            told.push(format!("{count} {what}"));
        }
    }
    Ok(Some(ForeignFile {
        history,
        initial: assumed.initial,
        told,
    }))
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
