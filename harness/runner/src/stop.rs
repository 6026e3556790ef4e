//! Stopping, in one place for everyone who must hear of it.
//!
//! # Shutdown
//!
//! A phase ends because its generator is done, because it was stopped, because its cap is reached, or because a sink
//! could not write. Whichever it is, the rest is the same: no new call is started; calls that wait for a connection
//! end at once, since nothing was sent; calls that were sent are waited for, because their answers are evidence, and
//! each is bounded by its deadline; a call that is not back some time after that (its client blocks its thread and
//! cannot be interrupted) is recorded as `info` and its worker is replaced. Then everything recorded is handed to the
//! sinks, and only then does `run` return. Nothing waits without a bound, and nothing recorded is lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// A request to stop. Copies are the same request, which is never withdrawn.
#[derive(Debug, Clone, Default)]
pub struct StopToken(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: AtomicBool,
    news: Notify,
}

impl StopToken {
    /// Nobody has asked to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop. May be called from any thread, more than once.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.news.notify_waiters();
    }

    /// Whether someone has asked.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Waits until someone asks.
    pub async fn stopped(&self) {
        // Registered before looking: `notify_waiters` reaches every `Notified` that exists by then, polled or not.
        let news = self.0.news.notified();
        if !self.is_stopped() {
            news.await;
        }
    }
}
