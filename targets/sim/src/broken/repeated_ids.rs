//! A counter for ids that is written to the disk now and then, and read from it after a crash.

use crate::services::unique_ids::Rules;

/// Writes every tenth.
pub(crate) struct EveryTenth;

impl Rules for EveryTenth {
    fn remembers(&self, next: i64) -> i64 {
        next - next % 10
    }
}
