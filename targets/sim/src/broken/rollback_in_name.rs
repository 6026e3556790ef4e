//! A rollback that is reported and not done.

use crate::services::rows::Rules;

/// Leaves it there.
pub(crate) struct LeavesIt;

impl Rules for LeavesIt {
    fn leaves(&self) -> bool {
        true
    }
}
