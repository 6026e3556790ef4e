//! What a session may rely on: read your writes, monotonic reads, monotonic writes, writes follow reads, PRAM, causal
//! consistency; and sequential consistency of each key for itself.
//!
//! [`Sessions`] judges registers. Each guarantee is a file. What a session is, and which reads count, says `ops`: a process,
//! until its first call of unknown outcome. Nothing is taken from real time: a session that nobody writes to may read what is
//! old for ever. Values must be written once per key to show who was read; others are left out, and counted.
//!
//! PRAM implies the first three guarantees, causal consistency all four, and so does sequential consistency of keys, as far as
//! one key shows them.

mod causal;
mod monotonic_reads;
mod monotonic_writes;
mod ops;
mod pram;
mod read_your_writes;
mod seen;
mod sequential;
mod sessions;
mod shrink;
mod versions;
mod writes_follow_reads;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod textbook;

pub use sessions::{Guarantee, Sessions};
