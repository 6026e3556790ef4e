//! What happened, as data. The bottom of the workspace: no clock, no threads, no files.

mod brief;
mod codec;
mod datum;
pub mod dsl;
pub mod edn;
mod event;
pub mod fault;
pub mod foreign;
mod history;
pub mod journal;
mod lines;
mod op;
pub mod ops;
mod reading;
mod register;
mod txn;

pub use codec::{Codec, Fields};
pub use datum::Datum;
pub use event::{Event, Moment, NodeId, Nodes};
pub use history::{History, Malformed, Span};
pub use op::{Index, Key, Nanos, Operation, Outcome, Process, Reason};
pub use reading::ClockReading;
pub use register::{Register, RegisterCall, RegisterOp, RegisterReturn};
pub use txn::{Reads, Seen, Txn, TxnCall, TxnOp, TxnReturn, TxnStep};
