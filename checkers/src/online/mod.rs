//! Judging while the run goes on: each event is looked at once, as it happens, and the first that makes the record impossible
//! raises an alarm.
//!
//! What is open is taken as if nobody knew its outcome, so an alarm never depends on the future: the record up to it is a
//! violation already, and the checkers that see the whole of it say which. The reverse need not be true; each watch says
//! what it cannot see. A run without alarm is therefore "no violation so far", and never a pass.
//!
//! An object that raised an alarm is not watched any further: one is enough to stop for.

mod alone;
mod counters;
mod ids;
mod maxima;
mod monotonic_reads;
mod registers;
mod sets;

pub use alone::Alone;
pub use counters::Counters;
use hashbrown::HashMap;
use history::{Event, Index, Moment, Nanos, NodeId, Operation, Outcome, Process};
pub use ids::Ids;
pub use monotonic_reads::MonotonicReads;
pub use registers::Registers;
pub use sets::Sets;

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The record became impossible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The completion with which it did.
    pub index: Index,
    /// When that was.
    pub time: Nanos,
    /// Who raises it: `registers`.
    pub watch: &'static str,
    /// What is impossible, in a sentence.
    pub what: String,
    /// Calls that show it, by the indices of their invocations. The checkers find the smallest set.
    pub calls: Vec<Index>,
}

/// Judges one kind of object, call by call.
pub trait Watch<O: Operation>: Send {
    /// Its name.
    fn name(&self) -> &'static str;
    /// A call was made.
    fn called(&mut self, _at: Index, _call: &O::Call) {}
    /// A call ended; what is impossible since, and which calls show it.
    fn ended(&mut self, ended: &Ended<'_, O>) -> Option<(String, Vec<Index>)>;
}

/// A call that ended.
pub struct Ended<'a, O: Operation> {
    /// What was called.
    pub call: &'a O::Call,
    /// What came of it.
    pub outcome: &'a Outcome<O::Return>,
    /// Where it was called.
    pub invoked: Index,
    /// Where it ended.
    pub completed: Index,
    /// When it was called.
    pub start: Nanos,
    /// When it ended.
    pub end: Nanos,
    /// Whose it was.
    pub process: Process,
    /// The node that was asked.
    pub node: Option<NodeId>,
}

/// Pairs calls with their ends, and hands them to a watch. Holds the open calls besides what the watch holds.
pub struct Watcher<O: Operation> {
    watch: Box<dyn Watch<O>>,
    open: Map<Process, (Index, Nanos, O::Call)>,
}

impl<O: Operation> Watcher<O> {
    /// For this watch.
    pub fn new(watch: impl Watch<O> + 'static) -> Self {
        Self {
            watch: Box::new(watch),
            open: Map::default(),
        }
    }

    /// Something happened. Ends without a call are nobody's here: [`History::new`](history::History::new) refuses them.
    pub fn event(&mut self, event: &Event<O>) -> Option<Alarm> {
        match &event.moment {
            Moment::Invoke(call) => {
                self.watch.called(event.index, call);
                let open = (event.index, event.time, call.clone());
                self.open.insert(event.process, open);
                None
            }
            Moment::Complete(outcome) => {
                let (invoked, start, call) = self.open.remove(&event.process)?;
                let ended = Ended {
                    call: &call,
                    outcome,
                    invoked,
                    completed: event.index,
                    start,
                    end: event.time,
                    process: event.process,
                    node: event.node,
                };
                let (what, mut calls) = self.watch.ended(&ended)?;
                calls.sort_unstable();
                calls.dedup();
                Some(Alarm {
                    index: event.index,
                    time: event.time,
                    watch: self.watch.name(),
                    what,
                    calls,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
