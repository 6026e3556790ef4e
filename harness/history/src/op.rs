//! What a client can be asked, and how the asking ended.
//!
//! Three vocabularies are kept apart everywhere in schism. An *outcome* (here) is recorded while the run goes on. A
//! *failure* is ours: SSH died, a disk is full; it is an error and never becomes an outcome. A *verdict* is derived
//! from the whole history later, by `checkers`.

use std::{fmt, fmt::Debug, sync::Arc};

use serde::{Deserialize, Serialize};

/// A family of calls a client can make, and what they return. Below the registry everything is generic over one of
/// these; strings appear only in its [`Codec`](crate::Codec).
pub trait Operation: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// What is asked.
    type Call: Debug + Clone + PartialEq + Send + Sync;
    /// What is answered when the call is known to have happened.
    type Return: Debug + Clone + PartialEq + Send + Sync;
}

/// Nanoseconds on the control node's monotonic clock since the run began.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// From whole milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }
    /// From whole seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000_000)
    }
    /// As seconds, for people and charts.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// The time since `earlier`, or zero.
    pub const fn since(self, earlier: Self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// `0:31.204`: minutes, seconds, milliseconds since the run began.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000_000;
        write!(f, "{}:{:02}.{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000)
    }
}

/// A logical single-threaded caller. It ends with its first [`Outcome::Info`]: the worker that drove it goes on under
/// a new number (worker = process modulo the number of workers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Process(pub u32);

/// Position of an event in the run's total record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Index(pub u32);

/// Which independent object a call is about. Our generators make numbers; histories of others bring names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A number.
    Int(i64),
    /// A name.
    Text(Arc<str>),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => write!(f, "{n}"),
            Self::Text(s) => f.write_str(s),
        }
    }
}

/// How a call ended, as far as anyone can know.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<R> {
    /// It happened, and returned this.
    Ok(R),
    /// It certainly did not happen, and never will.
    Fail(Reason),
    /// It may or may not have happened, now or later.
    Info(Reason),
}

/// Why a call did not end well: a short class to count by (`timeout`, `refused`, `cas-mismatch`) and, where there is
/// more to say, the system's own words. One pointer wide, because histories hold millions of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(Arc<(Box<str>, Box<str>)>);

impl Reason {
    /// A class alone.
    pub fn new(class: &str) -> Self {
        Self::with_detail(class, "")
    }
    /// A class and the system's words.
    pub fn with_detail(class: &str, detail: &str) -> Self {
        Self(Arc::new((class.into(), detail.into())))
    }
    /// The class.
    pub fn class(&self) -> &str {
        &self.0.0
    }
    /// The system's words; empty when there are none.
    pub fn detail(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail() {
            "" => f.write_str(self.class()),
            detail => write!(f, "{}: {detail}", self.class()),
        }
    }
}
