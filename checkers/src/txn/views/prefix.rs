//! Prefix consistency: a transaction sees a prefix of one commit order, and its own session's past.
//!
//! *In a commit order that keeps sessions and reads, if T3 reads x of T1, and T2 wrote x and comes before or at a transaction
//! that T3 read from or follows in its session, then T2 comes before T1* (Biswas & Enea 2019; Burckhardt et al. 2015, who
//! call it global sequence protocol). In terms of dependencies: no cycle in which every anti-dependency comes right after a
//! session or a read (Bernardi & Gotsman, "Robustness against consistency models with atomic visibility", CONCUR 2016).
//! It excludes long forks and allows lost updates, which is all that snapshot isolation adds.
//!
//! That is exact where the order of versions is known, as it is for lists. For registers the problem is NP-complete: here
//! anti-dependencies are used as far as an order follows from what was there first, from a transaction that read and then
//! wrote, from the ties of causal consistency, and from sessions. Sound, and O(steps).

use super::{
    Tie,
    facts::Facts,
    ties::{Newer, Sorted},
};
use crate::txn::incident::NOBODY;

/// Who read what another replaced, as ties and sessions say. Sorted by reader.
pub(super) fn newer(facts: &Facts, ties: &Sorted<Tie>) -> Sorted<Newer> {
    let mut all = Vec::new();
    for reader in 0..facts.len() as u32 {
        for read in facts.reads(reader) {
            let source = read.source;
            if source == NOBODY || facts.lists[read.key as usize].is_some() {
                continue;
            }
            let newer = |writer, tie| Newer {
                reader,
                writer,
                key: read.key,
                source,
                tie,
            };
            for at in ties.of(source) {
                let tie = ties.get(at);
                if tie.key == read.key && tie.to != reader {
                    all.push(newer(tie.to, Some(at as u32)));
                }
            }
            let session = facts.session[source as usize];
            let runs = facts.runs(read.key);
            if let Ok(own) = runs.binary_search_by_key(&session, |run| run.session)
                && let Some(next) = facts.next(&runs[own], facts.place[source as usize])
                && next.txn != reader
            {
                all.push(newer(next.txn, None));
            }
        }
    }
    Sorted::new(all, facts.len(), |newer| newer.reader)
}
