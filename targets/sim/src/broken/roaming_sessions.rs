//! A causal store whose clients may ask any replica, also one that does not yet have what they wrote or saw.

use crate::txn::replicas::{Causal, Past, Rules, Set};

/// Answers whoever comes.
pub(crate) struct AnyReplica;

impl Rules for AnyReplica {
    fn sessions(&self) -> bool {
        false
    }
    fn needs(&self, of: Past<'_>) -> Set {
        Causal.needs(of)
    }
}
