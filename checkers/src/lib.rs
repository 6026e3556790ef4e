//! Pure functions from histories to verdicts.

mod atomic_commit;
mod bank;
pub mod catalogue;
mod checker;
mod consensus;
mod counter;
mod coverage;
mod election;
mod findings;
pub mod linear;
mod lock;
mod monotonic;
pub mod online;
#[cfg(test)]
mod oracle;
mod queue;
mod set_full;
mod snapshot;
mod staleness;
mod stats;
pub mod txn;
mod unique_ids;
mod verdict;
mod words;
mod write_skew;

pub use atomic_commit::AllOrNothing;
pub use bank::Balances;
pub use checker::Checker;
pub use consensus::Agreement;
pub use counter::Bounds;
pub use coverage::Coverage;
pub use election::OneLeaderPerTerm;
pub use linear::Linearizable;
pub use lock::MutualExclusion;
pub use monotonic::TimestampOrder;
pub use queue::Delivery;
pub use set_full::{SetFull, Timeline};
pub use snapshot::{CausalReverse, LongFork, Sequential};
pub use staleness::{BoundedStaleness, Staleness, Versions, staleness};
pub use stats::Stats;
pub use txn::Isolation;
pub use unique_ids::Uniqueness;
pub use verdict::{Budget, Cause, Check, Evidence, Finding, Verdict};
pub use write_skew::GuardedInserts;
