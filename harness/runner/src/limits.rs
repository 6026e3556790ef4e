//! How long things may take. There is no way to say "for ever".

use std::time::Duration;

/// Bounds on what a worker waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a call may take; after that it is `info`.
    pub op_deadline: Duration,
    /// How long opening a connection may take; after that the call is `fail`, since it was not sent.
    pub connect_deadline: Duration,
    /// How long nothing may end, while calls are open, before the driver says so.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            op_deadline: Duration::from_secs(5),
            connect_deadline: Duration::from_secs(2),
            stall: Duration::from_secs(3),
        }
    }
}
