//! Quorums of two out of five: what one has written another need not see.

use crate::services::quorum::Rules;

/// Two are enough.
pub(crate) struct TwoOfFive;

impl Rules for TwoOfFive {
    fn quorum(&self) -> usize {
        2
    }
}
