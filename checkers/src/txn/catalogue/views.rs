//! The rows of what a transaction ought to have seen.

use super::{Entry, Level, Level::*, Row, View};

const BISWAS: &str = "Biswas & Enea 2019, 2.2; Møldrup & Pavlogiannis 2025";

pub(super) fn entry(view: View, row: Row) -> Entry {
    match view {
        View::Monotonic => row(
            "view-order",
            "views in contradiction",
            "what transactions saw, and then kept seeing, fits no order of commits",
            "T1: w x 1, w y 1 · T2: w x 2, w y 2 · T3: r x → 1, r y → 2 · T4: r x → 2, r y → 1",
            &[MonotonicAtomicView],
            "writes applied key by key in different orders on different replicas",
            "Bailis et al. 2013, 5.1.2; Biswas & Enea 2019, 2.2",
        ),
        View::Atomic => row(
            "atomic-view-order",
            "halves of transactions in contradiction",
            "what transactions saw of each other, taken as whole transactions, fits no order of commits",
            "T1: w x 1, w y 1 · T2: w x 2, w y 2 · T3: r x → 1, r y → 2",
            &[ReadAtomic, RepeatableRead],
            "commits that become visible key by key",
            "Bailis et al. 2014, 3.1; Biswas & Enea 2019, 2.2",
        ),
        View::SessionMonotonic => row(
            "session-view-order",
            "views against the order of sessions",
            "what transactions saw, and then kept seeing, fits no order of commits that keeps sessions",
            "process 1: w x 1, w y 1, then w x 2, w y 2 · T3: r x → 2, r y → 1",
            &[StrongSessionReadCommitted],
            "writes of a session that overtake each other on their way to a replica",
            BISWAS,
        ),
        View::SessionAtomic => row(
            "session-past-missed",
            "own session's past not seen",
            "a transaction did not see what its own session had written, or saw half of another in the order of sessions",
            "process 1: w x 1, then r x → nothing",
            &[StrongSessionReadAtomic],
            "a session that moves to a replica which has not caught up",
            BISWAS,
        ),
        View::Pram => row(
            "pram-violation",
            "session seen out of its order",
            "a session saw a transaction of another and missed, then or later, what that had written before or what it had seen already",
            "process 1: w x 1, then w y 1 · process 2: r y → 1, then r x → nothing",
            &[Level::Pram],
            "replication that does not keep the order of a client's writes; a session that changes replicas",
            "Lipton & Sandberg 1988; Viotti & Vukolić 2016, 3.5",
        ),
        View::Causal => row(
            "causality-violation",
            "effect without its cause",
            "a transaction missed something that had happened before what it saw",
            "T1: w x 1 · T2: r x → 1, w y 1 · T3: r y → 1, r x → nothing",
            &[Level::Causal],
            "replication that does not track what a write depends on",
            BISWAS,
        ),
        View::Prefix => row(
            "prefix-violation",
            "no common order of snapshots",
            "what transactions saw is no prefix of any order of commits",
            "T1: w x 1 · T2: w y 1 · T3: r x → 1, r y → nothing · T4: r x → nothing, r y → 1",
            &[PrefixConsistency],
            "sites that show commits in different orders, as causal consistency allows",
            "Biswas & Enea 2019, 2.2; Bernardi & Gotsman 2016",
        ),
    }
}
