//! Where events go. The runner defines [`Sink`]; the program plugs in what it wants: the journal, the counters behind
//! the progress line, a live checker.

mod collector;
mod counters;
mod journal;
mod latency;

use std::{error::Error, fmt::Write, io, time::Duration};

pub use collector::Collector;
pub use counters::{Counters, ErrorCount, Outcomes, Second, Snapshot};
use history::{Event, Nanos, NodeId, Nodes, Operation, Process};
pub use journal::JournalSink;

/// Receives everything that happens, in order, on a thread of its own that it shares with the other sinks.
pub trait Sink<O: Operation>: Send + 'static {
    /// A call was made, or ended.
    fn event(&mut self, event: &Event<O>);
    /// Something happened that is no event.
    fn notice(&mut self, _at: Nanos, _notice: &Notice) {}
    /// Called after every batch of events, and at least every 50 ms. An error stops the phase: what cannot be recorded
    /// should not be done.
    fn tick(&mut self, _now: Nanos) -> Result<(), SinkError> {
        Ok(())
    }
    /// Called once, at the end.
    fn close(&mut self, _now: Nanos) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A sink could not do its work: a failure of ours.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct SinkError {
    /// What it was doing, to what.
    pub what: String,
    /// Why it could not.
    pub source: Box<dyn Error + Send + Sync>,
}

impl SinkError {
    /// From an error of the file system.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
        }
    }
}

/// What the driver has to say besides events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The generator says something.
    Log(String),
    /// No call has ended for a while.
    Stall {
        /// For how long.
        silent: Duration,
        /// How many calls are open at which nodes.
        waiting: Vec<(NodeId, usize)>,
    },
    /// A client panicked. Its call is `info`.
    ClientPanic {
        /// The node that it spoke to.
        node: NodeId,
        /// Whose it was.
        process: Process,
        /// Its last words.
        message: String,
    },
    /// A worker cannot open a connection. Said once an outage.
    NoConnection {
        /// The node.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// A call was given up although its client never came back, not even at its deadline: the client blocks its thread.
    Abandoned {
        /// The node that it speaks to.
        node: NodeId,
        /// Whose it was.
        process: Process,
    },
}

impl Notice {
    /// For people. Words of the system under test are in it as they came: escape them where that matters.
    pub fn describe(&self, nodes: &Nodes) -> String {
        match self {
            Self::Log(text) => text.clone(),
            Self::Stall { silent, waiting } => {
                let mut text = format!("no call has ended for {:.0} s", silent.as_secs_f64());
                for (i, (node, calls)) in waiting.iter().enumerate() {
                    let lead = if i == 0 { "; waiting for" } else { "," };
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{lead} {} ({calls})", nodes.name(*node));
                }
                text
            }
            Self::ClientPanic {
                node,
                process,
                message,
            } => format!(
                "the client of process {} at {} panicked: {message}",
                process.0,
                nodes.name(*node)
            ),
            Self::NoConnection { node, reason } => {
                format!("no connection to {}: {reason}", nodes.name(*node))
            }
            Self::Abandoned { node, process } => format!(
                "the client of process {} at {} blocks its thread: call given up",
                process.0,
                nodes.name(*node)
            ),
        }
    }
}
