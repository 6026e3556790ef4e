//! Pure functions from histories to verdicts.

mod bank;
mod checker;
mod counter;
mod coverage;
mod findings;
pub mod linear;
mod lock;
#[cfg(test)]
mod oracle;
mod queue;
mod set_full;
mod stats;
pub mod txn;
mod unique_ids;
mod verdict;
mod words;

pub use bank::Balances;
pub use checker::Checker;
pub use counter::Bounds;
pub use coverage::Coverage;
pub use linear::Linearizable;
pub use lock::MutualExclusion;
pub use queue::Delivery;
pub use set_full::{SetFull, Timeline};
pub use stats::Stats;
pub use txn::Isolation;
pub use unique_ids::Uniqueness;
pub use verdict::{Budget, Cause, Check, Evidence, Finding, Verdict};
