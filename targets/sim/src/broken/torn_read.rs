//! A bank that reads one account after the other, while money moves.

use crate::services::bank::Rules;

/// Account by account.
pub(crate) struct AccountByAccount;

impl Rules for AccountByAccount {
    fn reads_at_once(&self) -> bool {
        false
    }
}
