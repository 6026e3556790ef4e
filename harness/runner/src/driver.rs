//! The driver: does for real, and in real time, what the scheduler decides.
//!
//! One task polls the [`Scheduler`], which decides everything, and sends calls to workers, one task each, which send
//! back how their calls ended. Nothing is decided here but when to stop. Events do not pass through this task: workers
//! stamp them into the log themselves (see `log.rs` for why their order can be trusted), so a busy driver never widens
//! the window of a call.
//!
//! A driver lives as long as the run. Each phase is one [`Driver::run`] with a generator of its own; process numbers,
//! connections, clock and sinks go on from phase to phase. How a phase ends is in `stop.rs`, what a worker says about
//! its calls in `worker.rs`.

use std::{mem, pin::pin, sync::Arc, time::Duration};

use control::Node;
use generator::{Boxed, Scheduler, Step, Workers};
use history::{Nanos, NodeId, Operation, Outcome, Process, Reason};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};

use crate::{
    Limits, RunClock, StopToken, Target,
    log::Log,
    phase::{Ending, PhaseSummary, RunError},
    recorder::Recorder,
    sink::{Notice, Outcomes, Sink},
    worker::{Backoff, CLIENT_STUCK, Done, Job, LONGEST_BACKOFF, Worker},
};

/// How often the driver looks at what no event tells it: cap, stall, the health of the sinks.
const BEAT: Duration = Duration::from_millis(200);
/// How long it waits for the sinks when they are behind.
const HOLD: Duration = Duration::from_millis(1);
/// How long after its deadline a call is given up.
const GRACE: Duration = Duration::from_secs(1);
/// How many ends of calls it takes at once.
const GULP: usize = 256;

/// Drives workers against a target.
pub struct Driver<O: Operation, T: Target<O>> {
    target: Arc<T>,
    nodes: Vec<Node>,
    limits: Limits,
    clock: RunClock,
    log: Arc<Log<O>>,
    /// Gone once a sink has failed.
    recorder: Option<Recorder<O>>,
    desks: Vec<Desk<O>>,
    done: mpsc::UnboundedReceiver<Done<O>>,
    /// Kept so that replaced workers can be given it.
    done_sender: mpsc::UnboundedSender<Done<O>>,
    tasks: JoinSet<()>,
    scheduler: Scheduler<O, Boxed<O>>,
    /// Calls that are with workers.
    outstanding: usize,
    /// When a call last ended, or the first of those that are open was started.
    progress: Nanos,
    /// Calls of this phase that were given up.
    abandoned: usize,
}

/// What the driver knows of a worker.
struct Desk<O: Operation> {
    jobs: mpsc::Sender<Job<O>>,
    seat: usize,
    node: NodeId,
    busy: Option<Process>,
    /// When its call was handed to it.
    since: Nanos,
}

impl<O: Operation, T: Target<O>> Driver<O, T> {
    /// A driver with `workers` workers, of which the `i`th speaks to node `i` modulo the number of nodes. To be called
    /// in a tokio runtime.
    pub fn new(
        target: Arc<T>,
        nodes: Vec<Node>,
        workers: usize,
        limits: Limits,
        clock: RunClock,
        sinks: Vec<Box<dyn Sink<O>>>,
    ) -> Result<Self, RunError> {
        if nodes.is_empty() {
            return Err(RunError::NoNodes);
        }
        if workers == 0 || workers > Workers::MAX {
            return Err(RunError::Workers(workers));
        }
        let log = Arc::new(Log::new(clock));
        let recorder = Recorder::start(Arc::clone(&log), sinks).map_err(RunError::Thread)?;
        let (done_sender, done) = mpsc::unbounded_channel();
        let mut driver = Self {
            target,
            nodes,
            limits,
            clock,
            log,
            recorder: Some(recorder),
            desks: Vec::new(),
            done,
            done_sender,
            tasks: JoinSet::new(),
            scheduler: Scheduler::new(workers, nothing()),
            outstanding: 0,
            progress: Nanos(0),
            abandoned: 0,
        };
        for number in 0..workers {
            let desk = driver.hire(number);
            driver.desks.push(desk);
        }
        Ok(driver)
    }

    /// Runs a phase to its end: until the generator is done, `stop` is asked for, or `cap` has passed; then until the
    /// calls that are open have ended, and everything recorded has reached the sinks.
    ///
    /// The task that awaits this should be one that was spawned: tokio polls the one it blocks on from outside its
    /// threads, which makes every hand-over to a worker dearer.
    pub async fn run(
        &mut self,
        generator: Boxed<O>,
        stop: &StopToken,
        cap: Duration,
    ) -> Result<PhaseSummary, RunError> {
        if self.recorder.is_none() {
            return Err(RunError::Closed);
        }
        let started = self.clock.now();
        let scheduler = mem::replace(&mut self.scheduler, Scheduler::new(1, nothing()));
        self.scheduler = scheduler.resume(generator);
        self.progress = started;
        self.abandoned = 0;
        let mut outcomes = Outcomes::default();
        let halt = StopToken::new();
        let ending = self
            .steer(
                stop,
                &halt,
                self.clock.instant(started) + cap,
                &mut outcomes,
            )
            .await;
        halt.stop();
        self.drain(&mut outcomes).await;
        let ended = self.clock.now();
        self.log.settle().await;
        if self.log.has_failed() {
            self.shut().await?;
        }
        Ok(PhaseSummary {
            started,
            ended,
            ending,
            outcomes,
            abandoned: self.abandoned,
        })
    }

    /// Closes the sinks: what was recorded is on disk after this.
    pub async fn close(mut self) -> Result<(), RunError> {
        self.tasks.abort_all();
        self.shut().await
    }

    /// Starts what the scheduler says, until something ends the phase.
    async fn steer(
        &mut self,
        stop: &StopToken,
        halt: &StopToken,
        cap: Instant,
        outcomes: &mut Outcomes,
    ) -> Ending {
        let mut batch = Vec::with_capacity(GULP);
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alarm = pin!(sleep_until(Instant::now()));
        loop {
            // A failed sink ends the phase like a stop; `run` then says why.
            if stop.is_stopped() || self.log.has_failed() {
                return Ending::Stopped;
            }
            let now = self.clock.now();
            if self.clock.instant(now) >= cap {
                return Ending::Capped;
            }
            let until = if self.log.is_full() {
                Some(Instant::now() + HOLD)
            } else {
                match self.scheduler.poll(now) {
                    Step::Start(worker, process, call) => {
                        self.start(worker, process, call, halt);
                        continue;
                    }
                    Step::Log(text) => {
                        self.log.notice(Notice::Log(text));
                        continue;
                    }
                    Step::Finished => return Ending::Finished,
                    Step::WaitUntil(time) => Some(self.clock.instant(time)),
                    Step::WaitForCompletion => None,
                }
            };
            if let Some(until) = until
                && alarm.deadline() != until
            {
                alarm.as_mut().reset(until);
            }
            tokio::select! {
                biased;
                _ = self.done.recv_many(&mut batch, GULP) => {
                    for done in batch.drain(..) {
                        self.finish(done, outcomes);
                    }
                }
                () = &mut alarm, if until.is_some() => {}
                () = stop.stopped() => {}
                _ = beat.tick() => self.watch(outcomes),
            }
        }
    }

    /// Waits for the open calls, and gives up those that do not come back.
    async fn drain(&mut self, outcomes: &mut Outcomes) {
        let last = Instant::now() + self.limits.op_deadline + GRACE;
        while self.outstanding > 0 {
            match timeout_at(last, self.done.recv()).await {
                Ok(Some(done)) => self.finish(done, outcomes),
                Ok(None) | Err(_) => break,
            }
        }
        for worker in 0..self.desks.len() {
            self.give_up(worker, outcomes);
        }
    }

    /// Ends a worker's call without it, if it has one, and replaces the worker.
    fn give_up(&mut self, worker: usize, outcomes: &mut Outcomes) {
        let Desk {
            seat, node, busy, ..
        } = self.desks[worker];
        let Some(process) = busy else {
            return;
        };
        let outcome = Outcome::Info(Reason::new(CLIENT_STUCK));
        self.log.abandon(seat, node, outcome.clone());
        self.log.notice(Notice::Abandoned { node, process });
        let done = Done {
            worker,
            process,
            outcome,
        };
        self.finish(done, outcomes);
        self.desks[worker] = self.hire(worker);
        self.abandoned += 1;
    }

    fn start(&mut self, worker: usize, process: Process, call: O::Call, halt: &StopToken) {
        let now = self.clock.now();
        if self.outstanding == 0 {
            self.progress = now;
        }
        self.outstanding += 1;
        let desk = &mut self.desks[worker];
        desk.busy = Some(process);
        desk.since = now;
        let job = Job {
            process,
            call,
            stop: halt.clone(),
        };
        // A worker takes one call at a time, and the scheduler gives it one at a time, so there is room. Should its
        // task have died, its call is given up when the phase ends.
        let _ = desk.jobs.try_send(job);
    }

    fn finish(&mut self, done: Done<O>, outcomes: &mut Outcomes) {
        let Done {
            worker,
            process,
            outcome,
        } = done;
        // A worker that was given up may still have had something to say.
        if self.desks[worker].busy.take_if(|p| *p == process).is_none() {
            return;
        }
        self.outstanding -= 1;
        self.progress = self.clock.now();
        outcomes.add(&outcome);
        self.scheduler.complete(self.progress, worker, outcome);
    }

    /// Gives up the calls that should have ended long ago, so that one bad client cannot keep the phase from ending.
    /// Says so if nothing at all has ended for too long, and again after as long again.
    fn watch(&mut self, outcomes: &mut Outcomes) {
        let now = self.clock.now();
        let longest = LONGEST_BACKOFF + self.limits.connect_deadline + self.limits.op_deadline;
        for worker in 0..self.desks.len() {
            if now.since(self.desks[worker].since) > longest + GRACE {
                self.give_up(worker, outcomes);
            }
        }
        let silent = now.since(self.progress);
        if self.outstanding == 0 || silent < self.limits.stall {
            return;
        }
        self.progress = now;
        let mut waiting = vec![0; self.nodes.len()];
        for desk in self.desks.iter().filter(|d| d.busy.is_some()) {
            waiting[usize::from(desk.node.0)] += 1;
        }
        let waiting = waiting.into_iter().enumerate();
        self.log.notice(Notice::Stall {
            silent,
            waiting: waiting
                .filter(|(_, calls)| *calls > 0)
                .map(|(node, calls)| (NodeId(node as u16), calls))
                .collect(),
        });
    }

    /// A new task for a worker.
    fn hire(&mut self, number: usize) -> Desk<O> {
        let at = number % self.nodes.len();
        let node = NodeId(at as u16);
        let seat = self.log.seat();
        let (jobs, queue) = mpsc::channel(1);
        let worker = Worker {
            number,
            seat,
            node: self.nodes[at].clone(),
            node_id: node,
            target: Arc::clone(&self.target),
            limits: self.limits,
            log: Arc::clone(&self.log),
            done: self.done_sender.clone(),
            client: None,
            backoff: Backoff::default(),
        };
        self.tasks.spawn(worker.work(queue));
        Desk {
            jobs,
            seat,
            node,
            busy: None,
            since: Nanos(0),
        }
    }

    /// Closes the recorder, off the runtime's threads: the disk may be slow.
    async fn shut(&mut self) -> Result<(), RunError> {
        let Some(mut recorder) = self.recorder.take() else {
            return Ok(());
        };
        let closed = tokio::task::spawn_blocking(move || recorder.close()).await;
        match closed {
            Ok(result) => Ok(result?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// A generator that is done.
fn nothing<O: Operation>() -> Boxed<O> {
    Box::new(None::<Boxed<O>>)
}
