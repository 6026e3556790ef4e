//! PRAM: each session sees all writes in some order that keeps every session's, and its own reads fit into it.
//!
//! The orders of different sessions may differ. It is read your writes, monotonic reads and monotonic writes together, across
//! all keys (Lipton & Sandberg, "PRAM: a scalable shared memory", 1988; Brzezinski et al., "From session causality to causal
//! consistency", 2004). Sound and complete where each value is written once; for the cost see `seen`.

use super::{
    ops::Known,
    seen::{self, Keeps},
};

/// Ops of a session that has no such order, and of those whom it saw.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    seen::find(known, Keeps::OwnReads)
}
