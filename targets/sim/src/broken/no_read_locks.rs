//! Two-phase locking that lets go of a read lock once the read is done: what a transaction read may have changed when it
//! writes.

use crate::txn::locking::{Hold, Locking};

/// Keeps write locks only.
pub(crate) fn no_read_locks() -> Locking {
    Locking::new(Hold::Short, Hold::Long)
}
