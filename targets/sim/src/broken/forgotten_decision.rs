//! Nodes that keep what was decided in memory only.

use crate::services::consensus::Rules;

/// Forgets.
pub(crate) struct Forgets;

impl Rules for Forgets {
    fn remembers(&self) -> bool {
        false
    }
}
