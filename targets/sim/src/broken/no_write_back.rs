//! Reads that do not write back what they return: while a write is on its way, one read sees it and the next does not.

use crate::services::quorum::Rules;

/// Reads and forgets.
pub(crate) struct ReadsOnly;

impl Rules for ReadsOnly {
    fn writes_back(&self) -> bool {
        false
    }
}
