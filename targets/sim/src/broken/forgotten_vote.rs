//! Votes that are not on the disk: a node that crashes votes again in the same term, and two candidates have a majority.

use crate::services::election::Rules;

/// Votes twice.
pub(crate) struct VotesTwice;

impl Rules for VotesTwice {
    fn remembers_votes(&self) -> bool {
        false
    }
}
