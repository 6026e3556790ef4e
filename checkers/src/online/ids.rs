//! Ids: each against all that were handed out. Exact. One entry per id.

use history::{
    Index, Key, Outcome,
    ops::{UniqueIds, UniqueIdsReturn},
};

use super::{Ended, Map, Watch};

/// Watches a generator of ids.
#[derive(Debug, Default)]
pub struct Ids {
    seen: Map<Key, Index>,
}

impl Watch<UniqueIds> for Ids {
    fn name(&self) -> &'static str {
        "unique-ids"
    }

    fn ended(&mut self, ended: &Ended<'_, UniqueIds>) -> Option<(String, Vec<Index>)> {
        let Outcome::Ok(UniqueIdsReturn(id)) = ended.outcome else {
            return None;
        };
        let before = self.seen.insert(id.clone(), ended.invoked)?;
        Some((
            format!("the id {id} was handed out twice"),
            vec![before, ended.invoked],
        ))
    }
}
