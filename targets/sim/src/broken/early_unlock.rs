//! Locking that lets go of a write lock once the write is done: the writes of transactions are interleaved, and what others
//! have read or built upon is rolled back.

use crate::txn::locking::{Hold, Locking};

/// Keeps read locks, for what it is worth.
pub(crate) fn early_unlock() -> Locking {
    Locking::new(Hold::Long, Hold::Short)
}
