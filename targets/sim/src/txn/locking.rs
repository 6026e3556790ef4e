//! Locks on items and writes in place, undone on abort: Gray's degrees of consistency as Berenson et al. 1995, table 2, give
//! them. What a store admits depends on nothing but how long it keeps each kind of lock:
//!
//! | read locks | write locks | level |
//! |---|---|---|
//! | long | long | two-phase locking: repeatable read (Adya's PL-2.99) |
//! | short | long | read committed (and the monotonic atomic view, since locks of one store go at once) |
//! | none | long | read uncommitted |
//!
//! Of predicates there are none in a history of reads and writes of single keys, so that the first line shows nothing that
//! serializability would exclude, either. A transaction that has waited long gives up, so that a deadlock ends.

use std::collections::{BTreeMap, BTreeSet};

use history::Process;

use super::engine::{Engine, KEYS};
use crate::system::{Progress, Rng, Ticket};

/// How long a lock is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It is not taken.
    None,
    /// For the access.
    Short,
    /// Until the end of the transaction.
    Long,
}

/// How often a transaction tries to get a lock.
const PATIENCE: u32 = 12;

#[derive(Default)]
struct Item {
    /// Everything that was written, and by whom.
    log: Vec<(Ticket, i64)>,
    writer: Option<Ticket>,
    readers: BTreeSet<Ticket>,
}

/// A store that locks.
pub(crate) struct Locking {
    read: Hold,
    write: Hold,
    items: Vec<Item>,
    /// Who is running, and how often it has waited.
    waited: BTreeMap<Ticket, u32>,
}

impl Locking {
    pub(crate) fn new(read: Hold, write: Hold) -> Self {
        Self {
            read,
            write,
            items: (0..KEYS).map(|_| Item::default()).collect(),
            waited: BTreeMap::new(),
        }
    }

    fn wait<T>(&mut self, txn: Ticket) -> Progress<T> {
        let waited = self.waited.get_mut(&txn).expect("it is running");
        *waited += 1;
        if *waited < PATIENCE {
            return Progress::Going;
        }
        self.abort(txn);
        Progress::Failed("lock-timeout")
    }

    fn release(&mut self, txn: Ticket) {
        self.waited.remove(&txn);
        for item in &mut self.items {
            item.readers.remove(&txn);
            item.writer = item.writer.filter(|writer| *writer != txn);
        }
    }
}

impl Engine for Locking {
    fn begin(&mut self, txn: Ticket, _: Process, _: &mut Rng) {
        self.waited.insert(txn, 0);
    }

    fn read(&mut self, txn: Ticket, key: usize, _: &mut Rng) -> Progress<Vec<i64>> {
        let item = &mut self.items[key];
        if self.read != Hold::None && item.writer.is_some_and(|writer| writer != txn) {
            return self.wait(txn);
        }
        if self.read == Hold::Long {
            item.readers.insert(txn);
        }
        Progress::Done(item.log.iter().map(|(_, value)| *value).collect())
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let item = &mut self.items[key];
        let mut holders = item.readers.iter().chain(&item.writer);
        if holders.any(|holder| *holder != txn) {
            return self.wait(txn);
        }
        if self.write == Hold::Long {
            item.writer = Some(txn);
        }
        item.log.push((txn, value));
        Progress::Done(())
    }

    fn commit(&mut self, txn: Ticket, _: &mut Rng) -> Progress<()> {
        self.release(txn);
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        self.release(txn);
        for item in &mut self.items {
            item.log.retain(|(writer, _)| *writer != txn);
        }
    }
}
