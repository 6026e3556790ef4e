//! A leader that refuses a write for lack of a quorum, and leaves it in its log, from where it is replicated after all.

use crate::services::register::Rules;

/// Does not withdraw.
pub(crate) struct Keeps;

impl Rules for Keeps {
    fn withdraws(&self) -> bool {
        false
    }
}
