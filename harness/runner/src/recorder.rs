//! The recorder: the thread that takes what is in the log and hands it to the sinks.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use history::Operation;

use crate::{
    log::{Entry, Log},
    sink::{Sink, SinkError},
};

/// The thread that owns the sinks.
pub(crate) struct Recorder<O: Operation> {
    log: Arc<Log<O>>,
    thread: Option<JoinHandle<Result<(), SinkError>>>,
}

impl<O: Operation> Recorder<O> {
    pub(crate) fn start(log: Arc<Log<O>>, sinks: Vec<Box<dyn Sink<O>>>) -> Result<Self, io::Error> {
        let source = Arc::clone(&log);
        let thread = thread::Builder::new()
            .name("schism-recorder".to_owned())
            .spawn(move || record(&source, sinks))?;
        Ok(Self {
            log,
            thread: Some(thread),
        })
    }

    /// Hands everything over, closes the sinks, and says what went wrong first. Blocks until the disk has it.
    pub(crate) fn close(&mut self) -> Result<(), SinkError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.log.urge(Entry::Close);
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl<O: Operation> Drop for Recorder<O> {
    fn drop(&mut self) {
        if !thread::panicking() {
            // Whoever wants to know calls `close` first.
            let _ = self.close();
        }
    }
}

/// Tells the log when the recorder ends, even by a panic of a sink, so that nobody waits for it.
struct Farewell<'a, O: Operation>(&'a Log<O>);

impl<O: Operation> Drop for Farewell<'_, O> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
        self.0.end();
    }
}

fn record<O: Operation>(log: &Log<O>, mut sinks: Vec<Box<dyn Sink<O>>>) -> Result<(), SinkError> {
    let _farewell = Farewell(log);
    let mut result = Ok(());
    let mut note = |outcome: Result<(), SinkError>| {
        if outcome.is_err() {
            log.fail();
        }
        if result.is_ok() {
            result = outcome;
        }
    };
    let mut batch = Vec::new();
    let mut closing = false;
    while !closing {
        batch = log.take(batch);
        let mut waiting = Vec::new();
        for entry in batch.drain(..) {
            match entry {
                Entry::Event(event) => sinks.iter_mut().for_each(|s| s.event(&event)),
                Entry::Notice(at, notice) => sinks.iter_mut().for_each(|s| s.notice(at, &notice)),
                Entry::Barrier(answer) => waiting.push(answer),
                Entry::Close => closing = true,
            }
        }
        let now = log.clock().now();
        sinks.iter_mut().for_each(|s| note(s.tick(now)));
        for answer in waiting {
            // Nobody waits any more: fine.
            let _ = answer.send(());
        }
    }
    let now = log.clock().now();
    sinks.iter_mut().for_each(|s| note(s.close(now)));
    result
}
