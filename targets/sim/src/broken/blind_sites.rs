//! Parallel snapshot isolation whose sites do not ask each other before they commit: updates of one key at two sites both
//! stand, and one of them has not seen the other.

use crate::txn::replicas::{Parallel, Past, Rules, Set};

/// Sites that do not ask.
pub(crate) struct Blind;

impl Rules for Blind {
    fn sessions(&self) -> bool {
        Parallel.sessions()
    }
    fn first_committer_wins(&self) -> bool {
        false
    }
    fn needs(&self, of: Past<'_>) -> Set {
        Parallel.needs(of)
    }
}
