//! Pure functions from histories to verdicts.

mod checker;
mod verdict;

pub use checker::Checker;
pub use verdict::{Budget, Cause, Check, Evidence, Finding, Verdict};
