//! The one clock of a run: monotonic, shared by workers, nemesis and sinks, so that their times can be compared.

use std::time::Duration;

use history::Nanos;
use tokio::time::Instant;

/// Time since the run began. A copy is the same clock.
///
/// It is tokio's, which is the operating system's monotonic clock, except in tests that pause it.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    origin: Instant,
}

impl RunClock {
    /// The run begins now.
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Now.
    pub fn now(&self) -> Nanos {
        // A u64 of nanoseconds lasts for 584 years.
        Nanos(self.origin.elapsed().as_nanos() as u64)
    }

    /// The moment at which this clock shows `time`.
    pub(crate) fn instant(&self, time: Nanos) -> Instant {
        self.origin + Duration::from_nanos(time.0)
    }
}
