//! Transactional isolation: which anomalies a history of transactions shows, and which levels exclude them.
//!
//! The method is Elle's (Kingsbury & Alvaro, VLDB 2020) over the theory of Adya (1999) and Cerone & Gotsman (2018).
//! [`History`](history::History)`<Txn>` → `table` (flat, keys interned) → `append` and `register` (version orders, edges,
//! and what is wrong without any cycle) → `graph` → `scc` → `cycles` and `hunt` (shortest cycle of each class) → `shrink`
//! (to a witness that proves it alone, by [`project`]) → `explain` (words). [`Anomaly`] is the catalogue, [`Level`] the lattice, [`Isolation`] the checker.
//!
//! **What is certain.** An `ok` transaction committed, a `fail` one did not, and an `info` one did iff an `ok` read saw one
//! of its writes. For lists with distinct elements the check of serializability and strict serializability is sound and
//! complete: without other anomalies, an acyclic graph sorted topologically is a serial order that explains every read. So it is
//! for read committed, and for snapshot isolation where of no list two appends were never seen, whose order nobody knows. For
//! registers it is sound; version orders are used only as far as they are certain, so that some violations go unseen.
//! O(n log n) for n steps, until there is a violation; shortest cycles cost more and are bounded by the budget.

mod append;
mod catalogue;
mod cycles;
mod explain;
mod fractured;
mod graph;
mod hunt;
mod incident;
mod isolation;
mod level;
mod order;
mod project;
mod register;
mod scc;
mod shrink;
mod table;
mod views;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod levels;
#[cfg(test)]
mod textbook;
#[cfg(test)]
mod witnesses;

pub use catalogue::{Anomaly, CycleKind, Entry, Tier, View};
pub use graph::{Edges, Graph, Label};
pub use isolation::{Found, Isolation, Judgement};
pub use level::Level;
pub use project::project;
pub use scc::components;
