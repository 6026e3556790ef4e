//! What can be wrong with a single object that should be linearizable.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = |code, name, words, example, causes, source| Row {
        code,
        name,
        words,
        example,
        excluded_by: vec!["linearizable"],
        causes,
        source,
    };
    const HERLIHY: &str = "Herlihy & Wing 1990, 2";
    const ZONES: &str = "Gibbons & Korach 1997, 4 (zones)";
    vec![
        row(
            "stale-read",
            "stale read",
            "a read returned a value that had been replaced before the read began",
            "write 1, write 2, both acknowledged · read → 1",
            "reads from a replica or a deposed leader that has not noticed; a cache",
            ZONES,
        ),
        row(
            "lost-write",
            "lost write",
            "an acknowledged write was never seen, although nothing replaced it",
            "write 1, write 2, both acknowledged · read → 1, read → 1",
            "an acknowledgement before the write is durable or replicated; a failover that drops the end of a log",
            ZONES,
        ),
        row(
            "non-monotonic-read",
            "read inversion",
            "of two reads, one after the other, the second saw the older value",
            "write 2 still runs · read → 2, then read → 1",
            "reads that one replica answers and then another",
            "Lamport 1986 (regular, not atomic)",
        ),
        row(
            "lost-update",
            "lost update",
            "a compare-and-set replaced a value that had been replaced already",
            "write 1, write 2, cas 1→3, all acknowledged",
            "a comparison with a stale copy; a check and a write that are not one step",
            HERLIHY,
        ),
        row(
            "forked-cas",
            "two compare-and-sets from one value",
            "two compare-and-sets both replaced a value that was there only once",
            "write 1 · cas 1→2 ok · cas 1→3 ok",
            "two leaders; a check and a write that are not one step",
            HERLIHY,
        ),
        row(
            "aborted-read",
            "aborted read",
            "a read returned a value whose write was reported as failed",
            "write 1 fails · read → 1",
            "a failure reported for what took effect; a retry after a failure",
            "Adya 1999, 4.2.1 (G1a), of single writes",
        ),
        row(
            "future-read",
            "read of a later write",
            "a read returned a value before its write was called",
            "read → 1, ends · write 1",
            "an answer that is attributed to the wrong call; a client that repeats a call without saying so",
            HERLIHY,
        ),
        row(
            "phantom-value",
            "value from nowhere",
            "a read returned a value that nobody ever tried to write",
            "read → 7, and no write of 7",
            "corruption, a wrong decoding, data left from an earlier run",
            HERLIHY,
        ),
        row(
            "not-linearizable",
            "no order explains the calls",
            "no order of the calls on an object, of whatever kind, respects real time and explains what was returned",
            "enqueue 1, enqueue 2, in this order · dequeue → 2 · dequeue → 1",
            "replicas that apply calls in different orders; answers before a call took effect, or long after",
            HERLIHY,
        ),
        row(
            "non-linearizable",
            "no order explains the calls",
            "no order of the calls that respects real time explains what was returned",
            "write 1, write 2 overlap · read → 1 · read → 2 · read → 1",
            "any of the above, where values were written more than once and no simpler reason can be named",
            HERLIHY,
        ),
    ]
}
