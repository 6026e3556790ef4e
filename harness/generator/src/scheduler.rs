//! The one state machine that decides what starts when.
//!
//! It knows no clock and no threads: a driver tells it the time and what ended, and does what it says. The real driver
//! is in `runner`; the one in virtual time is [`simulate`](crate::simulate). It remembers one word per worker and
//! nothing of the past, so a run may be as long as it likes.

use history::{Event, Index, Moment, Nanos, Operation, Outcome, Process};

use crate::{Context, Generator, Next, Worker, Workers};

/// How long a generator that waits for something outside (not for a call: none is open) is left alone.
const IDLE_PENDING: u64 = 1_000_000;

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<C> {
    /// This worker makes this call now, as this process. Its end goes to [`Scheduler::complete`].
    Start(Worker, Process, C),
    /// Ask again at this time, or as soon as a call has ended.
    WaitUntil(Nanos),
    /// Ask again as soon as a call has ended. At least one is open.
    WaitForCompletion,
    /// Say this to people, and ask again.
    Log(String),
    /// Nothing is left to do, and no call is open.
    Finished,
}

/// Decides what starts when, and on whom.
///
/// A call goes to the first free worker after the one that was last given a call, in a circle: every worker gets its
/// share, and the choice follows from the past alone.
#[derive(Debug)]
pub struct Scheduler<O: Operation, G> {
    generator: G,
    processes: Vec<Process>,
    cx: Context,
    cursor: Worker,
    events: u32,
    exhausted: bool,
    waiting: Option<(O::Call, Workers)>,
}

impl<O: Operation, G: Generator<O>> Scheduler<O, G> {
    /// For workers `0..concurrency`, which begin as the processes of the same numbers.
    ///
    /// # Panics
    /// If `concurrency` is zero or above [`Workers::MAX`].
    pub fn new(concurrency: usize, generator: G) -> Self {
        assert!(concurrency > 0, "a run needs a worker");
        let workers = Workers::all(concurrency);
        Self {
            generator,
            processes: (0..concurrency as u32).map(Process).collect(),
            cx: Context {
                now: Nanos(0),
                workers,
                free: workers,
                concurrency,
            },
            cursor: 0,
            events: 0,
            exhausted: false,
            waiting: None,
        }
    }

    /// What to do now. To be called until it says to wait. `Start` and `Log` are answers to be carried out, and given
    /// only once; the others change nothing.
    pub fn poll(&mut self, now: Nanos) -> Step<O::Call> {
        self.cx.now = self.cx.now.max(now);
        if self.exhausted && self.waiting.is_none() {
            return match self.cx.idle() {
                true => Step::Finished,
                false => Step::WaitForCompletion,
            };
        }
        if self.cx.free.is_empty() {
            return Step::WaitForCompletion;
        }
        let next = match self.waiting.take() {
            Some((call, on)) => Next::Call(call, on),
            None => self.generator.next(&self.cx),
        };
        match next {
            Next::Call(call, on) => match on.and(&self.cx.free).next_from(self.cursor) {
                Some(worker) => self.start(worker, call),
                None => {
                    assert!(
                        !on.and(&self.cx.workers).is_empty(),
                        "a generator wants workers that this run does not have"
                    );
                    self.waiting = Some((call, on));
                    Step::WaitForCompletion
                }
            },
            // A time that has passed would make the driver spin; it is another way to say "pending".
            Next::NotBefore(at) if at > self.cx.now => Step::WaitUntil(at),
            Next::NotBefore(_) | Next::Pending if self.cx.idle() => {
                Step::WaitUntil(Nanos(self.cx.now.0 + IDLE_PENDING))
            }
            Next::NotBefore(_) | Next::Pending => Step::WaitForCompletion,
            Next::Log(line) => Step::Log(line),
            Next::Done => {
                self.exhausted = true;
                self.poll(now)
            }
        }
    }

    /// A call has ended. Returns the event that the generator was told. After `info` the worker goes on as a new
    /// process.
    ///
    /// # Panics
    /// If the worker has no call open: the driver's book-keeping is broken, and so would the history be.
    pub fn complete(
        &mut self,
        now: Nanos,
        worker: Worker,
        outcome: Outcome<O::Return>,
    ) -> Event<O> {
        assert!(
            self.cx.workers.contains(worker) && !self.cx.free.contains(worker),
            "worker {worker} has no call to complete"
        );
        self.cx.now = self.cx.now.max(now);
        self.cx.free.insert(worker);
        let process = self.processes[worker];
        if matches!(outcome, Outcome::Info(_)) {
            self.processes[worker] = Process(process.0 + self.processes.len() as u32);
        }
        let event = self.event(process, Moment::Complete(outcome));
        self.generator.update(&self.cx, &event);
        event
    }

    /// Goes on with another generator; workers, processes and open calls stay as they are. For a final phase that must
    /// come whatever became of the first, or that is decided later.
    pub fn resume<H: Generator<O>>(self, generator: H) -> Scheduler<O, H> {
        Scheduler {
            generator,
            processes: self.processes,
            cx: self.cx,
            cursor: self.cursor,
            events: self.events,
            exhausted: false,
            waiting: None,
        }
    }

    /// Starts nothing more: from now on [`poll`](Self::poll) waits for what is open, and then says `Finished`.
    pub fn stop(&mut self) {
        self.exhausted = true;
        self.waiting = None;
    }

    /// The process that a worker is, or was when its open call began.
    ///
    /// # Panics
    /// If there is no such worker.
    pub fn process(&self, worker: Worker) -> Process {
        self.processes[worker]
    }

    /// The workers that have no call open.
    pub fn free(&self) -> &Workers {
        &self.cx.free
    }

    fn start(&mut self, worker: Worker, call: O::Call) -> Step<O::Call> {
        self.cursor = worker + 1;
        self.cx.free.remove(worker);
        let process = self.processes[worker];
        let event = self.event(process, Moment::Invoke(call));
        self.generator.update(&self.cx, &event);
        match event.moment {
            Moment::Invoke(call) => Step::Start(worker, process, call),
            Moment::Complete(_) => unreachable!("an invocation was made above"),
        }
    }

    fn event(&mut self, process: Process, moment: Moment<O>) -> Event<O> {
        let index = Index(self.events);
        self.events = self.events.wrapping_add(1);
        Event {
            index,
            time: self.cx.now,
            process,
            node: None,
            moment,
        }
    }
}
