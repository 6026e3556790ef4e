//! The operations besides registers: one family of calls a file, each with its codec. Names of functions and the form
//! of values are those of Jepsen's workloads, so that its histories can be read as they are.

mod bank;
mod consensus;
mod counter;
mod documents;
mod election;
mod guarded;
mod json;
mod kv;
mod lock;
mod log;
mod members;
mod monotonic;
mod offset_log;
mod queue;
mod rows;
mod semaphore;
mod set;
mod snapshot;
mod stack;
mod unique_ids;
mod versioned;

pub use bank::{Bank, BankCall, BankReturn};
pub use consensus::{Consensus, ConsensusCall, ConsensusOp, ConsensusReturn};
pub use counter::{Counter, CounterCall, CounterOp, CounterReturn};
pub use documents::{Documents, DocumentsCall, DocumentsOp, DocumentsReturn};
pub use election::{Election, ElectionCall, ElectionReturn};
pub use guarded::{Guarded, GuardedCall, GuardedReturn};
pub use kv::{Kv, KvCall, KvOp, KvReturn};
pub use lock::{Lock, LockCall, LockOp, LockReturn};
pub use log::{Log, LogCall, LogReturn, LogSeen, LogStep, Record};
pub use members::{Members, MembersCall, MembersOp, MembersReturn};
pub use monotonic::{Monotonic, MonotonicCall, MonotonicOp, MonotonicReturn, Stamped};
pub use offset_log::{OffsetLog, OffsetLogCall, OffsetLogOp, OffsetLogReturn};
pub use queue::{Queue, QueueCall, QueueOp, QueueReturn};
pub use rows::{Rows, RowsCall, RowsOp, RowsReturn};
pub use semaphore::{Semaphore, SemaphoreCall, SemaphoreOp};
pub use set::{Set, SetCall, SetOp, SetReturn};
pub use snapshot::{Snapshot, SnapshotCall, SnapshotReturn};
pub use stack::{Stack, StackCall, StackOp, StackReturn};
pub use unique_ids::{UniqueIds, UniqueIdsCall, UniqueIdsReturn};
pub use versioned::{Versioned, VersionedCall, VersionedOp, VersionedReturn};
