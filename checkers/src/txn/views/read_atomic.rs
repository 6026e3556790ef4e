//! Read atomic with sessions: a transaction sees all of another or nothing, and its own session's past.
//!
//! *In a commit order that keeps sessions, if T3 reads x of T1, and T2 wrote x, and T3 read something of T2 or follows it in
//! its session, then T2 comes before T1.* (Biswas & Enea 2019. Without sessions this is Bailis et al. 2014, 3.1.)
//!
//! Of a session's past only the last writer of x matters, as sessions are in the order anyway. O(n^1.5) as for read
//! committed (Møldrup & Pavlogiannis 2025, section 3); what a session wrote is looked up.

use super::{
    Ties, View,
    facts::Facts,
    overlap::{Keys, each_shared, sources},
};

/// Finds what one transaction saw half of.
pub(super) fn find(facts: &Facts, reader: u32, keys: &Keys, ties: &mut Ties) {
    let reads = facts.reads(reader);
    for (seen_at, source) in sources(reads, reader) {
        each_shared(facts, source, keys, |writer, at| {
            // Reads after that are read committed's business, and of two that differ it is said elsewhere.
            if (at[0] as usize) < seen_at {
                ties.note(facts, View::Atomic, reader, reads[at[0] as usize], writer);
            }
        });
    }
}

/// Finds what one transaction did not see of its own session.
pub(super) fn find_own(facts: &Facts, reader: u32, ties: &mut Ties) {
    let session = facts.session[reader as usize];
    for read in facts.reads(reader) {
        let runs = facts.runs(read.key);
        if let Ok(own) = runs.binary_search_by_key(&session, |run| run.session)
            && let Some(writer) = facts.latest(&runs[own], facts.place[reader as usize] - 1)
        {
            ties.note(facts, View::SessionAtomic, reader, *read, writer);
        }
    }
}
