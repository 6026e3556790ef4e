//! What the author of a target imports: one trait per workload, in the database's own words.
//!
//! A target answers one question that nobody else can: *what does this error say about the call?* A call that was
//! refused before it was sent certainly did not happen; a call whose answer was lost may have happened, or may happen
//! yet. [`Certainty`] is that answer, `classify` is the one function that gives it, and the compiler asks for it. A
//! wrong [`Certainty::DidNotHappen`] makes a correct database look broken; a needless
//! [`Certainty::MayHaveHappened`] only makes the checker work harder. In doubt, the second.
//!
//! ```
//! use schism_kit::{Certainty, Key, Register, Via};
//!
//! /// A client of a database that has nothing in it and accepts nothing.
//! struct Void;
//!
//! #[derive(Debug)]
//! struct ReadOnly;
//! impl std::fmt::Display for ReadOnly {
//!     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
//!         f.write_str("the void accepts nothing")
//!     }
//! }
//!
//! impl Register for Void {
//!     type Error = ReadOnly;
//!     fn classify(_: &ReadOnly) -> (Certainty, &'static str) {
//!         (Certainty::DidNotHappen, "read-only")
//!     }
//!     async fn read(&mut self, _: &Key) -> Result<Option<i64>, ReadOnly> {
//!         Ok(None)
//!     }
//!     async fn write(&mut self, _: &Key, _: i64) -> Result<(), ReadOnly> {
//!         Err(ReadOnly)
//!     }
//! }
//!
//! // `Via` is what the runner drives.
//! let _client = Via(Void);
//! ```

mod register;

pub use control::Node;
pub use history::Key;
pub use register::{Register, Via};
pub use runner::{Client, NO_CONNECTION, Target};

/// What an error says about the call that it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// It did not happen and never will.
    DidNotHappen,
    /// It may have happened, or may happen yet.
    MayHaveHappened,
}

/// An error with its causes, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        let more = e.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = e.source();
    }
    text
}
