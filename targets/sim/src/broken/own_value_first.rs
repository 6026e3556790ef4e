//! A proposer that has its own value accepted whatever was accepted before: what was decided is decided again, otherwise.

use crate::services::consensus::Rules;

/// Insists.
pub(crate) struct Insists;

impl Rules for Insists {
    fn choose(&self, own: i64, _: Option<i64>) -> i64 {
        own
    }
}
