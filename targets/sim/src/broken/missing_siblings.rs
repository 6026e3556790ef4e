//! Read atomic without the second round: a reader that got a version does not ask for what was written with it.

use crate::txn::read_atomic::Rules;

/// One round of reads.
pub(crate) struct OneRound;

impl Rules for OneRound {
    fn repairs(&self) -> bool {
        false
    }
}
