//! Lists: what the reads of one key tell. A read shows the whole history of a version, so that the longest one gives the
//! order of all versions that anyone saw, and every other read must be the beginning of it.
//!
//! What a transaction read after its own appends is judged without them: they were not yet anyone else's. Appends that
//! nobody saw come after all that were seen, in an order that is not known. O(elements that were read).

mod wrong;

use hashbrown::HashMap;
use history::Seen;
use smallvec::SmallVec;

use super::{
    Anomaly,
    graph::Label,
    incident::{NOBODY, Part, UNKNOWN, UNSEEN, Version},
    table::{Access, Fate, Table, What},
};

/// Who appended a value.
#[derive(Debug, Clone, Copy)]
struct Writer {
    txn: u32,
    /// The step that did.
    step: u32,
    /// Its last append to this list.
    last: bool,
    /// Appended more than once, so that nobody knows whose was read.
    ambiguous: bool,
    /// Its place in the order of versions, from 1; 0 if it has none.
    place: u32,
    /// Seen in a list that contradicts the order.
    stray: bool,
}

/// A read, without the reader's own appends.
#[derive(Debug, Clone, Copy)]
struct Read<'h> {
    list: &'h [i64],
    step: u32,
    txn: u32,
    /// Whether the reader appended to the list afterwards, and not before.
    updates: bool,
}

/// The work of one key; kept from key to key for its memory.
#[derive(Default)]
pub(super) struct Lists<'h> {
    writers: HashMap<i64, Writer, foldhash::fast::FixedState>,
    reads: Vec<Read<'h>>,
    /// Reads that do not end with the reader's own appends.
    broken: Vec<Read<'h>>,
}

impl<'h> Lists<'h> {
    /// Judges one key.
    pub(super) fn judge(&mut self, table: &Table<'h>, key: u32, part: &mut Part) {
        let accesses = table.accesses(key);
        self.find_writers(table, accesses, part);
        self.find_reads(table, key, accesses, part);
        let longest = self
            .reads
            .iter()
            .copied()
            .reduce(|a, b| if b.list.len() > a.list.len() { b } else { a });
        let order = longest.map_or(&[][..], |read| read.list);
        let owners = self.resolve(table, key, order, part);
        let strays = self.stray(table, key, longest, part);
        self.edges(table, accesses, order, &owners, &strays, part);
        self.lost_updates(key, order, &strays, part);
        self.versions(table, accesses, part);
    }

    fn find_writers(&mut self, table: &Table<'h>, accesses: &[Access], part: &mut Part) {
        self.writers.clear();
        let mut later = NOBODY;
        for access in accesses.iter().rev() {
            let What::Write(value) = table.step(access.step).what else {
                continue;
            };
            let writer = Writer {
                txn: access.txn,
                step: access.step,
                last: access.txn != later,
                ambiguous: false,
                place: 0,
                stray: false,
            };
            later = access.txn;
            self.writers
                .entry(value)
                .and_modify(|known| {
                    part.ambiguous += u64::from(!known.ambiguous);
                    known.ambiguous = true;
                })
                .or_insert(writer);
        }
    }

    fn find_reads(&mut self, table: &Table<'h>, key: u32, accesses: &[Access], part: &mut Part) {
        self.reads.clear();
        self.broken.clear();
        for group in accesses.chunk_by(|a, b| a.txn == b.txn) {
            let txn = group[0].txn;
            if table.fate(txn) != Fate::Ok {
                continue;
            }
            let first = self.reads.len();
            let mut own: SmallVec<[i64; 8]> = SmallVec::new();
            let mut before: Option<&[i64]> = None;
            for access in group {
                let list = match table.step(access.step).what {
                    What::Write(value) => {
                        own.push(value);
                        continue;
                    }
                    What::Read(Seen::List(list)) => list,
                    What::Read(_) | What::Unread => &[],
                };
                let Some(list) = list.strip_suffix(&*own) else {
                    part.incidents
                        .note(Anomaly::Internal, key, own[own.len() - 1], &[txn]);
                    self.broken.push(Read {
                        list,
                        step: access.step,
                        txn,
                        updates: false,
                    });
                    continue;
                };
                if before.replace(list).is_some_and(|before| before != list) {
                    part.incidents
                        .note(Anomaly::NonRepeatableRead, key, 0, &[txn]);
                }
                self.reads.push(Read {
                    list,
                    step: access.step,
                    txn,
                    updates: own.is_empty(),
                });
            }
            for read in &mut self.reads[first..] {
                read.updates &= !own.is_empty();
            }
        }
    }

    /// Who made each element of the order, where that is known and it committed.
    fn resolve(
        &mut self,
        table: &Table<'h>,
        key: u32,
        order: &'h [i64],
        part: &mut Part,
    ) -> Vec<u32> {
        let mut owners = vec![NOBODY; order.len()];
        let mut aborted = None;
        for (i, value) in order.iter().enumerate() {
            // Whoever saw it first.
            let reader = || {
                let saw = |read: &&Read<'_>| read.list.get(i) == Some(value);
                self.reads.iter().find(saw).map_or(NOBODY, |read| read.txn)
            };
            let Some(writer) = self.writers.get(value).copied() else {
                let reader = reader();
                part.incidents
                    .note(Anomaly::GarbageRead, key, *value, &[reader]);
                continue;
            };
            if writer.ambiguous {
                continue;
            }
            if writer.place > 0 {
                let reader = reader();
                part.incidents.note(
                    Anomaly::DuplicateElements,
                    key,
                    *value,
                    &[writer.txn, reader],
                );
                continue;
            }
            if table.fate(writer.txn) == Fate::Fail {
                let reader = reader();
                part.incidents
                    .note(Anomaly::AbortedRead, key, *value, &[writer.txn, reader]);
                aborted = Some((writer.txn, *value));
            } else {
                owners[i] = writer.txn;
                part.seen.push(writer.txn);
                let earlier = self.earlier(table, key, writer);
                if earlier.is_some_and(|(_, earlier)| earlier.place == 0) {
                    let reader = reader();
                    part.incidents
                        .note(Anomaly::TornAppends, key, *value, &[writer.txn, reader]);
                }
                if let Some((failed, value)) = aborted.take() {
                    part.incidents
                        .note(Anomaly::DirtyUpdate, key, value, &[failed, writer.txn]);
                }
            }
            if let Some(writer) = self.writers.get_mut(value) {
                writer.place = i as u32 + 1;
            }
        }
        owners
    }

    fn edges(
        &mut self,
        table: &Table<'h>,
        accesses: &[Access],
        order: &[i64],
        owners: &[u32],
        strays: &[bool],
        part: &mut Part,
    ) {
        // Of each place, the last known owner before it and the first one from it on.
        let mut before = vec![NOBODY; order.len() + 1];
        for (i, owner) in owners.iter().enumerate() {
            before[i + 1] = if *owner == NOBODY { before[i] } else { *owner };
            if *owner != NOBODY && before[i] != NOBODY {
                part.edge(before[i], *owner, Label::Ww);
            }
        }
        let mut after = vec![NOBODY; order.len() + 1];
        for (i, owner) in owners.iter().enumerate().rev() {
            after[i] = if *owner == NOBODY {
                after[i + 1]
            } else {
                *owner
            };
        }
        let mut unseen: Vec<u32> = Vec::new();
        for access in accesses {
            if let What::Write(value) = table.step(access.step).what
                && table.fate(access.txn) != Fate::Fail
                && self.unseen(value)
            {
                unseen.push(access.txn);
            }
        }
        unseen.dedup();
        if before[order.len()] != NOBODY {
            for writer in &unseen {
                part.edge(before[order.len()], *writer, Label::Ww);
            }
        }
        let mut newest: Vec<u32> = Vec::new();
        for (read, stray) in self.reads.iter().zip(strays) {
            let version = read.list.len();
            let last = read.list.last().and_then(|value| self.writers.get(value));
            let last = last.filter(|writer| !writer.ambiguous);
            if let Some(writer) = last.filter(|w| table.fate(w.txn) != Fate::Fail) {
                let (key, value) = (table.step(read.step).key, read.list[version - 1]);
                if writer.txn != read.txn && !writer.last {
                    part.incidents.note(
                        Anomaly::IntermediateRead,
                        key,
                        value,
                        &[writer.txn, read.txn],
                    );
                }
            }
            if let Some((anomaly, value)) = self.own(table, read, *stray).next() {
                let key = table.step(read.step).key;
                part.incidents.note(anomaly, key, value, &[read.txn]);
            }
            let source = match (stray, last) {
                (true, Some(writer)) if table.fate(writer.txn) != Fate::Fail => writer.txn,
                (true, _) => NOBODY,
                (false, _) => before[version],
            };
            if source != NOBODY {
                part.edge(source, read.txn, Label::Wr);
            }
            part.versions.push(Version {
                step: read.step,
                version: if *stray { UNKNOWN } else { version as u32 },
                source,
            });
            if *stray {
                continue;
            }
            match after[version] {
                NOBODY => newest.push(read.txn),
                next => part.edge(read.txn, next, Label::Rw),
            }
        }
        newest.dedup();
        part.fan(&newest, &unseen, Label::Rw);
    }

    fn unseen(&self, value: i64) -> bool {
        let writer = &self.writers[&value];
        !writer.ambiguous && !writer.stray && writer.place == 0
    }

    fn versions(&self, table: &Table<'h>, accesses: &[Access], part: &mut Part) {
        for access in accesses {
            let What::Write(value) = table.step(access.step).what else {
                continue;
            };
            let writer = &self.writers[&value];
            let version = match writer.place {
                _ if writer.ambiguous || table.fate(access.txn) == Fate::Fail => continue,
                0 if writer.stray => continue,
                0 => UNSEEN,
                place => place,
            };
            part.versions.push(Version {
                step: access.step,
                version,
                source: NOBODY,
            });
        }
    }
}
