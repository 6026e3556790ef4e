//! Isolation levels and which of them implies which. Strong-session levels also order the transactions of one process,
//! strong and strict ones also those of which one ended before the other began.
//!
//! Sources: Adya 1999 (PL-1, PL-2, PL-2.99, PL-3), Bailis et al. 2013 and 2014 (monotonic atomic view, read atomic),
//! Biswas & Enea 2019 (read committed and read atomic with sessions, causal, prefix), Cerone & Gotsman 2018 (parallel and
//! plain snapshot isolation), Daudjee & Salem 2004 and 2006 (strong session levels).

use std::{fmt, str::FromStr};

/// An isolation level. Ordered from weak to strong as far as they are comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// PL-1: writes of transactions are not interleaved.
    ReadUncommitted,
    /// PL-2: only committed and final values are read.
    ReadCommitted,
    /// Once a transaction saw one effect of another, it sees all of them.
    MonotonicAtomicView,
    /// A transaction sees all effects of another, or none.
    ReadAtomic,
    /// Monotonic atomic view in one commit order that keeps sessions: what Biswas & Enea, Plume and AWDIT call read committed.
    StrongSessionReadCommitted,
    /// The same for read atomic: a transaction sees its own session's past, too.
    StrongSessionReadAtomic,
    /// What a session saw it keeps seeing, and of other sessions everything up to it; in one commit order.
    Pram,
    /// Whatever happened before is seen, in one commit order: transactional causal consistency, causal convergence.
    Causal,
    /// Every transaction sees a prefix of one commit order, and its own session's past.
    PrefixConsistency,
    /// Snapshot isolation in which sites may see independent transactions in different orders.
    ParallelSnapshotIsolation,
    /// PL-2.99: no anti-dependency cycle over items (Adya's, which is stronger than what most databases call so).
    RepeatableRead,
    /// Each transaction reads from one snapshot, and of two concurrent writers of a key one aborts.
    SnapshotIsolation,
    /// Snapshot isolation, and a session sees what it did.
    StrongSessionSnapshotIsolation,
    /// Snapshot isolation, and a snapshot contains all that was acknowledged before.
    StrongSnapshotIsolation,
    /// PL-3: some serial order explains everything.
    Serializable,
    /// A serial order in which each session stays in its order.
    StrongSessionSerializable,
    /// A serial order that respects real time.
    StrictSerializable,
}

use Level::*;

impl Level {
    /// All of them.
    pub const ALL: [Self; 17] = [
        ReadUncommitted,
        ReadCommitted,
        MonotonicAtomicView,
        ReadAtomic,
        StrongSessionReadCommitted,
        StrongSessionReadAtomic,
        Pram,
        Causal,
        PrefixConsistency,
        ParallelSnapshotIsolation,
        RepeatableRead,
        SnapshotIsolation,
        StrongSessionSnapshotIsolation,
        StrongSnapshotIsolation,
        Serializable,
        StrongSessionSerializable,
        StrictSerializable,
    ];

    /// The levels that Plume and AWDIT tell apart, from weak to strong.
    pub const WEAK: [Self; 3] = [StrongSessionReadCommitted, StrongSessionReadAtomic, Causal];

    /// Whether it says anything about real time.
    pub fn needs_real_time(self) -> bool {
        self.implies(StrongSnapshotIsolation)
    }

    /// Its name on the command line: `snapshot-isolation`.
    pub fn name(self) -> &'static str {
        match self {
            ReadUncommitted => "read-uncommitted",
            ReadCommitted => "read-committed",
            MonotonicAtomicView => "monotonic-atomic-view",
            ReadAtomic => "read-atomic",
            StrongSessionReadCommitted => "strong-session-read-committed",
            StrongSessionReadAtomic => "strong-session-read-atomic",
            Pram => "pram",
            Causal => "causal",
            PrefixConsistency => "prefix-consistency",
            ParallelSnapshotIsolation => "parallel-snapshot-isolation",
            RepeatableRead => "repeatable-read",
            SnapshotIsolation => "snapshot-isolation",
            StrongSessionSnapshotIsolation => "strong-session-snapshot-isolation",
            StrongSnapshotIsolation => "strong-snapshot-isolation",
            Serializable => "serializable",
            StrongSessionSerializable => "strong-session-serializable",
            StrictSerializable => "strict-serializable",
        }
    }

    /// The levels directly below it.
    fn below(self) -> &'static [Self] {
        match self {
            ReadUncommitted => &[],
            ReadCommitted => &[ReadUncommitted],
            MonotonicAtomicView => &[ReadCommitted],
            ReadAtomic => &[MonotonicAtomicView],
            StrongSessionReadCommitted => &[MonotonicAtomicView],
            StrongSessionReadAtomic => &[ReadAtomic, StrongSessionReadCommitted],
            Pram => &[StrongSessionReadAtomic],
            Causal => &[Pram],
            PrefixConsistency => &[Causal],
            ParallelSnapshotIsolation => &[ReadAtomic],
            RepeatableRead => &[MonotonicAtomicView],
            SnapshotIsolation => &[ParallelSnapshotIsolation],
            StrongSessionSnapshotIsolation => &[SnapshotIsolation, PrefixConsistency],
            StrongSnapshotIsolation => &[StrongSessionSnapshotIsolation],
            Serializable => &[RepeatableRead, SnapshotIsolation],
            StrongSessionSerializable => &[Serializable, StrongSessionSnapshotIsolation],
            StrictSerializable => &[StrongSessionSerializable, StrongSnapshotIsolation],
        }
    }

    /// Whether every history that this level allows is allowed by the other one, too.
    pub fn implies(self, weaker: Self) -> bool {
        self == weaker || self.below().iter().any(|below| below.implies(weaker))
    }

    /// Those of a set that imply no other one of it.
    pub(super) fn weakest(levels: &[Self]) -> Vec<Self> {
        let least = |a: &Self| !levels.iter().any(|b| a != b && a.implies(*b));
        levels.iter().copied().filter(least).collect()
    }

    /// Those of a set that no other one of it implies.
    pub(super) fn strongest(levels: &[Self]) -> Vec<Self> {
        let most = |a: &Self| !levels.iter().any(|b| a != b && b.implies(*a));
        levels.iter().copied().filter(most).collect()
    }
}

/// `snapshot isolation`.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('-', " "))
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|level| level.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no level is called {name:?}; they are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lattice_has_one_bottom_and_one_top_and_no_cycle() {
        for level in Level::ALL {
            assert!(StrictSerializable.implies(level) && level.implies(ReadUncommitted));
            assert_eq!(level.name().parse(), Ok(level));
            for below in level.below() {
                assert!(below < &level && !below.implies(level));
            }
        }
        assert!(!SnapshotIsolation.implies(RepeatableRead));
        assert!(!RepeatableRead.implies(SnapshotIsolation));
        assert_eq!(
            Level::strongest(&[ReadCommitted, RepeatableRead, SnapshotIsolation]),
            [RepeatableRead, SnapshotIsolation]
        );
    }
}
