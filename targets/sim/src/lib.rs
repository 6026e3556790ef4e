//! Simulated systems: honest ones that keep what they promise, and `broken` ones with one named bug each. They are how
//! checkers are tested: of an honest store a checker finds exactly what theory allows at its level, and of a broken one
//! the bug, by its name.
//!
//! Pure and deterministic: virtual time, no threads, the same seed gives the same history. What is simulated is
//! concurrency: a scheduler interleaves the steps of many clients' calls, loses answers, and crashes the system.
//!
//! ```
//! use history::History;
//! use schism_sim::{Objects, nodes};
//!
//! let store = schism_sim::store("write-skew", Objects::Lists).expect("one of the list");
//! let events = store.run(1, 100, 5);
//! let history = History::new(nodes(), events).expect("well formed");
//! assert_eq!(history.spans().len(), 100);
//! ```

mod broken;
mod schedule;
mod service;
mod services;
mod simulated;
mod stores;
mod system;
mod systems;
mod txn;

pub use schedule::{Load, nodes};
pub use services::bank::{ACCOUNTS, BALANCE};
pub use simulated::{Bug, Promise, Simulated};
pub use stores::{store, stores};
pub use systems::{
    banks, counters, decisions, elections, guarded_inserts, locks, queues, registers, sets,
    snapshots, tables, unique_ids,
};
pub use txn::Objects;
