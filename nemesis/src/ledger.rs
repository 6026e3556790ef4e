//! What is owed to the nodes: a journal of undos on the control node, in the run directory. An undo is here, and on disk,
//! before its fault is applied; it is struck off when it was carried out. `heal` needs nothing but this file.
//!
//! JSON Lines, append-only, every line synced before the call returns. The plan goes in whole, with the order that led
//! to it, so the file is also the record from which a run's faults can be repeated.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use control::Command;
use history::fault::FaultId;
use serde::{Deserialize, Serialize};

use crate::{Kind, Order, Plan, plan::Action};

/// The journal, open for writing.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: Mutex<File>,
    account: Mutex<Account>,
}

/// An undo that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Of which fault.
    pub fault: FaultId,
    /// What sort of fault that is.
    pub kind: Kind,
    /// What exactly, for people.
    pub what: String,
    /// The node, the undo, and how to see whether it is needed.
    pub action: Action,
}

/// Why the ledger cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system said no.
    #[error("{path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// A line in the middle is not ours.
    #[error("{path}, line {line}: not a ledger entry: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, from one.
        line: usize,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
enum Entry {
    /// About to be applied.
    Planned {
        fault: FaultId,
        order: Order,
        plan: Box<Plan>,
    },
    /// One node's undo was carried out, or what it undoes was never applied.
    Undone { fault: FaultId, node: String },
    /// A node's own timer runs, and this ends it.
    Timer { node: String, stop: Command },
    /// This program was put there on a node, and undos may run it.
    Program { node: String, path: String },
}

/// What the entries add up to.
#[derive(Debug, Default)]
struct Account {
    plans: BTreeMap<FaultId, (Kind, String)>,
    owed: BTreeMap<(FaultId, String), Action>,
    timers: Vec<(String, Command)>,
    programs: BTreeMap<String, String>,
}

impl Account {
    fn book(&mut self, entry: Entry) {
        match entry {
            Entry::Planned { fault, plan, .. } => {
                self.plans.insert(fault, (plan.kind, plan.what));
                for action in plan.actions {
                    self.owed.insert((fault, action.node.clone()), action);
                }
            }
            Entry::Undone { fault, node } => {
                self.owed.remove(&(fault, node));
            }
            Entry::Timer { node, stop } => {
                let timer = (node, stop);
                if !self.timers.contains(&timer) {
                    self.timers.push(timer);
                }
            }
            Entry::Program { node, path } => {
                self.programs.insert(node, path);
            }
        }
    }

    fn outstanding(&self) -> Vec<Owed> {
        self.owed
            .iter()
            .rev()
            .map(|((fault, _), action)| {
                let (kind, what) = &self.plans[fault];
                Owed {
                    fault: *fault,
                    kind: *kind,
                    what: what.clone(),
                    action: action.clone(),
                }
            })
            .collect()
    }
}

impl Ledger {
    /// Opens the ledger at this path, and makes it if there is none. A last line that was torn by a crash is dropped: the
    /// fault it announced was not applied, because applying waits for the whole line to be on disk.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let io = |reason| LedgerError::Io {
            path: path.to_owned(),
            reason,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(io)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        let (account, whole) = replay(path, &text)?;
        if whole < text.len() {
            file.set_len(whole as u64).map_err(io)?;
            file.seek(SeekFrom::End(0)).map_err(io)?;
        }
        if text.is_empty() {
            // The name must survive a crash too, not only what is in the file.
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(io)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            account: Mutex::new(account),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that this plan is about to be carried out. Nothing may be applied before this has returned.
    pub fn planned(&self, fault: FaultId, order: &Order, plan: &Plan) -> Result<(), LedgerError> {
        self.write(Entry::Planned {
            fault,
            order: order.clone(),
            plan: Box::new(plan.clone()),
        })
    }

    /// Notes that a node owes nothing more for this fault.
    pub fn undone(&self, fault: FaultId, node: &str) -> Result<(), LedgerError> {
        self.write(Entry::Undone {
            fault,
            node: node.to_owned(),
        })
    }

    /// Notes that a timer will run on a node, and how to end it.
    pub fn timer(&self, node: &str, stop: &Command) -> Result<(), LedgerError> {
        self.write(Entry::Timer {
            node: node.to_owned(),
            stop: stop.clone(),
        })
    }

    /// Notes where this program was put on a node.
    pub(crate) fn program(&self, node: &str, path: &str) -> Result<(), LedgerError> {
        self.write(Entry::Program {
            node: node.to_owned(),
            path: path.to_owned(),
        })
    }

    /// Where this program was put, by node.
    pub(crate) fn programs(&self) -> BTreeMap<String, String> {
        self.account().programs.clone()
    }

    /// What is still owed, newest fault first.
    pub fn outstanding(&self) -> Vec<Owed> {
        self.account().outstanding()
    }

    /// The timers that were started, and how each is ended.
    pub fn timers(&self) -> Vec<(String, Command)> {
        self.account().timers.clone()
    }

    fn write(&self, entry: Entry) -> Result<(), LedgerError> {
        let mut line = serde_json::to_vec(&entry).expect("entries are plain data");
        line.push(b'\n');
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        (&*file)
            .write_all(&line)
            .and_then(|()| file.sync_data())
            .map_err(|reason| LedgerError::Io {
                path: self.path.clone(),
                reason,
            })?;
        self.account().book(entry);
        Ok(())
    }

    fn account(&self) -> std::sync::MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The faults that a ledger says were planned, in the order in which they were: each with the order that led to it.
pub(crate) fn planned_in(path: &Path) -> Result<Vec<(Order, Plan)>, LedgerError> {
    let text = std::fs::read(path).map_err(|reason| LedgerError::Io {
        path: path.to_owned(),
        reason,
    })?;
    let mut planned = Vec::new();
    read(path, &text, |entry| {
        if let Entry::Planned { order, plan, .. } = entry {
            planned.push((order, *plan));
        }
    })?;
    Ok(planned)
}

/// Adds up all whole lines, and says how many bytes they are.
fn replay(path: &Path, text: &[u8]) -> Result<(Account, usize), LedgerError> {
    let mut account = Account::default();
    let whole = read(path, text, |entry| account.book(entry))?;
    Ok((account, whole))
}

/// Reads all whole lines, and says how many bytes they are.
fn read(path: &Path, text: &[u8], mut each: impl FnMut(Entry)) -> Result<usize, LedgerError> {
    let mut whole = 0;
    for (i, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
        if !line.ends_with(b"\n") {
            break;
        }
        let entry = serde_json::from_slice(line).map_err(|reason| LedgerError::Malformed {
            path: path.to_owned(),
            line: i + 1,
            reason,
        })?;
        each(entry);
        whole += line.len();
    }
    Ok(whole)
}
