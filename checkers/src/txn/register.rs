//! Registers: what the reads and writes of one key tell. Of the order of versions only this is certain: absent comes
//! first, and what a transaction read comes before what it then wrote. Where sessions or real time are part of the level,
//! so is this: what a process wrote or saw comes before what it writes later, and a version that was acknowledged or read
//! before a write began comes before that write's.
//!
//! A value that was read and that nobody wrote may be what was there first, if the caller allows for that
//! ([`Start::Unknown`]): then it is the version before all others, and a second such value is from nowhere.
//!
//! If a transaction wrote below what it had read, it read from the version's writer and was followed by it, a G1c that
//! is in the graph anyway: so no ww edges are made of that, only rw edges. O(n log n), plus for each read the writers
//! that overlap it.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use history::{Seen, foreign::Start};

use super::{
    Anomaly,
    graph::Label,
    incident::{NOBODY, Part, Version},
    table::{Access, Fate, Table, What},
};

/// What may be taken for granted about the order of a register's versions, beyond what is certain at any level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Assumed {
    /// Each process writes and sees versions in their order.
    pub(super) sequential_keys: bool,
    /// Each register is linearizable for itself.
    pub(super) linearizable_keys: bool,
    /// The order of the record is that of each session, and says nothing about different ones.
    pub(super) no_real_time: bool,
    /// What it holds at first.
    pub(super) start: Start,
}

/// Who wrote a value.
#[derive(Debug, Clone, Copy)]
struct Writer {
    txn: u32,
    last: bool,
    ambiguous: bool,
    /// The value's number, from 1.
    version: u32,
}

/// The version that was there first: as a rule, nothing.
const FIRST: u32 = 0;

/// The work of one key; kept from key to key for its memory.
#[derive(Default)]
pub(super) struct Registers {
    writers: HashMap<i64, Writer, foldhash::fast::FixedState>,
    /// Of each version who read it, and who read it and then wrote another.
    readers: Vec<Vec<u32>>,
    updaters: Vec<Vec<u32>>,
    /// Of each version whose it is.
    owners: Vec<u32>,
    values: Vec<i64>,
    /// What was there first, by whom that was read: known from the first read of nothing, or of what nobody wrote.
    first: Option<(Option<i64>, u32)>,
}

impl Registers {
    /// Judges one key.
    pub(super) fn judge(&mut self, table: &Table<'_>, key: u32, assumed: Assumed, part: &mut Part) {
        let accesses = table.accesses(key);
        self.find_writers(table, accesses, part);
        self.first = None;
        for group in accesses.chunk_by(|a, b| a.txn == b.txn) {
            if table.fate(group[0].txn) == Fate::Ok {
                self.read(table, key, group, assumed.start, part);
            }
        }
        self.certain(table, key, accesses, part);
        let session = match assumed.sequential_keys {
            true => Label::Rw,
            false => Label::RwSession,
        };
        let realtime = match assumed.linearizable_keys {
            true => Label::Rw,
            false => Label::RwRealtime,
        };
        self.sessions(table, accesses, session, part);
        if !assumed.no_real_time {
            self.realtime(table, accesses, realtime, part);
        }
    }

    fn find_writers(&mut self, table: &Table<'_>, accesses: &[Access], part: &mut Part) {
        self.writers.clear();
        self.owners.clear();
        self.values.clear();
        self.owners.push(NOBODY);
        self.values.push(0);
        let mut later = NOBODY;
        for access in accesses.iter().rev() {
            let What::Write(value) = table.step(access.step).what else {
                continue;
            };
            let version = self.owners.len() as u32;
            let last = access.txn != later;
            later = access.txn;
            if let Some(known) = self.writers.get_mut(&value) {
                part.ambiguous += u64::from(!known.ambiguous);
                known.ambiguous = true;
                continue;
            }
            let writer = Writer {
                txn: access.txn,
                last,
                ambiguous: false,
                version,
            };
            self.writers.insert(value, writer);
            self.owners.push(access.txn);
            self.values.push(value);
        }
        for list in [&mut self.readers, &mut self.updaters] {
            list.iter_mut().for_each(Vec::clear);
            if list.len() < self.owners.len() {
                list.resize(self.owners.len(), Vec::new());
            }
        }
        for access in accesses {
            if let What::Write(value) = table.step(access.step).what
                && let Some(writer) = self.writers.get(&value).filter(|w| !w.ambiguous)
            {
                part.versions.push(Version {
                    step: access.step,
                    version: writer.version,
                    source: NOBODY,
                });
            }
        }
    }

    /// The steps of one committed transaction.
    fn read(
        &mut self,
        table: &Table<'_>,
        key: u32,
        group: &[Access],
        start: Start,
        part: &mut Part,
    ) {
        let txn = group[0].txn;
        let (mut own, mut before) = (None, None);
        let mut version = None;
        for access in group {
            let seen = match table.step(access.step).what {
                What::Write(value) => {
                    own = Some(value);
                    continue;
                }
                What::Read(Seen::Value(value)) => Some(value),
                What::Read(_) | What::Unread => None,
            };
            if let Some(own) = own {
                if seen != Some(own) {
                    part.incidents.note(Anomaly::Internal, key, own, &[txn]);
                }
                continue;
            }
            if before.replace(seen).is_some_and(|before| before != seen) {
                part.incidents
                    .note(Anomaly::NonRepeatableRead, key, 0, &[txn]);
            }
            let writer = seen.and_then(|value| self.writers.get(&value).copied());
            let (at, source) = match (seen, writer) {
                (None, _) => match self.was_first(None, start, txn) {
                    Ok(()) => (FIRST, NOBODY),
                    Err((value, other)) => {
                        part.incidents
                            .note(Anomaly::GarbageRead, key, value, &[other, txn]);
                        continue;
                    }
                },
                (Some(value), None) => match self.was_first(seen, start, txn) {
                    Ok(()) => (FIRST, NOBODY),
                    Err((_, other)) => {
                        part.incidents
                            .note(Anomaly::GarbageRead, key, value, &[txn, other]);
                        continue;
                    }
                },
                (Some(value), Some(writer)) => {
                    match self.seen(table, key, txn, value, writer, part) {
                        true => (writer.version, writer.txn),
                        false => continue,
                    }
                }
            };
            version = Some(at);
            if self.readers[at as usize].last() != Some(&txn) {
                self.readers[at as usize].push(txn);
            }
            part.versions.push(Version {
                step: access.step,
                version: at,
                source,
            });
        }
        if let (Some(version), Some(_)) = (version, own) {
            self.updaters[version as usize].push(txn);
        }
    }

    /// Whether what a transaction read, and nobody wrote, can have been there first; or else a value that nobody wrote,
    /// and who read that before, if that is why.
    fn was_first(
        &mut self,
        seen: Option<i64>,
        start: Start,
        reader: u32,
    ) -> Result<(), (i64, u32)> {
        if start == Start::Absent {
            return match seen {
                None => Ok(()),
                Some(value) => Err((value, NOBODY)),
            };
        }
        let (first, other) = *self.first.get_or_insert((seen, reader));
        match first == seen {
            true => Ok(()),
            false => Err((first.or(seen).unwrap_or_default(), other)),
        }
    }

    /// Whether a value that was read is a version: it is known who wrote it, and that did not fail.
    fn seen(
        &self,
        table: &Table<'_>,
        key: u32,
        reader: u32,
        value: i64,
        writer: Writer,
        part: &mut Part,
    ) -> bool {
        let who = [writer.txn, reader];
        if writer.ambiguous {
            return false;
        }
        if writer.txn == reader {
            part.incidents
                .note(Anomaly::FutureRead, key, value, &[reader]);
            return false;
        }
        if table.fate(writer.txn) == Fate::Fail {
            part.incidents.note(Anomaly::AbortedRead, key, value, &who);
            return false;
        }
        if !writer.last {
            part.incidents
                .note(Anomaly::IntermediateRead, key, value, &who);
        }
        part.seen.push(writer.txn);
        part.edge(writer.txn, reader, Label::Wr);
        true
    }

    fn certain(&self, table: &Table<'_>, key: u32, accesses: &[Access], part: &mut Part) {
        let mut all: Vec<u32> = writes(table, accesses).collect();
        all.dedup();
        part.fan(&self.readers[FIRST as usize], &all, Label::Rw);
        for version in 0..self.owners.len() {
            let (readers, updaters) = (&self.readers[version], &self.updaters[version]);
            if version > 0 {
                part.fan(readers, updaters, Label::Rw);
            }
            for pair in updaters.windows(2) {
                let value = self.values[version];
                part.incidents.note(Anomaly::LostUpdate, key, value, pair);
            }
        }
    }

    /// What a process wrote or saw comes before what it writes later.
    fn sessions(&self, table: &Table<'_>, accesses: &[Access], label: Label, part: &mut Part) {
        let mut last: BTreeMap<u32, u32> = BTreeMap::new();
        let mut after: Vec<(u32, u32)> = Vec::new();
        for group in accesses.chunk_by(|a, b| a.txn == b.txn) {
            let txn = group[0].txn;
            let process = table.processes[txn as usize];
            let wrote = |a: &Access| matches!(table.step(a.step).what, What::Write(_));
            if table.fate(txn) != Fate::Fail
                && group.iter().any(wrote)
                && let Some(version) = last.get(&process)
            {
                after.push((*version, txn));
            }
            if table.fate(txn) != Fate::Ok {
                continue;
            }
            for access in group {
                match table.step(access.step).what {
                    What::Write(value) | What::Read(Seen::Value(value)) => {
                        let writer = self.writers.get(&value).filter(|w| !w.ambiguous);
                        match writer {
                            Some(writer) => last.insert(process, writer.version),
                            None => last.remove(&process),
                        };
                    }
                    What::Read(_) | What::Unread => {}
                }
            }
        }
        after.sort_unstable();
        for same in after.chunk_by(|a, b| a.0 == b.0) {
            let to: Vec<u32> = same.iter().map(|(_, txn)| *txn).collect();
            part.fan(&self.readers[same[0].0 as usize], &to, label);
        }
    }

    /// What was acknowledged or read before a write began comes before that write's. Of the writers after a version,
    /// a reader needs those that overlap it, and one that had ended when it began; those that begin after it come after
    /// it anyway.
    fn realtime(&self, table: &Table<'_>, accesses: &[Access], label: Label, part: &mut Part) {
        let mut all: Vec<u32> = writes(table, accesses).collect();
        all.dedup();
        let began = |txn: u32| table.span(txn).invoked.0;
        for version in 1..self.owners.len() {
            let owner = self.owners[version];
            let readers = &self.readers[version];
            let ends = readers.iter().chain([&owner]);
            let Some(known) = ends.filter_map(|txn| table.committed_by(*txn)).min() else {
                continue;
            };
            let first = all.partition_point(|txn| began(*txn) < known);
            for reader in readers {
                let Some(until) = table.committed_by(*reader) else {
                    continue;
                };
                for next in &all[first..] {
                    if began(*next) > until {
                        break;
                    }
                    if next == reader || *next == owner {
                        continue;
                    }
                    part.edge(*reader, *next, label);
                    if table
                        .committed_by(*next)
                        .is_some_and(|end| end < began(*reader))
                    {
                        break;
                    }
                }
            }
        }
    }
}

/// Who wrote the key, and did not fail.
fn writes<'t>(table: &'t Table<'_>, accesses: &'t [Access]) -> impl Iterator<Item = u32> + 't {
    let wrote = |a: &&Access| {
        matches!(table.step(a.step).what, What::Write(_)) && table.fate(a.txn) != Fate::Fail
    };
    accesses.iter().filter(wrote).map(|a| a.txn)
}
