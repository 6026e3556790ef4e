//! Multiversion timestamp ordering (Reed 1978; Bernstein, Hadzilacos & Goodman 1987, 5.2): each transaction has a timestamp
//! from the start, reads what is below it, waits for whoever below it has not decided, and may not write below what has
//! been read. The order of timestamps is a serial order. It respects as much of time as the clock does that gives them:
//!
//! | clock | level |
//! |---|---|
//! | one for all | strict serializable |
//! | one per node, wrong, but never back in a session | strong session serializable |
//! | one per node, wrong | serializable |

use std::collections::BTreeMap;

use history::Process;
use rand::RngExt;

use super::engine::{Engine, KEYS};
use crate::system::{Progress, Rng, Ticket};

/// Where timestamps come from and what is made of them.
pub(crate) trait Rules {
    /// The time that the node of a session reads from its clock, at a true time, after what the session last had.
    fn clock(&self, now: u64, last: u64, rng: &mut Rng) -> u64;

    /// Whether a write comes too late, given the highest timestamp that has read the key.
    fn late(&self, read_at: Stamp, write: Stamp) -> bool {
        read_at > write
    }
}

/// A time, and a transaction, so that no two are the same.
pub(crate) type Stamp = (u64, Ticket);

/// By how much a wrong clock is behind at most.
const SKEW: u64 = 12;

/// One clock for all.
pub(crate) struct OneClock;

impl Rules for OneClock {
    fn clock(&self, now: u64, _: u64, _: &mut Rng) -> u64 {
        now
    }
}

/// Clocks that are wrong, and sessions that remember the last timestamp they had.
pub(crate) struct SessionClocks;

impl Rules for SessionClocks {
    fn clock(&self, now: u64, last: u64, rng: &mut Rng) -> u64 {
        WrongClocks.clock(now, last, rng).max(last + 1)
    }
}

/// Clocks that are wrong.
pub(crate) struct WrongClocks;

impl Rules for WrongClocks {
    fn clock(&self, now: u64, _: u64, rng: &mut Rng) -> u64 {
        now.saturating_sub(rng.random_range(0..SKEW))
    }
}

#[derive(Default)]
struct Item {
    /// What was written at each timestamp, and whether that is committed.
    versions: BTreeMap<Stamp, (Vec<i64>, bool)>,
    /// The highest timestamp that has read it.
    read_at: Stamp,
}

/// A store that orders by timestamps.
pub(crate) struct Timestamps<R> {
    rules: R,
    now: u64,
    items: Vec<Item>,
    stamps: BTreeMap<Ticket, Stamp>,
    sessions: BTreeMap<Process, u64>,
}

impl<R> Timestamps<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            now: SKEW,
            items: (0..KEYS).map(|_| Item::default()).collect(),
            stamps: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }
}

impl<R: Rules> Engine for Timestamps<R> {
    fn begin(&mut self, txn: Ticket, session: Process, rng: &mut Rng) {
        self.now += 1;
        let last = self.sessions.entry(session).or_default();
        *last = self.rules.clock(self.now, *last, rng);
        self.stamps.insert(txn, (*last, txn));
    }

    fn read(&mut self, txn: Ticket, key: usize, _: &mut Rng) -> Progress<Vec<i64>> {
        let (item, stamp) = (&mut self.items[key], self.stamps[&txn]);
        let pending = |(at, (_, committed)): (&Stamp, &(Vec<i64>, bool))| *at < stamp && !committed;
        if item.versions.iter().any(pending) {
            return Progress::Going;
        }
        item.read_at = item.read_at.max(stamp);
        let visible = item.versions.range(..=stamp);
        Progress::Done(visible.flat_map(|(_, (log, _))| log.clone()).collect())
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let (item, stamp) = (&mut self.items[key], self.stamps[&txn]);
        if self.rules.late(item.read_at, stamp) {
            self.abort(txn);
            return Progress::Failed("timestamp-too-old");
        }
        item.versions.entry(stamp).or_default().0.push(value);
        Progress::Done(())
    }

    fn commit(&mut self, txn: Ticket, _: &mut Rng) -> Progress<()> {
        let stamp = self.stamps.remove(&txn).expect("it is running");
        for item in &mut self.items {
            if let Some((_, committed)) = item.versions.get_mut(&stamp) {
                *committed = true;
            }
        }
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        if let Some(stamp) = self.stamps.remove(&txn) {
            for item in &mut self.items {
                item.versions.remove(&stamp);
            }
        }
    }
}
