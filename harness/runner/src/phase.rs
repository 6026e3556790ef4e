//! How a phase of a run ended, or why it could not go on.

use generator::Workers;
use history::Nanos;

use crate::{Outcomes, SinkError};

/// Why a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The generator had nothing more.
    Finished,
    /// It was stopped.
    Stopped,
    /// It reached its cap.
    Capped,
}

/// What happened in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseSummary {
    /// When it began.
    pub started: Nanos,
    /// When its last call had ended.
    pub ended: Nanos,
    /// Why.
    pub ending: Ending,
    /// How its calls ended.
    pub outcomes: Outcomes,
    /// Calls that had to be given up after their deadline because their clients block their threads.
    pub abandoned: usize,
}

/// A failure of ours: never an outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nobody to ask.
    #[error("there are no nodes to connect to; name at least one")]
    NoNodes,
    /// Too few or too many workers.
    #[error("{0} workers: there must be from 1 to {max}", max = Workers::MAX)]
    Workers(usize),
    /// Something that was recorded could not be kept, so the run was stopped.
    #[error("the run was stopped because a record of it cannot be kept: {0}")]
    Sink(#[from] SinkError),
    /// A sink failed before.
    #[error("the records were closed by an earlier failure; nothing more can be run")]
    Closed,
    /// The operating system gave us no thread.
    #[error("cannot start the recorder's thread: {0}")]
    Thread(std::io::Error),
}
