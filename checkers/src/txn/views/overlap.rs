//! The keys that one transaction read and another, whose writes it saw, wrote: through the smaller of the two sets.

use super::facts::{Facts, Read, Writer};
use crate::txn::incident::NOBODY;

/// The keys that a transaction read, each with the positions of its reads.
#[derive(Default)]
pub(super) struct Keys {
    sorted: Vec<(u32, u32)>,
    positions: Vec<u32>,
    /// Where the positions of each key begin.
    keys: Vec<(u32, u32)>,
}

impl Keys {
    /// Those of a transaction, in the place of the last one's.
    pub(super) fn take(&mut self, reads: &[Read]) {
        self.sorted.clear();
        let keyed = reads.iter().zip(0..).map(|(read, at)| (read.key, at));
        self.sorted.extend(keyed);
        self.sorted.sort_unstable();
        self.positions.clear();
        self.positions.extend(self.sorted.iter().map(|(_, at)| *at));
        self.keys.clear();
        for (place, (key, _)) in self.sorted.iter().enumerate() {
            if self.keys.last().is_none_or(|(last, _)| last != key) {
                self.keys.push((*key, place as u32));
            }
        }
    }

    fn at(&self, place: usize) -> &[u32] {
        let from = self.keys[place].1 as usize;
        let to = self.keys.get(place + 1);
        &self.positions[from..to.map_or(self.positions.len(), |(_, to)| *to as usize)]
    }
}

/// Whose writes were read, each with the position where first.
pub(super) fn sources(reads: &[Read], reader: u32) -> Vec<(usize, u32)> {
    let seen = reads.iter().enumerate().map(|(at, read)| (read.source, at));
    let mut seen: Vec<(u32, usize)> = seen
        .filter(|(source, _)| *source != NOBODY && *source != reader)
        .collect();
    seen.sort_unstable();
    seen.dedup_by_key(|(source, _)| *source);
    seen.into_iter().map(|(source, at)| (at, source)).collect()
}

/// Each key that a transaction wrote and that was read, with the positions of its reads.
pub(super) fn each_shared(
    facts: &Facts,
    source: u32,
    keys: &Keys,
    mut with: impl FnMut(Writer, &[u32]),
) {
    let writes = facts.writes(source);
    if writes.len() <= keys.keys.len() {
        for write in writes {
            if let Ok(place) = keys.keys.binary_search_by_key(&write.key, |(key, _)| *key) {
                with(facts.writer(source, write), keys.at(place));
            }
        }
        return;
    }
    for (place, (key, _)) in keys.keys.iter().enumerate() {
        if let Ok(at) = writes.binary_search_by_key(key, |write| write.key) {
            with(facts.writer(source, &writes[at]), keys.at(place));
        }
    }
}
