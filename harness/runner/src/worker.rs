//! A worker: the thread of control that makes one call after another at one node.
//!
//! # Outcome and failure
//!
//! What a worker reports is an outcome, and it is careful about which one. `fail` needs proof that the call did not
//! happen: either the client says so, or there was no client, and then nothing was sent. Everything else that goes
//! wrong once the call is out (no answer before the deadline, a client that panics) is `info`: it may have happened,
//! now or later. After `info` the process has ended, and its client is dropped with it, since the answer that is still
//! on its way must not be taken for the answer to a later call.
//!
//! # Connections
//!
//! A client is opened for each process, before its first call is stamped: connecting is not part of the call. Where
//! that does not succeed, the worker waits longer before every further attempt. Each call makes one attempt and then
//! ends as `fail`, so a node that is down costs a call a second, not a busy loop. A client that answers
//! `fail(no-connection)` is treated as one that could not be opened, because many open their connections late.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use control::Node;
use history::{NodeId, Operation, Outcome, Process, Reason};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use crate::{Client, Limits, StopToken, Target, log::Log, sink::Notice};

/// The class of a call that was not sent because there was no connection.
pub const NO_CONNECTION: &str = "no-connection";
/// The class of a call whose deadline passed.
pub const TIMEOUT: &str = "timeout";
/// The class of a call whose client panicked.
pub const CLIENT_PANIC: &str = "client-panic";
/// The class of a call whose client blocks its thread, so that not even its deadline could end it.
pub const CLIENT_STUCK: &str = "client-stuck";

const SHORTEST_BACKOFF: Duration = Duration::from_millis(20);
/// The longest time that a call may have to wait before its attempt to connect.
pub(crate) const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// A call to make.
pub(crate) struct Job<O: Operation> {
    pub(crate) process: Process,
    pub(crate) call: O::Call,
    /// Once stopped, what has not been sent is not sent any more.
    pub(crate) stop: StopToken,
}

/// A call that ended.
pub(crate) struct Done<O: Operation> {
    pub(crate) worker: usize,
    pub(crate) process: Process,
    pub(crate) outcome: Outcome<O::Return>,
}

/// One worker.
pub(crate) struct Worker<O: Operation, T: Target<O>> {
    pub(crate) number: usize,
    /// Its place in the log.
    pub(crate) seat: usize,
    pub(crate) node: Node,
    pub(crate) node_id: NodeId,
    pub(crate) target: Arc<T>,
    pub(crate) limits: Limits,
    pub(crate) log: Arc<Log<O>>,
    pub(crate) done: mpsc::UnboundedSender<Done<O>>,
    pub(crate) client: Option<(Process, T::Client)>,
    pub(crate) backoff: Backoff,
}

/// How long to wait before the next attempt to connect.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// One more attempt was in vain. Whether it is the first in a row.
    fn failed(&mut self) -> bool {
        let wait = SHORTEST_BACKOFF.saturating_mul(1 << self.failures.min(16));
        self.until = Some(Instant::now() + wait.min(LONGEST_BACKOFF));
        self.failures += 1;
        self.failures == 1
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }
}

impl<O: Operation, T: Target<O>> Worker<O, T> {
    /// Makes calls until there are no more, or until it is given up.
    pub(crate) async fn work(mut self, mut jobs: mpsc::Receiver<Job<O>>) {
        while let Some(job) = jobs.recv().await {
            let process = job.process;
            let Some(outcome) = self.perform(job).await else {
                return;
            };
            let done = Done {
                worker: self.number,
                process,
                outcome,
            };
            if self.done.send(done).is_err() {
                return;
            }
        }
    }

    /// Makes one call. `None` if the worker was given up before it came back.
    async fn perform(&mut self, job: Job<O>) -> Option<Outcome<O::Return>> {
        let Job {
            process,
            call,
            stop,
        } = job;
        let connected = self.connect(process, &stop).await;
        if !self
            .log
            .invoke(self.seat, process, self.node_id, call.clone())
        {
            return None;
        }
        let outcome = match connected {
            Err(detail) => Outcome::Fail(Reason::with_detail(NO_CONNECTION, &detail)),
            Ok(()) => self.invoke(process, &call).await,
        };
        // Stamped before anything else is done with it.
        let recorded = self
            .log
            .complete(self.seat, process, self.node_id, outcome.clone());
        match &outcome {
            Outcome::Fail(reason) if reason.class() == NO_CONNECTION => {
                self.drop_client();
                if self.backoff.failed() {
                    self.log.notice(Notice::NoConnection {
                        node: self.node_id,
                        reason: reason.detail().to_owned(),
                    });
                }
            }
            Outcome::Info(_) => self.drop_client(),
            Outcome::Ok(_) | Outcome::Fail(_) => self.backoff.succeeded(),
        }
        recorded.then_some(outcome)
    }

    /// Sees to it that there is a client of this process. `Err` says why there is none.
    async fn connect(&mut self, process: Process, stop: &StopToken) -> Result<(), String> {
        if self.client.as_ref().is_some_and(|(of, _)| *of == process) {
            return Ok(());
        }
        self.drop_client();
        if let Some(until) = self.backoff.until {
            tokio::select! {
                biased;
                () = stop.stopped() => return Err("stopped before it was sent".to_owned()),
                () = sleep_until(until) => {}
            }
        }
        let attempt = timeout(
            self.limits.connect_deadline,
            caught(async { self.target.connect(&self.node).await }),
        );
        let client = tokio::select! {
            biased;
            () = stop.stopped() => return Err("stopped before it was sent".to_owned()),
            opened = attempt => match opened {
                Err(_) => Err(format!("no answer within {:?}", self.limits.connect_deadline)),
                Ok(Err(panic)) => Err(format!("connecting panicked: {panic}")),
                Ok(Ok(opened)) => opened,
            },
        }?;
        self.client = Some((process, client));
        Ok(())
    }

    async fn invoke(&mut self, process: Process, call: &O::Call) -> Outcome<O::Return> {
        let (_, client) = self.client.as_mut().expect("connected before");
        let answer = caught(async { client.invoke(call).await });
        match timeout(self.limits.op_deadline, answer).await {
            Err(_) => Outcome::Info(Reason::new(TIMEOUT)),
            Ok(Ok(outcome)) => outcome,
            Ok(Err(message)) => {
                self.log.notice(Notice::ClientPanic {
                    node: self.node_id,
                    process,
                    message: message.clone(),
                });
                Outcome::Info(Reason::with_detail(CLIENT_PANIC, &message))
            }
        }
    }

    fn drop_client(&mut self) {
        let client = self.client.take();
        // A client that panicked in a call may do so again when it goes; there is nothing left to learn from that.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(client)));
    }
}

/// The future's answer, or the words with which it panicked.
async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        // What the closure leaves broken is dropped without being used again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(words(&*panic))),
        }
    })
    .await
}

fn words(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "it did not say why".to_owned()
    }
}
