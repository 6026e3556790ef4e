//! What can be wrong with what sessions see of registers.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = |code, name, words, example, excluded_by: &[&'static str], causes, source| Row {
        code,
        name,
        words,
        example,
        excluded_by: excluded_by.to_vec(),
        causes,
        source,
    };
    const REPLICAS: &str = "a session that moves to a replica which has not caught up; a cache";
    const ORDER: &str = "replication that does not keep the order of a client's writes; timestamps of clocks that disagree";
    const TERRY: &str = "Terry et al. 1994, 3";
    vec![
        row(
            "own-write-missed",
            "own write not read",
            "a session read what was there before its own last write",
            "process 1: write 1, then read → nothing",
            &["read-your-writes"],
            REPLICAS,
            TERRY,
        ),
        row(
            "reads-went-back",
            "reads that went back",
            "a session read a value, then another, and then the first again",
            "process 1: read → 1, then read → 2, then read → 1",
            &["monotonic-reads"],
            REPLICAS,
            TERRY,
        ),
        row(
            "writes-out-of-order",
            "writes seen out of order",
            "a session read the later of another's writes, and then the earlier one",
            "process 1: write 1, then write 2 · process 2: read → 2, then read → 1",
            &["monotonic-writes"],
            ORDER,
            TERRY,
        ),
        row(
            "write-before-its-cause",
            "write seen before what it follows",
            "a session read a value, and then one that the writer of the former had read before",
            "process 1: write 1 · process 2: read → 1, then write 2 · process 3: read → 2, then read → 1",
            &["writes-follow-reads"],
            ORDER,
            TERRY,
        ),
        row(
            "no-order-for-session",
            "session without an order of writes",
            "no order of all writes that keeps those of each session explains what one session read",
            "process 1: write x 1, then write y 1 · process 2: read y → 1, then read x → nothing",
            &["pram"],
            ORDER,
            "Lipton & Sandberg 1988",
        ),
        row(
            "no-causal-order-for-session",
            "session without a causal order",
            "no order of all writes that keeps what happened before what explains what one session read",
            "process 1: write x 1 · process 2: read x → 1, then write y 1 · process 3: read y → 1, then read x → nothing",
            &["causal"],
            "replication that does not track what a write depends on",
            "Ahamad et al. 1995; Bouajjani et al. 2017",
        ),
        row(
            "no-order-for-key",
            "key without an order",
            "no order of a key's reads and writes keeps that of every session",
            "write 1 · write 2 · process 3: read → 1, then read → 2 · process 4: read → 2, then read → 1",
            &["sequential-keys"],
            "writes applied in different orders on different replicas",
            "Lamport 1979, of one location",
        ),
    ]
}
