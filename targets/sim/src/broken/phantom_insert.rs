//! Locks on rows, where a lock on the predicate is needed: two look, see nothing, and insert different rows.

use crate::services::guarded::Rules;

/// Locks what is there.
pub(crate) struct LocksRows;

impl Rules for LocksRows {
    fn locks_predicates(&self) -> bool {
        false
    }
}
