//! Whole histories through the program: what others recorded, with their verdicts, and what we recorded and constructed,
//! with every finding.

mod others;
mod ours;
#[path = "../support/mod.rs"]
mod support;
