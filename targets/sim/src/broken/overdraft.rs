//! A bank that looks at a balance first and takes the money later: two transfers spend the same money.

use crate::services::bank::Rules;

/// Looks first.
pub(crate) struct LooksFirst;

impl Rules for LooksFirst {
    fn checks_at_once(&self) -> bool {
        false
    }
}
