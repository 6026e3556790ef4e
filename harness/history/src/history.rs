//! The whole record, parsed once: calls paired with their ends.
//!
//! [`History::new`] is the only place in schism that can call a record malformed; whoever holds a [`History`] may
//! trust it.

use std::collections::BTreeMap;

use crate::{Event, Index, Moment, Nanos, NodeId, Nodes, Operation, Outcome, Process, Reason};

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
        let mut pairing = Pairing::default();
        for event in events {
            pairing.push(event)?;
        }
        Ok(pairing.finish(nodes))
    }

    /// The calls, in the order in which they were made.
    pub fn spans(&self) -> &[Span<O>] {
        &self.spans
    }

    /// The record again, event by event. O(n log n), with a few words a call.
    pub fn events(&self) -> impl Iterator<Item = Event<O>> {
        let mut places: Vec<(Index, u32)> = Vec::with_capacity(2 * self.spans.len());
        for (at, span) in (0..).zip(&self.spans) {
            places.push((span.invoked, at));
            places.extend(span.completed.map(|place| (place, at)));
        }
        places.sort_unstable();
        places.into_iter().map(|(index, at)| {
            let span = &self.spans[at as usize];
            let (time, moment) = match span.completed == Some(index) {
                false => (span.start, Moment::Invoke(span.call.clone())),
                true => (
                    span.end.expect("what is completed has an end"),
                    Moment::Complete(span.outcome.clone()),
                ),
            };
            Event {
                index,
                time,
                process: span.process,
                node: span.node,
                moment,
            }
        })
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

/// Pairs events as they come.
pub(crate) struct Pairing<O: Operation> {
    spans: Vec<Span<O>>,
    /// By process number. Ours are small and dense; those of others' histories may be anything, and the large ones go
    /// into a map, so that a single number cannot ask for gigabytes.
    dense: Vec<State>,
    sparse: BTreeMap<u32, State>,
    last: Option<(Index, Nanos)>,
    /// Shared by all calls that nobody saw end.
    unseen: Reason,
}

/// What a process is doing.
#[derive(Debug, Clone, Copy)]
enum State {
    Idle,
    /// The position of its open call.
    Open(u32),
    Ended,
}

/// Processes below this have a place in `Pairing::dense`: at most 8 MiB.
const DENSE: u32 = 1 << 20;

impl<O: Operation> Default for Pairing<O> {
    fn default() -> Self {
        Self {
            spans: Vec::new(),
            dense: Vec::new(),
            sparse: BTreeMap::new(),
            last: None,
            unseen: Reason::new("no-completion"),
        }
    }
}

impl<O: Operation> Pairing<O> {
    /// The open call of a process.
    pub(crate) fn open(&self, process: Process) -> Option<&O::Call> {
        match self.state(process) {
            State::Open(at) => Some(&self.spans[at as usize].call),
            State::Idle | State::Ended => None,
        }
    }

    /// Takes the next event.
    pub(crate) fn push(&mut self, event: Event<O>) -> Result<(), Malformed> {
        let Event {
            index,
            time,
            process,
            node,
            moment,
        } = event;
        if let Some((previous, before)) = self.last {
            if index <= previous {
                return Err(Malformed::Order { index, previous });
            }
            if time < before {
                return Err(Malformed::Time { index });
            }
        }
        self.last = Some((index, time));
        match (moment, self.state(process)) {
            (Moment::Invoke(_), State::Open(at)) => Err(Malformed::Overlap {
                index,
                process,
                open: self.spans[at as usize].invoked,
            }),
            (Moment::Invoke(_), State::Ended) => Err(Malformed::Revenant { index, process }),
            (Moment::Invoke(call), State::Idle) => {
                self.set(process, State::Open(self.spans.len() as u32));
                self.spans.push(Span {
                    call,
                    outcome: Outcome::Info(self.unseen.clone()),
                    process,
                    node,
                    invoked: index,
                    completed: None,
                    start: time,
                    end: None,
                });
                Ok(())
            }
            (Moment::Complete(outcome), State::Open(at)) => {
                let after = match outcome {
                    Outcome::Info(_) => State::Ended,
                    Outcome::Ok(_) | Outcome::Fail(_) => State::Idle,
                };
                self.set(process, after);
                let span = &mut self.spans[at as usize];
                span.completed = Some(index);
                span.end = Some(time);
                span.outcome = outcome;
                Ok(())
            }
            (Moment::Complete(_), State::Idle | State::Ended) => {
                Err(Malformed::Orphan { index, process })
            }
        }
    }

    /// Everything was taken.
    pub(crate) fn finish(mut self, nodes: Nodes) -> History<O> {
        self.spans.shrink_to_fit();
        History {
            spans: self.spans,
            nodes,
        }
    }

    fn state(&self, process: Process) -> State {
        let known = match process.0 < DENSE {
            true => self.dense.get(process.0 as usize),
            false => self.sparse.get(&process.0),
        };
        known.copied().unwrap_or(State::Idle)
    }

    fn set(&mut self, process: Process, state: State) {
        if process.0 >= DENSE {
            self.sparse.insert(process.0, state);
            return;
        }
        let at = process.0 as usize;
        if self.dense.len() <= at {
            self.dense.resize(at + 1, State::Idle);
        }
        self.dense[at] = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Register, RegisterCall, RegisterOp, RegisterReturn};

    fn event(index: u32, process: u32, moment: Moment<Register>) -> Event<Register> {
        Event {
            index: Index(index),
            time: Nanos(u64::from(index)),
            process: Process(process),
            node: None,
            moment,
        }
    }
    fn call() -> Moment<Register> {
        Moment::Invoke(RegisterCall {
            key: Key::Int(1),
            op: RegisterOp::Write(1),
        })
    }
    fn ok() -> Moment<Register> {
        Moment::Complete(Outcome::Ok(RegisterReturn::Done))
    }
    fn info() -> Moment<Register> {
        Moment::Complete(Outcome::Info(Reason::new("timeout")))
    }
    fn refused<const N: usize>(events: [Event<Register>; N]) -> Malformed {
        History::new(Nodes::default(), events).expect_err("malformed")
    }

    #[test]
    fn calls_are_paired_with_their_ends_by_process_however_large_its_number() {
        let events = [
            event(0, u32::MAX, call()),
            event(1, 3, call()),
            event(2, u32::MAX, ok()),
            event(3, 7, call()),
            event(4, 7, info()),
        ];
        let history = History::new(Nodes::default(), events).expect("well formed");
        let ends: Vec<_> = history.spans().iter().map(|s| s.completed).collect();
        assert_eq!(ends, [Some(Index(2)), None, Some(Index(4))]);
        assert_eq!(
            history.spans()[1].outcome,
            Outcome::Info(Reason::new("no-completion"))
        );
    }

    #[test]
    fn orphan_a_completion_without_a_call() {
        let (index, process) = (Index(2), Process(0));
        assert_eq!(
            refused([event(0, 0, call()), event(1, 0, ok()), event(2, 0, ok())]),
            Malformed::Orphan { index, process }
        );
    }

    #[test]
    fn overlap_a_call_while_another_is_open() {
        let (index, process, open) = (Index(5), Process(9), Index(4));
        assert_eq!(
            refused([event(4, 9, call()), event(5, 9, call())]),
            Malformed::Overlap {
                index,
                process,
                open
            }
        );
    }

    #[test]
    fn revenant_a_call_after_a_lost_one() {
        for process in [0, u32::MAX] {
            let found = refused([
                event(0, process, call()),
                event(1, process, info()),
                event(2, process, call()),
            ]);
            let (index, process) = (Index(2), Process(process));
            assert_eq!(found, Malformed::Revenant { index, process });
        }
    }

    #[test]
    fn order_indices_that_do_not_grow() {
        let (index, previous) = (Index(3), Index(3));
        assert_eq!(
            refused([event(3, 0, call()), event(3, 0, ok())]),
            Malformed::Order { index, previous }
        );
    }

    #[test]
    fn time_that_runs_backwards() {
        let early = Event {
            time: Nanos(0),
            ..event(2, 0, ok())
        };
        assert_eq!(
            refused([event(1, 0, call()), early]),
            Malformed::Time { index: Index(2) }
        );
    }
}
