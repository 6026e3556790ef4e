//! Read committed with sessions: a transaction that saw another once sees it from then on.
//!
//! *In a commit order that keeps sessions, if T3 reads something of T2 and afterwards x of T1, and T2 wrote x, then T2 comes
//! before T1.* (Biswas & Enea, "On the complexity of checking transactional consistency", OOPSLA 2019, definition of read
//! committed. Without the order of sessions this is what Bailis et al. 2013 call monotonic atomic view; it is more than
//! Adya's PL-2, which does not look at the order of reads.)
//!
//! Only the next such read of x needs to be looked at: the writers of later ones are ordered after its writer by the same
//! rule. For each transaction that was seen either its writes or the reader's keys are gone through, whichever are fewer:
//! O(n^1.5) for n steps (Møldrup & Pavlogiannis, "AWDIT", PLDI 2025, section 3), times a logarithm for the look-up.

use super::{
    Ties, View,
    facts::{Facts, Read},
    overlap::{Keys, each_shared},
};

/// Finds what one transaction saw and then did not see.
pub(super) fn find(facts: &Facts, reader: u32, keys: &Keys, ties: &mut Ties) {
    let reads = facts.reads(reader);
    for (seen_at, source) in super::overlap::sources(reads, reader) {
        each_shared(facts, source, keys, |writer, at| {
            let after = &at[at.partition_point(|i| *i as usize <= seen_at)..];
            let others = |i: &&u32| reads[**i as usize].source != source;
            if let Some(next) = after.iter().find(others) {
                let read: Read = reads[*next as usize];
                ties.note(facts, View::Monotonic, reader, read, writer);
            }
        });
    }
}
