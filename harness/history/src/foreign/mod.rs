//! Histories that others wrote: Jepsen's EDN and `history.txt`, elle-cli's JSON, Porcupine's logs, Plume's text.
//!
//! [`sniff`] says what a text is and why; a [`Reader`] makes [`Foreign`] ops of it, one at a time; [`registers`] and
//! [`history`] make a typed [`History`](crate::History) of those. Between the last two there is nothing typed: whoever
//! knows what `:f :txn` or `:f :add` means takes the [`Datum`]s apart.
//!
//! ```
//! use schism_history::foreign::{self, Assumptions};
//!
//! let edn = b"{:type :invoke, :f :write, :value 3, :process 0}
//!             {:type :ok,     :f :write, :value 3, :process 0}";
//! let (sniffed, ops) = foreign::open(&edn[..])?;
//! let imported = foreign::registers(ops, &Assumptions::of(sniffed.format))?;
//! assert_eq!(imported.history.spans().len(), 1);
//! # Ok::<(), foreign::ForeignError>(())
//! ```
//!
//! Memory: a reader holds one op and a buffer of [`BUFFER`] bytes, which grows to at most [`LONGEST`] where one op is
//! longer than that.

mod convert;
mod edn;
mod json;
mod log;
mod plume;
mod reader;
mod sniff;
mod txn;

use std::{io, sync::Arc};

pub use convert::{Assumptions, Imported, Keys, Nil, Notes, UNKEYED, history, registers};
pub use reader::{BUFFER, LONGEST, Reader, open};
pub use sniff::{Sniffed, sniff};
pub use txn::{Start, read_transactions, transactions};

use crate::{Datum, Malformed};

/// A notation of histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Our own, for [`journal::read`](crate::journal::read). A [`Reader`] can read it, too.
    Journal,
    /// Jepsen's: op maps of EDN, one after the other or in one vector. Porcupine's key-value histories are of this kind,
    /// with the key under `:key`.
    Edn,
    /// The same ops in JSON, in one array or one after the other (elle-cli).
    Json,
    /// Lines with process, type, f, value and error: Jepsen's `history.txt`, and its log, as Porcupine has it.
    Log,
    /// Plume's transactions on registers: `w(KEY,VALUE,SESSION,TRANSACTION)` and `r(…)`; or as AWDIT writes them:
    /// `w KEY VALUE`, `r KEY VALUE`, `-----` between transactions, `=====` between sessions. Each transaction becomes an op with the function `txn` and the value `[[:w KEY VALUE] [:r KEY VALUE]]`,
    /// each session a process.
    Plume,
}

impl Format {
    /// Whether the order of the ops is the order of real time. In Plume's text it is that of each session alone, and
    /// nothing may be concluded from what stands before what in different processes.
    pub fn has_real_time(self) -> bool {
        self != Self::Plume
    }
}

/// What an op says about its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was made.
    Invoke,
    /// It happened.
    Ok,
    /// It did not happen.
    Fail,
    /// Nobody knows.
    Info,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "invoke" => Self::Invoke,
            "ok" => Self::Ok,
            "fail" => Self::Fail,
            "info" => Self::Info,
            _ => return None,
        })
    }
}

/// Whose op it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A process.
    Process(i64),
    /// Something else with a name, `nemesis` as a rule.
    Other(Arc<str>),
}

impl Caller {
    fn of(datum: &Datum) -> Option<Self> {
        match datum {
            Datum::Int(n) => Some(Self::Process(*n)),
            other => other.as_name().cloned().map(Self::Other),
        }
    }
}

/// Where in a text, from 1; columns are bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// An op as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// What it says.
    pub kind: Kind,
    /// Whose it is.
    pub caller: Caller,
    /// Its function; histories of one function sometimes leave it out.
    pub f: Option<Arc<str>>,
    /// Its key, where that has a field of its own.
    pub key: Option<Datum>,
    /// Its value, nil where there is none.
    pub value: Datum,
    /// When it happened, in nanoseconds; Jepsen has −1 for "unknown".
    pub time: Option<i64>,
    /// Its number in the history.
    pub index: Option<i64>,
    /// What went wrong.
    pub error: Option<Datum>,
    /// The node that was asked, where somebody wrote it down.
    pub node: Option<Arc<str>>,
    /// Where it stands.
    pub place: Place,
}

impl Foreign {
    /// The two halves of a keyed value, `[k v]`, as `jepsen.independent` writes it.
    pub fn keyed(&self) -> Option<(&Datum, &Datum)> {
        match self.value.as_seq() {
            Some([key, value]) => Some((key, value)),
            _ => None,
        }
    }
}

/// What is known of an op before it is complete.
#[derive(Default)]
struct Draft {
    kind: Option<Kind>,
    caller: Option<Caller>,
    f: Option<Arc<str>>,
    key: Option<Datum>,
    value: Datum,
    time: Option<i64>,
    index: Option<i64>,
    error: Option<Datum>,
    node: Option<Arc<str>>,
}

/// The fields of an op that mean something to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Kind,
    Caller,
    F,
    Key,
    Value,
    Time,
    Index,
    Error,
    Node,
}

impl Field {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"type" => Self::Kind,
            b"process" => Self::Caller,
            b"f" => Self::F,
            b"key" => Self::Key,
            b"value" => Self::Value,
            b"time" => Self::Time,
            b"index" => Self::Index,
            b"error" => Self::Error,
            b"node" => Self::Node,
            _ => return None,
        })
    }
}

impl Draft {
    fn set(&mut self, field: Field, datum: Datum) -> Result<(), String> {
        match field {
            Field::Kind => {
                let kind = datum.as_name().and_then(|name| Kind::named(name));
                self.kind = Some(kind.ok_or_else(|| {
                    format!(
                        "the type of an op is invoke, ok, fail or info, not {}",
                        short(&datum)
                    )
                })?);
            }
            Field::Caller => {
                let caller = Caller::of(&datum);
                self.caller = Some(caller.ok_or_else(|| {
                    format!(
                        "a process is a 64-bit integer or a name, not {}",
                        short(&datum)
                    )
                })?);
            }
            Field::F if datum.is_nil() => self.f = None,
            Field::F => {
                let name = datum.as_name().cloned();
                // Some histories have functions such as [:partition :start]; their text will do for a name.
                self.f = Some(name.unwrap_or_else(|| datum.to_string().into()));
            }
            Field::Key => self.key = Some(datum).filter(|datum| !datum.is_nil()),
            Field::Value => self.value = datum,
            Field::Time => self.time = datum.as_int(),
            Field::Index => self.index = datum.as_int(),
            Field::Node => self.node = datum.as_name().cloned(),
            Field::Error => self.error = Some(datum).filter(|datum| !datum.is_nil()),
        }
        Ok(())
    }

    fn finish(self) -> Result<Foreign, String> {
        Ok(Foreign {
            kind: self.kind.ok_or("this op has no type")?,
            caller: self.caller.ok_or("this op has no process")?,
            f: self.f,
            key: self.key,
            value: self.value,
            time: self.time,
            index: self.index,
            error: self.error,
            node: self.node,
            place: Place::default(),
        })
    }
}

/// The beginning of a datum, for a message.
fn short(datum: &Datum) -> String {
    const ENOUGH: usize = 60;
    let text = datum.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Why a text is not a history.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// It cannot be understood from here on.
    #[error("line {}, column {}: {reason}", place.line, place.column)]
    Wrong {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// An op that cannot have happened after those before it.
    #[error("line {}, column {}: {malformed}", place.line, place.column)]
    Malformed {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        malformed: Malformed,
    },
    /// No format that we know.
    #[error(
        "not a history in any format known here (EDN, JSON, Jepsen's log or history.txt, Plume's text, schism's journal): {0}"
    )]
    Unrecognized(String),
    /// The file itself cannot be read.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}
