//! The operations besides registers: one family of calls a file, each with its codec. Names of functions and the form
//! of values are those of Jepsen's workloads, so that its histories can be read as they are.

mod bank;
mod consensus;
mod counter;
mod election;
mod guarded;
mod json;
mod lock;
mod log;
mod monotonic;
mod queue;
mod rows;
mod set;
mod snapshot;
mod unique_ids;

pub use bank::{Bank, BankCall, BankReturn};
pub use consensus::{Consensus, ConsensusCall, ConsensusOp, ConsensusReturn};
pub use counter::{Counter, CounterCall, CounterOp, CounterReturn};
pub use election::{Election, ElectionCall, ElectionReturn};
pub use guarded::{Guarded, GuardedCall, GuardedReturn};
pub use lock::{Lock, LockCall, LockOp, LockReturn};
pub use log::{Log, LogCall, LogReturn, LogSeen, LogStep, Record};
pub use monotonic::{Monotonic, MonotonicCall, MonotonicOp, MonotonicReturn, Stamped};
pub use queue::{Queue, QueueCall, QueueOp, QueueReturn};
pub use rows::{Rows, RowsCall, RowsOp, RowsReturn};
pub use set::{Set, SetCall, SetOp, SetReturn};
pub use snapshot::{Snapshot, SnapshotCall, SnapshotReturn};
pub use unique_ids::{UniqueIds, UniqueIdsCall, UniqueIdsReturn};
