//! Pure functions from histories to verdicts.

mod checker;
mod coverage;
pub mod linear;
mod stats;
pub mod txn;
mod verdict;

pub use checker::Checker;
pub use coverage::Coverage;
pub use linear::Linearizable;
pub use stats::Stats;
pub use txn::Isolation;
pub use verdict::{Budget, Cause, Check, Evidence, Finding, Verdict};
