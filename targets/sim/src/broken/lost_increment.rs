//! A counter that reads, adds and writes: of two additions at a time one is lost.

use crate::services::counter::Rules;

/// One after the other.
pub(crate) struct ReadThenWrite;

impl Rules for ReadThenWrite {
    fn atomic(&self) -> bool {
        false
    }
}
