//! From a history and its verdicts to what people and machines read. Pure: no clock, no files, the same input gives
//! the same bytes.
//!
//! There are two halves. [`Report::new`] turns typed operations into plain data, once: words, numbers, rows, and the
//! sentences that need the history to be true. The renderers turn that data into bytes and decide nothing:
//! [`html::page`], [`served`], [`text::summary`] and [`text::card`], [`junit::document`], [`summary::page`], [`VerdictFile`].
//!
//! Everything that a system under test said is hostile. It is made inert when it enters the report ([`escape`]) and
//! escaped again for the syntax it is written into, so that no single mistake is enough.

pub mod across;
mod availability;
mod brief;
pub mod broken;
mod cap;
mod charts;
mod circle;
mod clocks;
mod doubt;
pub mod escape;
mod exercised;
mod fault;
mod finding;
pub mod github;
mod glossary;
pub mod html;
pub mod junit;
mod lanes;
mod logs;
mod matrix;
mod meta;
mod models;
mod number;
mod op;
mod packed;
mod report;
mod ribbon;
mod series;
pub mod served;
mod sides;
mod stats;
mod story;
pub mod summary;
mod terminal;
pub mod text;
mod timeline;
mod told;
mod verdict_file;

pub use doubt::Doubt;
pub use fault::{FaultCounts, FaultView, SideUse};
pub use finding::{During, FindingView, OpRow, Reach};
pub use logs::{LogKind, LogLine, LogRow, LogsView, NodeClock, NodeLines, NodeLog};
pub use matrix::{Cell, Column, Matrix, Row};
pub use meta::{META_SCHEMA, Phases, RunMeta, Window};
pub use op::{Naming, NoSuchOp, OpView};
pub use packed::Packed;
pub use report::{CheckView, Conclusion, Report};
pub use series::{Bucket, Point, Series};
pub use sides::{Share, SideUseOverTime};
pub use stats::{CallStats, Counts, ErrorClass, Example, NodeUse, OutcomeKind, Stats};
pub use told::{Broken, Told};
pub use verdict_file::{CheckEntry, FindingEntry, VERDICT_SCHEMA, VerdictFile};
