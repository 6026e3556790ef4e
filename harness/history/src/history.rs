//! The whole record, parsed once: calls paired with their ends.
//!
//! [`History::new`] is the only place in schism that can call a record malformed; whoever holds a [`History`] may
//! trust it.

use std::collections::BTreeMap;

use crate::{Event, Index, Moment, Nanos, NodeId, Nodes, Operation, Outcome, Process};

/// A call with its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Span<O: Operation> {
    /// What was asked.
    pub call: O::Call,
    /// How it ended; [`Outcome::Info`] if nobody saw it end.
    pub outcome: Outcome<O::Return>,
    /// Who asked.
    pub process: Process,
    /// Which node was asked, where that is known.
    pub node: Option<NodeId>,
    /// Where the invocation stands in the record.
    pub invoked: Index,
    /// Where the completion stands in the record, if it does. Real-time order is the order of these two: a span
    /// precedes another iff its `completed` is less than the other's `invoked`.
    pub completed: Option<Index>,
    /// When it was sent.
    pub start: Nanos,
    /// When it ended, if it did.
    pub end: Option<Nanos>,
}

/// Why a record is not a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A completion whose process had no call open.
    #[error("event {at}: process {process} completes a call that it never made", at = .index.0, process = .process.0)]
    Orphan {
        /// Where.
        index: Index,
        /// Whose.
        process: Process,
    },
    /// A call by a process that was still waiting for another.
    #[error("event {at}: process {process} makes a call while its call at event {open} is open", at = .index.0, process = .process.0, open = .open.0)]
    Overlap {
        /// Where.
        index: Index,
        /// Whose.
        process: Process,
        /// The call that was open.
        open: Index,
    },
    /// A call by a process that ended when the outcome of its last call was lost.
    #[error("event {at}: process {process} makes a call after the outcome of its last one was lost (info ends a process)", at = .index.0, process = .process.0)]
    Revenant {
        /// Where.
        index: Index,
        /// Whose.
        process: Process,
    },
    /// Events that are not in the order of their indices.
    #[error("event {at}: indices must grow, but the one before is {previous}", at = .index.0, previous = .previous.0)]
    Order {
        /// Where.
        index: Index,
        /// The index before it.
        previous: Index,
    },
    /// Time that runs backwards.
    #[error("event {at}: its time is before that of the event before it", at = .index.0)]
    Time {
        /// Where.
        index: Index,
    },
}

impl Malformed {
    /// The event that is at fault.
    pub fn index(&self) -> Index {
        match self {
            Self::Orphan { index, .. }
            | Self::Overlap { index, .. }
            | Self::Revenant { index, .. }
            | Self::Order { index, .. }
            | Self::Time { index } => *index,
        }
    }
}

/// Calls with their ends, in the order in which they were made.
#[derive(Debug, Clone, PartialEq)]
pub struct History<O: Operation> {
    spans: Vec<Span<O>>,
    nodes: Nodes,
}

impl<O: Operation> History<O> {
    /// Pairs calls with their ends.
    ///
    /// A call without an end becomes an `info` span with no `completed`.
    pub fn new(
        nodes: Nodes,
        events: impl IntoIterator<Item = Event<O>>,
    ) -> Result<Self, Malformed> {
        let mut spans: Vec<Span<O>> = Vec::new();
        let mut open: BTreeMap<Process, usize> = BTreeMap::new();
        let mut ended: std::collections::BTreeSet<Process> = std::collections::BTreeSet::new();
        let mut last: Option<(Index, Nanos)> = None;
        for event in events {
            let Event {
                index,
                time,
                process,
                node,
                moment,
            } = event;
            if let Some((previous, before)) = last {
                if index <= previous {
                    return Err(Malformed::Order { index, previous });
                }
                if time < before {
                    return Err(Malformed::Time { index });
                }
            }
            last = Some((index, time));
            match moment {
                Moment::Invoke(call) => {
                    if let Some(at) = open.get(&process) {
                        return Err(Malformed::Overlap {
                            index,
                            process,
                            open: spans[*at].invoked,
                        });
                    }
                    if ended.contains(&process) {
                        return Err(Malformed::Revenant { index, process });
                    }
                    open.insert(process, spans.len());
                    spans.push(Span {
                        call,
                        outcome: Outcome::Info(crate::Reason::new("no-completion")),
                        process,
                        node,
                        invoked: index,
                        completed: None,
                        start: time,
                        end: None,
                    });
                }
                Moment::Complete(outcome) => {
                    let at = open
                        .remove(&process)
                        .ok_or(Malformed::Orphan { index, process })?;
                    if matches!(outcome, Outcome::Info(_)) {
                        ended.insert(process);
                    }
                    let span = &mut spans[at];
                    span.completed = Some(index);
                    span.end = Some(time);
                    span.outcome = outcome;
                }
            }
        }
        Ok(Self { spans, nodes })
    }

    /// The calls, in the order in which they were made.
    pub fn spans(&self) -> &[Span<O>] {
        &self.spans
    }

    /// The nodes that were asked.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The name of the node that a span asked; `?` where that is not known.
    pub fn node_name(&self, span: &Span<O>) -> &str {
        span.node.map_or("?", |id| self.nodes.name(id))
    }
}
