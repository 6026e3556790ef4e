//! Doing it for real: clients, workers, deadlines, the record, and the directory that it goes to.
//!
//! A [`Driver`] makes the calls that a generator asks for, against a [`Target`], on one [`RunClock`]; every event goes
//! to its [`Sink`]s. The [`store`] is where they keep what they hear.

mod client;
mod clock;
mod driver;
mod limits;
mod log;
mod phase;
mod recorder;
mod sink;
mod stop;
pub mod store;
mod worker;

pub use client::{Client, Target};
pub use clock::RunClock;
pub use driver::Driver;
pub use limits::Limits;
pub use phase::{Ending, PhaseSummary, RunError};
pub use sink::{
    Collector, Counters, ErrorCount, JournalSink, Notice, Outcomes, Second, Sink, SinkError,
    Snapshot,
};
pub use stop::StopToken;
pub use worker::{CLIENT_PANIC, CLIENT_STUCK, NO_CONNECTION, TIMEOUT};
