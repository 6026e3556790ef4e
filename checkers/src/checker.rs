//! The trait of everything that judges.

use history::{History, Operation};

use crate::{Budget, Verdict};

/// Judges a history. Pure: the same history gets the same verdict.
pub trait Checker<O: Operation>: Send + Sync {
    /// Its name: `linearizable`.
    fn name(&self) -> &str;
    /// What it decides, in a sentence for people.
    fn decides(&self) -> String;
    /// How far its verdicts go, for people: when a violation that it finds is one (sound), and what it does not see
    /// (incomplete).
    fn limits(&self) -> &'static str;
    /// Judges.
    fn check(&self, history: &History<O>, budget: Budget) -> Verdict;
}
