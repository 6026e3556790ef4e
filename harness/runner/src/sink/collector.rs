//! A sink that keeps everything in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use history::{Event, Nanos, Operation};

use super::{Notice, Sink};

/// Everything that happened: for tests, and for runs short enough to be judged without a file. Copies share it.
#[derive(Debug)]
pub struct Collector<O: Operation>(Arc<Mutex<Collected<O>>>);

#[derive(Debug)]
struct Collected<O: Operation> {
    events: Vec<Event<O>>,
    notices: Vec<(Nanos, Notice)>,
}

impl<O: Operation> Collector<O> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Collected {
            events: Vec::new(),
            notices: Vec::new(),
        })))
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Event<O>> {
        self.lock().events.clone()
    }

    /// The notices so far.
    pub fn notices(&self) -> Vec<(Nanos, Notice)> {
        self.lock().notices.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Collected<O>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: Operation> Default for Collector<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O: Operation> Clone for Collector<O> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<O: Operation> Sink<O> for Collector<O> {
    fn event(&mut self, event: &Event<O>) {
        self.lock().events.push(event.clone());
    }

    fn notice(&mut self, at: Nanos, notice: &Notice) {
        self.lock().notices.push((at, notice.clone()));
    }
}
