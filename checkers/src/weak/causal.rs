//! Causal memory: each session sees all writes in some order that keeps what happened before what, and its own reads fit into
//! it.
//!
//! Happened before: earlier in the same session, or written before it was read, or both by any chain (Ahamad et al., "Causal
//! memory: definitions, implementation, and programming", 1995). The orders of different sessions may differ. It is all four
//! session guarantees together (Brzezinski et al. 2004). Transactions are judged by the other kind of causal consistency, with
//! one order for all: see [`Level::Causal`](crate::txn::Level::Causal). Sound and complete where each value is written once;
//! for the cost see `seen`.

use super::{
    ops::Known,
    seen::{self, Keeps},
};

/// Ops of a session that has no such order, and of those whom it saw.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    seen::find(known, Keeps::AllReads)
}
