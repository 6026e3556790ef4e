//! The catalogue of anomalies: what each is called, what it means, and which levels exclude it. The only place where an
//! anomaly of transactions is described; the [reference page](crate::catalogue) is made from it.

mod cycles;
mod views;

use super::Level;

/// What can be wrong with a history of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A value that nobody wrote.
    GarbageRead,
    /// A value that the reader itself writes only later.
    FutureRead,
    /// An element that a list has more often than it was appended.
    DuplicateElements,
    /// An append in a list without one that the same transaction made before it.
    TornAppends,
    /// G1a.
    AbortedRead,
    /// G1b.
    IntermediateRead,
    /// A committed write on top of an aborted one.
    DirtyUpdate,
    /// A transaction that does not see its own writes.
    Internal,
    /// Two reads of a list of which neither continues the other.
    IncompatibleOrder,
    /// An effect of a transaction seen, and another of its effects not seen later.
    NonMonotonicView,
    /// Some effects of a transaction seen, and others not.
    FracturedRead,
    /// Two reads of a key in one transaction that differ.
    NonRepeatableRead,
    /// Something that ought to have been seen and was not, in any order of commits.
    View(View),
    /// Two transactions that replaced the same version.
    LostUpdate,
    /// A cycle of dependencies.
    Cycle(CycleKind, Tier),
}

/// What a transaction ought to see, from the weakest level that asks for it to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// From then on, what it saw once.
    Monotonic,
    /// All or nothing of another transaction.
    Atomic,
    /// As [`Monotonic`](Self::Monotonic), in an order that keeps sessions.
    SessionMonotonic,
    /// As [`Atomic`](Self::Atomic), and its own session's past.
    SessionAtomic,
    /// What its session saw, and what came before that in the sessions of others.
    Pram,
    /// Everything that happened before.
    Causal,
    /// Everything that committed before anything it saw.
    Prefix,
}

impl View {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Monotonic,
        Self::Atomic,
        Self::SessionMonotonic,
        Self::SessionAtomic,
        Self::Pram,
        Self::Causal,
        Self::Prefix,
    ];

    /// As a set of one.
    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Cycles by what they consist of, from the weakest level that excludes them to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CycleKind {
    /// Writes only.
    G0,
    /// Writes and reads.
    G1c,
    /// One anti-dependency.
    GSingle,
    /// Several anti-dependencies, no two in a row.
    GNonadjacent,
    /// Several anti-dependencies, two of them in a row.
    G2Item,
}

/// Which orders a cycle uses besides what transactions read and wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// None.
    Plain,
    /// That of the transactions of a process.
    Session,
    /// That of transactions of which one ended before the other began.
    Realtime,
}

/// A row of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name for machines: `G1a`, `G-single-realtime`.
    pub code: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub words: &'static str,
    /// Three operations or so that show it.
    pub example: &'static str,
    /// The weakest levels that exclude it; all that imply them do, too.
    pub excluded_by: &'static [Level],
    /// What usually causes it.
    pub causes: &'static str,
    /// Where it is defined.
    pub source: &'static str,
}

use CycleKind::*;
use Level::*;
use Tier::*;

impl Anomaly {
    /// All of them, in the order of the catalogue.
    pub const ALL: [Self; 35] = [
        Self::GarbageRead,
        Self::FutureRead,
        Self::DuplicateElements,
        Self::TornAppends,
        Self::AbortedRead,
        Self::IntermediateRead,
        Self::DirtyUpdate,
        Self::Internal,
        Self::IncompatibleOrder,
        Self::NonMonotonicView,
        Self::FracturedRead,
        Self::NonRepeatableRead,
        Self::View(View::Monotonic),
        Self::View(View::Atomic),
        Self::View(View::SessionMonotonic),
        Self::View(View::SessionAtomic),
        Self::View(View::Pram),
        Self::View(View::Causal),
        Self::View(View::Prefix),
        Self::LostUpdate,
        Self::Cycle(G0, Plain),
        Self::Cycle(G0, Session),
        Self::Cycle(G0, Realtime),
        Self::Cycle(G1c, Plain),
        Self::Cycle(G1c, Session),
        Self::Cycle(G1c, Realtime),
        Self::Cycle(GSingle, Plain),
        Self::Cycle(GSingle, Session),
        Self::Cycle(GSingle, Realtime),
        Self::Cycle(GNonadjacent, Plain),
        Self::Cycle(GNonadjacent, Session),
        Self::Cycle(GNonadjacent, Realtime),
        Self::Cycle(G2Item, Plain),
        Self::Cycle(G2Item, Session),
        Self::Cycle(G2Item, Realtime),
    ];

    /// Whether a level excludes it.
    pub fn excluded_by(self, level: Level) -> bool {
        let entry = self.entry();
        entry
            .excluded_by
            .iter()
            .any(|weaker| level.implies(*weaker))
    }

    /// Its row.
    pub fn entry(self) -> Entry {
        let row = |code, name, words, example, excluded_by, causes, source| Entry {
            code,
            name,
            words,
            example,
            excluded_by,
            causes,
            source,
        };
        match self {
            Self::GarbageRead => row(
                "garbage-read",
                "value from nowhere",
                "a transaction read a value that no transaction ever wrote",
                "T1: w x 1 · T2: r x → 7",
                &[ReadUncommitted],
                "corruption, a wrong decoding, data left from an earlier run",
                "Kingsbury & Alvaro 2020, 4.2",
            ),
            Self::FutureRead => row(
                "future-read",
                "read of an own later write",
                "a transaction read a value before it wrote that value itself",
                "T1: r x → 1, w x 1",
                &[ReadUncommitted],
                "a retried transaction whose first attempt took effect",
                "Kingsbury & Alvaro 2020, 6.1 (internal)",
            ),
            Self::DuplicateElements => row(
                "duplicate-elements",
                "element twice",
                "a list holds an element more often than it was appended",
                "T1: append x 1 · T2: r x → [1 1]",
                &[ReadUncommitted],
                "a retry that is not idempotent, in the client or between nodes",
                "Kingsbury & Alvaro 2020, 4.2",
            ),
            Self::TornAppends => row(
                "torn-appends",
                "append without the one before it",
                "a list shows an append of a transaction, but not before it the one that the same transaction made earlier",
                "T1: append x 1, append x 2 · T2: r x → [2]",
                &[ReadUncommitted],
                "parts of a transaction that are lost or applied out of order, in replication or in recovery",
                "Kingsbury & Alvaro 2020, 4.2 (traceable versions)",
            ),
            Self::AbortedRead => row(
                "G1a",
                "aborted read",
                "a committed transaction read a value written by one that failed",
                "T1: append x 1, fails · T2: r x → [1]",
                &[ReadCommitted],
                "reads without locks or snapshots; a failure reported for what took effect",
                "Adya 1999, 4.2.1",
            ),
            Self::IntermediateRead => row(
                "G1b",
                "intermediate read",
                "a transaction read a value that its writer overwrote before it committed",
                "T1: append x 1, append x 2 · T2: r x → [1]",
                &[ReadCommitted],
                "transactions that are applied step by step; replication of parts of a transaction",
                "Adya 1999, 4.2.2",
            ),
            Self::DirtyUpdate => row(
                "dirty-update",
                "update of an aborted value",
                "a committed write went on top of one that failed",
                "T1: append x 1, fails · T2: append x 2 · T3: r x → [1 2]",
                &[ReadCommitted],
                "writes in place without locks until commit; an incomplete rollback",
                "Kingsbury & Alvaro 2020, 4.1",
            ),
            Self::Internal => row(
                "internal",
                "own write not seen",
                "a transaction did not see what it had written itself",
                "T1: append x 1, r x → []",
                &[ReadCommitted],
                "reads that are sent to a replica, or to a snapshot without the transaction's own writes",
                "Adya 1999, 3.1.2; Cerone et al. 2015 (INT)",
            ),
            Self::IncompatibleOrder => row(
                "incompatible-order",
                "lists in two orders",
                "two reads saw a list in ways of which neither continues the other",
                "T1: r x → [1 2] · T2: r x → [2 1]",
                &[ReadCommitted],
                "split brain; appends lost or reordered between replicas; values rolled back after they were read",
                "Kingsbury & Alvaro 2020, 4.2",
            ),
            Self::NonMonotonicView => row(
                "non-monotonic-view",
                "an effect seen, then not seen",
                "a transaction saw one effect of another, and later missed an effect of the same",
                "T1: append x 1, append y 1 · T2: r x → [1], r y → []",
                &[MonotonicAtomicView],
                "commits that become visible key by key; reads from replicas that lag differently",
                "Bailis et al. 2013, 5.1.2; Adya 1999, 4.2.3 (G-monotonic)",
            ),
            Self::FracturedRead => row(
                "fractured-read",
                "half of a transaction seen",
                "a transaction missed one effect of another, and saw another effect of it",
                "T1: append x 1, append y 1 · T2: r y → [], r x → [1]",
                &[ReadAtomic],
                "each step reads the newest committed value, as read committed allows",
                "Bailis et al. 2014, 3.1",
            ),
            Self::NonRepeatableRead => row(
                "non-repeatable-read",
                "two reads that differ",
                "a transaction read a key twice and others' writes came in between",
                "T1: r x → [], r x → [1] · T2: append x 1",
                &[ReadAtomic, RepeatableRead],
                "each step reads the newest committed value, as read committed allows",
                "Berenson et al. 1995 (P2); Cerone et al. 2015 (INT)",
            ),
            Self::LostUpdate => row(
                "lost-update",
                "lost update",
                "two transactions read the same version of a key and both replaced it",
                "T1: r x → [], append x 1 · T2: r x → [], append x 2",
                &[ParallelSnapshotIsolation, RepeatableRead],
                "read-modify-write without a lock or a check at commit",
                "Berenson et al. 1995 (P4)",
            ),
            Self::View(view) => views::entry(view, row),
            Self::Cycle(kind, tier) => cycles::entry(kind, tier, row),
        }
    }
}

/// Makes a row: code, name, words, example, levels, causes, source.
type Row = fn(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [Level],
    &'static str,
    &'static str,
) -> Entry;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_anomaly_has_a_row_of_its_own() {
        let rows: Vec<Entry> = Anomaly::ALL.iter().map(|a| a.entry()).collect();
        let codes: BTreeSet<&str> = rows.iter().map(|row| row.code).collect();
        let all: BTreeSet<Anomaly> = Anomaly::ALL.into();
        assert_eq!((codes.len(), all.len()), (rows.len(), rows.len()));
        for row in &rows {
            let texts = [row.name, row.words, row.example, row.causes, row.source];
            assert!(texts.iter().all(|text| !text.is_empty()), "{row:?}");
            assert!(!row.excluded_by.is_empty());
        }
    }

    #[test]
    fn what_a_level_excludes_a_stronger_one_excludes() {
        for anomaly in Anomaly::ALL {
            assert!(anomaly.excluded_by(StrictSerializable), "{anomaly:?}");
            for (strong, weak) in Level::ALL.iter().flat_map(|a| Level::ALL.map(|b| (*a, b))) {
                if strong.implies(weak) && anomaly.excluded_by(weak) {
                    assert!(anomaly.excluded_by(strong), "{anomaly:?} {strong} {weak}");
                }
            }
        }
        let allowed = |a: Anomaly, level| !a.excluded_by(level);
        assert!(allowed(Anomaly::Cycle(G2Item, Plain), SnapshotIsolation));
        assert!(allowed(
            Anomaly::Cycle(GNonadjacent, Plain),
            ParallelSnapshotIsolation
        ));
        assert!(allowed(Anomaly::Cycle(GSingle, Realtime), Serializable));
    }
}
