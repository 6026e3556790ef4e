//! A compare-and-set that is a read and a write: two of them compare before either sets.

use crate::services::register::Rules;

/// One after the other.
pub(crate) struct CompareThenSet;

impl Rules for CompareThenSet {
    fn atomic(&self) -> bool {
        false
    }
}
