//! Rows that become visible one by one.

use crate::services::rows::Rules;

/// Row by row.
pub(crate) struct RowByRow;

impl Rules for RowByRow {
    fn tears(&self) -> bool {
        true
    }
}
