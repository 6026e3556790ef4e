//! PRAM of transactions, with one commit order for all: a session sees its own past, and each other session's writes in
//! their order.
//!
//! *In a commit order that keeps sessions and reads, if T3 reads x of T1, and T2 wrote x and comes before T3 in its session,
//! or before or at a transaction of another session that T3's session read from until then, then T2 comes before T1.*
//! Lipton & Sandberg ("PRAM: a scalable shared memory", 1988) let each session have an order of its own (see
//! [`weak`](crate::weak)); with one for all, as Viotti & Vukolić ("Consistency in non-transactional distributed storage
//! systems", 2016, 3.5) state it, causal consistency implies it.
//!
//! The same vectors as for causal consistency, but nobody takes over another's. O(n·k) for n steps in k sessions.

use super::{Ties, View, facts::Facts};
use crate::txn::incident::NOBODY;

/// Finds what sessions saw and then did not see.
pub(super) fn find(facts: &Facts, ties: &mut Ties) {
    let mut seen = vec![0u32; facts.sessions.len()];
    for (session, txns) in facts.sessions.iter().enumerate() {
        seen.fill(0);
        for reader in txns {
            seen[session] = seen[session].max(facts.place[*reader as usize] - 1);
            for read in facts.reads(*reader) {
                if read.source != NOBODY && read.source != *reader {
                    let theirs = &mut seen[facts.session[read.source as usize] as usize];
                    *theirs = (*theirs).max(facts.place[read.source as usize]);
                }
            }
            for read in facts.reads(*reader) {
                for run in facts.runs(read.key) {
                    if let Some(writer) = facts.latest(run, seen[run.session as usize]) {
                        ties.note(facts, View::Pram, *reader, *read, writer);
                    }
                }
            }
        }
    }
}
