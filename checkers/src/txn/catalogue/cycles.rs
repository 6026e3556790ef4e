//! The rows of the cycles: five kinds, each plain, with the order of sessions, and with real time.

use super::{CycleKind, CycleKind::*, Entry, Level, Level::*, Tier, Tier::*};

type Row = fn(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [Level],
    &'static str,
    &'static str,
) -> Entry;

pub(super) fn entry(kind: CycleKind, tier: Tier, row: Row) -> Entry {
    const CLOCKS: &str = "Adya 1999, 4.2; Daudjee & Salem 2004 for orders of sessions";
    const SI_SESSION: &[Level] = &[StrongSessionSnapshotIsolation];
    const SI_REALTIME: &[Level] = &[StrongSnapshotIsolation];
    const STALE_SESSION: &str = "a session that moves to a replica which has not caught up";
    const STALE: &str = "reads from replicas or snapshots that lag; clocks that disagree; a deposed leader that answers";
    match (kind, tier) {
        (G0, Plain) => row(
            "G0",
            "dirty write",
            "the writes of transactions are interleaved: each overwrote something of the other",
            "T1: append x 1, append y 1 · T2: append x 2, append y 2 · T3: r x → [1 2], r y → [2 1]",
            &[ReadUncommitted],
            "no write locks until commit; conflicts resolved key by key",
            "Adya 1999, 4.2.1",
        ),
        (G0, Session) => row(
            "G0-session",
            "writes against the order of a session",
            "a process's later write went below its earlier one, by way of others' writes",
            "process 1: append x 1, then append x 2 · T3: r x → [2 1]",
            SI_SESSION,
            STALE_SESSION,
            CLOCKS,
        ),
        (G0, Realtime) => row(
            "G0-realtime",
            "writes against real time",
            "a write went below one that was acknowledged before it began",
            "T1: append x 1, ends · T2: append x 2 · T3: r x → [2 1]",
            SI_REALTIME,
            "timestamps of clocks that disagree; merges after a partition",
            CLOCKS,
        ),
        (G1c, Plain) => row(
            "G1c",
            "circular information flow",
            "transactions saw each other's effects in a circle, so that none can have been first",
            "T1: append x 1, r y → [1] · T2: append y 1, r x → [1]",
            &[ReadCommitted],
            "reads of what is not yet committed",
            "Adya 1999, 4.2.2",
        ),
        (G1c, Session) => row(
            "G1c-session",
            "circular information flow with sessions",
            "transactions saw each other's effects in a circle that a session's order closes",
            "process 1: r x → [1], then append y 1 · T3: r y → [1], append x 1",
            SI_SESSION,
            STALE_SESSION,
            CLOCKS,
        ),
        (G1c, Realtime) => row(
            "G1c-realtime",
            "effect before its cause",
            "a transaction saw an effect of one that began, in real time, only after it",
            "T1: r x → [1], ends · T2: append x 1",
            SI_REALTIME,
            "a client that repeats a call without saying so; answers attributed to the wrong call",
            CLOCKS,
        ),
        (GSingle, Plain) => row(
            "G-single",
            "read skew",
            "a transaction missed an effect of another, and yet depends on it",
            "T1: r x → [], r y → [1] · T2: append x 1, append y 1",
            &[ParallelSnapshotIsolation, RepeatableRead],
            "each step reads the newest committed value; a snapshot taken shard by shard",
            "Adya 1999, 4.2.5; Berenson et al. 1995 (A5A)",
        ),
        (GSingle, Session) => row(
            "G-single-session",
            "a session that went back in time",
            "a process missed what it had done or seen before",
            "process 1: append x 1, then r x → []",
            SI_SESSION,
            STALE_SESSION,
            CLOCKS,
        ),
        (GSingle, Realtime) => row(
            "G-single-realtime",
            "stale read",
            "a transaction missed what was acknowledged before it began",
            "T1: append x 1, ends · T2: r x → []",
            SI_REALTIME,
            STALE,
            CLOCKS,
        ),
        (GNonadjacent, Plain) => row(
            "G-nonadjacent",
            "long fork",
            "transactions saw independent writes in opposite orders",
            "T1: append x 1 · T2: append y 1 · T3: r x → [1], r y → [] · T4: r x → [], r y → [1]",
            &[SnapshotIsolation, RepeatableRead],
            "sites or shards that commit without a common order (parallel snapshot isolation allows it)",
            "Sovran et al. 2011; Cerone & Gotsman 2018",
        ),
        (GNonadjacent, Session) => row(
            "G-nonadjacent-session",
            "long fork with sessions",
            "transactions saw writes in opposite orders, given the order of a session",
            "process 1: r x → [1], then r y → [] · process 2: r y → [1], then r x → []",
            SI_SESSION,
            STALE_SESSION,
            CLOCKS,
        ),
        (GNonadjacent, Realtime) => row(
            "G-nonadjacent-realtime",
            "long fork in real time",
            "transactions saw writes in opposite orders, given what ended before what began",
            "T1: append x 1, ends · T4: r y → [] · T2: append y 1, all the while · T3: r x → [], r y → [1], all the while",
            SI_REALTIME,
            STALE,
            CLOCKS,
        ),
        (G2Item, Plain) => row(
            "G2-item",
            "write skew",
            "transactions each missed the other's effect: each would have to come first",
            "T1: r x → [], append y 1 · T2: r y → [], append x 1",
            &[RepeatableRead],
            "snapshot isolation where serializability was expected",
            "Adya 1999, 4.2.4; Berenson et al. 1995 (A5B)",
        ),
        (G2Item, Session) => row(
            "G2-item-session",
            "write skew with sessions",
            "transactions missed each other's effects in a circle that a session's order closes",
            "process 1: append y 1, then r x → [] · T3: r y → [], append x 1",
            &[StrongSessionSerializable],
            "reads from a replica or a snapshot that lags",
            CLOCKS,
        ),
        (G2Item, Realtime) => row(
            "G2-item-realtime",
            "write skew in real time",
            "transactions missed each other's effects in a circle that real time closes",
            "T1: append y 1, ends · T2: r x → [] · T3: r y → [], append x 1, all the while",
            &[StrictSerializable],
            STALE,
            CLOCKS,
        ),
    }
}
