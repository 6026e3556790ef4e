//! Stores of transactions, one file per way to run them. Which level a store keeps is decided by a few rules that it is
//! given; a broken twin is the same store with one rule wrong, or with something that comes between.

pub(crate) mod engine;
pub(crate) mod eventual;
pub(crate) mod locking;
pub(crate) mod read_atomic;
pub(crate) mod replicas;
pub(crate) mod sharded;
pub(crate) mod snapshots;
pub(crate) mod timestamps;

pub use engine::Objects;
