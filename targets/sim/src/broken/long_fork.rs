//! Snapshot isolation over sites that replicate later: each site has its own order of independent commits, so that readers
//! see two writes in opposite orders.

use crate::txn::replicas::{Parallel, Past, Rules, Set};

/// Sites that order commits on their own.
pub(crate) struct Sites;

impl Rules for Sites {
    fn sessions(&self) -> bool {
        Parallel.sessions()
    }
    fn first_committer_wins(&self) -> bool {
        true
    }
    fn needs(&self, of: Past<'_>) -> Set {
        Parallel.needs(of)
    }
}
