//! Exactly once, except that a consumer which takes long gets its message taken back and given to another.

use crate::services::queue::Rules;

/// Is impatient.
pub(crate) struct Impatient;

impl Rules for Impatient {
    fn redelivers(&self) -> bool {
        true
    }
}
