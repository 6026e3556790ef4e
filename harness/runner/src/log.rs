//! The log: where workers stamp what they do, in an order that can be trusted.
//!
//! # Why every prefix of the journal is a legal history
//!
//! A checker may only trust the order of a record if that order could have been seen by somebody. Three things are
//! needed. (1) An invocation stands before everything that its effects may have caused: it must be recorded before the
//! call is sent, at a time that is not later than the sending. (2) A completion stands after its effects: it is
//! recorded at a time not earlier than the answer. (3) If a completion stands before an invocation, the first call had
//! truly ended before the second was sent; and whatever part of the journal survives a crash must keep that.
//!
//! Gathering stamps from many threads and sorting them needs a reorder buffer, a watermark, and an argument about
//! stamps that were taken but have not arrived. All of that disappears if taking the stamp and taking the place in the
//! record are one step. So here an event is stamped *inside* the critical section that appends it: the order of places
//! is the order of stamps by construction, there is nothing to sort, and what left the log is a prefix of what
//! happened. (1) follows because a worker calls its client only after [`Log::invoke`] has returned, (2) because it
//! calls [`Log::complete`] only after its client has, (3) from both, since the lock orders the sections. Sinks receive
//! events in the order of the log, and the journal appends them in that order, so a prefix of the file is a prefix of
//! the log: no completion is on disk without every invocation that precedes it, however long other calls hang.
//!
//! Stamps grow strictly: where the clock has not moved since the last event, the next is one nanosecond later. So there
//! are no ties to break, and (3) can be read from the times alone. The invocation is still stamped before it is sent,
//! because leaving the section and entering the client takes longer than that nanosecond. (A clock that stands still, as
//! in tests, makes times that are ahead of it by a nanosecond an event; the order is right all the same.)
//!
//! The price is contention. A section reads the clock and moves about a hundred bytes; at 400,000 events a second it is
//! occupied a few percent of the time. A worker that does wait there records a wider window than the true one: this
//! can hide a violation and can never invent one, like every delay between a client and its stamp.
//!
//! # Memory
//!
//! The recorder thread takes the whole buffer every 20 ms, or earlier when it is large. If the sinks fall behind (a
//! slow disk), the buffer grows, and past [`FULL`] the driver starts no new calls until it has shrunk. Calls under way
//! are never held up, and nothing is dropped.

use std::{
    mem,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use history::{Event, Index, Moment, Nanos, NodeId, Operation, Outcome, Process};
use tokio::sync::oneshot;

use crate::{RunClock, sink::Notice};

/// How often the sinks hear of what happened, at least.
const PERIOD: Duration = Duration::from_millis(20);
/// How many entries wake the recorder before that.
const BATCH: usize = 16 * 1024;
/// How many unrecorded entries keep the driver from starting calls.
const FULL: usize = 128 * 1024;

/// What workers and driver write, and the recorder reads.
pub(crate) struct Log<O: Operation> {
    clock: RunClock,
    tail: Mutex<Tail<O>>,
    wake: Condvar,
    /// Length of the buffer, readable without the lock.
    backlog: AtomicUsize,
    /// Whether a sink has failed.
    failed: AtomicBool,
}

struct Tail<O: Operation> {
    entries: Vec<Entry<O>>,
    next: u32,
    last: Nanos,
    /// Whether someone waits for the recorder.
    urgent: bool,
    /// Whether the recorder has ended: nobody will take what is appended.
    ended: bool,
    seats: Vec<Seat>,
}

/// Where a worker stands with its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    /// It has none.
    Idle,
    /// It has sent one.
    Open(Process),
    /// It was given up: whatever it still says is not recorded.
    Closed,
}

/// What the recorder is handed.
pub(crate) enum Entry<O: Operation> {
    Event(Event<O>),
    Notice(Nanos, Notice),
    /// Answered when everything before it has reached the sinks.
    Barrier(oneshot::Sender<()>),
    Close,
}

impl<O: Operation> Log<O> {
    pub(crate) fn new(clock: RunClock) -> Self {
        Self {
            clock,
            tail: Mutex::new(Tail {
                entries: Vec::new(),
                next: 0,
                last: Nanos(0),
                urgent: false,
                ended: false,
                seats: Vec::new(),
            }),
            wake: Condvar::new(),
            backlog: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// A place for one more worker.
    pub(crate) fn seat(&self) -> usize {
        let mut tail = self.lock();
        tail.seats.push(Seat::Idle);
        tail.seats.len() - 1
    }

    /// Stamps and records that a worker is about to send a call. `false` if it was given up: then it must not send.
    #[must_use]
    pub(crate) fn invoke(
        &self,
        seat: usize,
        process: Process,
        node: NodeId,
        call: O::Call,
    ) -> bool {
        let mut tail = self.lock();
        if tail.seats[seat] != Seat::Idle {
            return false;
        }
        tail.seats[seat] = Seat::Open(process);
        self.record(&mut tail, process, node, Moment::Invoke(call));
        true
    }

    /// Stamps and records that a worker's call has ended. `false` if it was given up: its end is on record already.
    #[must_use]
    pub(crate) fn complete(
        &self,
        seat: usize,
        process: Process,
        node: NodeId,
        outcome: Outcome<O::Return>,
    ) -> bool {
        let mut tail = self.lock();
        if tail.seats[seat] != Seat::Open(process) {
            return false;
        }
        tail.seats[seat] = Seat::Idle;
        self.record(&mut tail, process, node, Moment::Complete(outcome));
        true
    }

    /// Gives a worker up for good. If it has sent a call, that ends now, with this outcome.
    pub(crate) fn abandon(&self, seat: usize, node: NodeId, outcome: Outcome<O::Return>) {
        let mut tail = self.lock();
        let left = mem::replace(&mut tail.seats[seat], Seat::Closed);
        if let Seat::Open(process) = left {
            self.record(&mut tail, process, node, Moment::Complete(outcome));
        }
    }

    /// Records something that is not an event.
    pub(crate) fn notice(&self, notice: Notice) {
        let now = self.clock.now();
        self.append(&mut self.lock(), Entry::Notice(now, notice));
    }

    /// Whether the sinks are so far behind that no new calls should be started.
    pub(crate) fn is_full(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > FULL
    }

    /// Whether a sink has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Waits until everything recorded so far has reached the sinks.
    pub(crate) async fn settle(&self) {
        let (answer, answered) = oneshot::channel();
        self.urge(Entry::Barrier(answer));
        // An error means that the recorder has ended: there is nothing left to wait for.
        let _ = answered.await;
    }

    /// Says that a sink has failed.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Says that nobody will take entries any more: whoever waits, waits no longer.
    pub(crate) fn end(&self) {
        let mut tail = self.lock();
        tail.ended = true;
        tail.entries = Vec::new();
    }

    /// The clock that stamps.
    pub(crate) fn clock(&self) -> RunClock {
        self.clock
    }

    fn record(&self, tail: &mut Tail<O>, process: Process, node: NodeId, moment: Moment<O>) {
        let time = self.clock.now().max(Nanos(tail.last.0 + 1));
        tail.last = time;
        let event = Event {
            index: Index(tail.next),
            time,
            process,
            node: Some(node),
            moment,
        };
        tail.next += 1;
        self.append(tail, Entry::Event(event));
    }

    fn append(&self, tail: &mut Tail<O>, entry: Entry<O>) {
        if tail.ended {
            return;
        }
        tail.entries.push(entry);
        let backlog = tail.entries.len();
        self.backlog.store(backlog, Ordering::Relaxed);
        if backlog == BATCH {
            self.wake.notify_one();
        }
    }

    /// Appends something that somebody waits for.
    pub(crate) fn urge(&self, entry: Entry<O>) {
        let mut tail = self.lock();
        tail.urgent = true;
        self.append(&mut tail, entry);
        self.wake.notify_one();
    }

    /// Everything since the last time, waiting for it a little; `spare` becomes the next buffer.
    pub(crate) fn take(&self, spare: Vec<Entry<O>>) -> Vec<Entry<O>> {
        let tail = self.lock();
        let mut tail = if tail.entries.len() < BATCH && !tail.urgent {
            let waited = self.wake.wait_timeout(tail, PERIOD);
            waited.unwrap_or_else(PoisonError::into_inner).0
        } else {
            tail
        };
        tail.urgent = false;
        self.backlog.store(0, Ordering::Relaxed);
        mem::replace(&mut tail.entries, spare)
    }

    fn lock(&self) -> MutexGuard<'_, Tail<O>> {
        // Nothing in a section can panic between two changes that belong together.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
