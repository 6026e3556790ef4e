//! What the levels below snapshot isolation ask of a history: of each committed transaction its place in its session, what
//! it read of others and whose that was, and what it wrote; of each key who wrote it, session by session.
//!
//! A session is a process: it ends with the first call whose outcome is not known. O(steps).

use super::super::{
    fractured::Versions,
    incident::{NOBODY, UNKNOWN},
    table::{Fate, Kind, Table, What},
};

/// A read of what others wrote.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub(super) key: u32,
    /// Whose it is; [`NOBODY`] for what was there first.
    pub(super) source: u32,
    /// Of a list how much of it was seen.
    version: u32,
}

/// That a transaction wrote a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write {
    pub(super) key: u32,
    /// Of a list where its first element stands.
    version: u32,
}

/// A transaction that wrote a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    pub(super) txn: u32,
    /// Its place in its session.
    place: u32,
    version: u32,
}

/// The writers of one key in one session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) session: u32,
    from: u32,
    to: u32,
}

/// What follows if a reader ought to see a writer of what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// It does, or nothing is known.
    Fine,
    /// It does not: what it read is older, whatever the order.
    Missed,
    /// What it read is another's, who must have come after the writer.
    Replaced,
}

/// The history, by sessions.
pub(super) struct Facts {
    /// The committed transactions of each session, in order.
    pub(super) sessions: Vec<Vec<u32>>,
    /// Of each transaction its session, or [`NOBODY`] if it did not commit.
    pub(super) session: Vec<u32>,
    /// Of each transaction its place in its session, from 1.
    pub(super) place: Vec<u32>,
    /// Of each list who appended to it, as far as that was seen, in the order of the elements.
    pub(super) lists: Vec<Option<Vec<(u32, u32)>>>,
    reads: Rows<Read>,
    writes: Rows<Write>,
    writers: Vec<Writer>,
    runs: Rows<Run>,
}

/// Rows of different lengths, end to end.
struct Rows<T> {
    starts: Vec<u32>,
    all: Vec<T>,
}

impl<T> Rows<T> {
    fn new() -> Self {
        Self {
            starts: vec![0],
            all: Vec::new(),
        }
    }

    fn end_row(&mut self) {
        self.starts.push(self.all.len() as u32);
    }

    fn row(&self, at: u32) -> &[T] {
        &self.all[self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize]
    }
}

impl Facts {
    pub(super) fn new(table: &Table<'_>, versions: &Versions, committed: &[bool]) -> Self {
        let mut facts = Self {
            sessions: Vec::new(),
            session: vec![NOBODY; table.len()],
            place: vec![0; table.len()],
            lists: table
                .kinds
                .iter()
                .map(|kind| (*kind == Kind::List).then(Vec::new))
                .collect(),
            reads: Rows::new(),
            writes: Rows::new(),
            writers: Vec::new(),
            runs: Rows::new(),
        };
        facts.find_sessions(table, committed);
        for txn in 0..table.len() as u32 {
            if facts.session[txn as usize] != NOBODY {
                facts.take_steps(table, versions, txn);
            }
            facts.reads.end_row();
            facts.writes.end_row();
        }
        for list in facts.lists.iter_mut().flatten() {
            list.sort_unstable();
        }
        facts.find_writers(table.keys.len());
        facts
    }

    fn find_sessions(&mut self, table: &Table<'_>, committed: &[bool]) {
        let mut numbers = std::collections::BTreeMap::new();
        for (txn, span) in table.history.spans().iter().enumerate() {
            if !committed[txn] {
                continue;
            }
            let sessions = &mut self.sessions;
            let session = *numbers.entry(span.process.0).or_insert_with(|| {
                sessions.push(Vec::new());
                sessions.len() - 1
            });
            sessions[session].push(txn as u32);
            self.session[txn] = session as u32;
            self.place[txn] = sessions[session].len() as u32;
        }
    }

    fn take_steps(&mut self, table: &Table<'_>, versions: &Versions, txn: u32) {
        let first = self.writes.all.len();
        for (at, step) in table.steps(txn) {
            let list = &mut self.lists[step.key as usize];
            let (key, version) = (step.key, versions.version(at));
            match (step.what, version) {
                (What::Write(_), _) => {
                    let version = version.unwrap_or(UNKNOWN);
                    if let (Some(list), true) = (list, version != UNKNOWN) {
                        list.push((version, txn));
                    }
                    self.writes.all.push(Write { key, version });
                }
                (What::Read(_), Some(version)) if table.fate(txn) == Fate::Ok => {
                    let source = versions.source(at).unwrap_or(NOBODY);
                    self.reads.all.push(Read {
                        key,
                        source,
                        version,
                    });
                }
                _ => {}
            }
        }
        // The first version of each key; those that are not known come last.
        let mut writes = self.writes.all.split_off(first);
        writes.sort_unstable_by_key(|write| (write.key, write.version));
        writes.dedup_by_key(|write| write.key);
        self.writes.all.append(&mut writes);
    }

    /// Sorted by key, session and place: by counting, as sessions are gone through in their order.
    fn find_writers(&mut self, keys: usize) {
        let mut starts = vec![0u32; keys + 1];
        for write in &self.writes.all {
            starts[write.key as usize + 1] += 1;
        }
        for key in 0..keys {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let nobody = Writer {
            txn: NOBODY,
            place: 0,
            version: 0,
        };
        self.writers = vec![nobody; self.writes.all.len()];
        for txn in self.sessions.iter().flatten() {
            for write in self.writes.row(*txn) {
                let at = &mut next[write.key as usize];
                self.writers[*at as usize] = Writer {
                    txn: *txn,
                    place: self.place[*txn as usize],
                    version: write.version,
                };
                *at += 1;
            }
        }
        for key in 0..keys {
            let mut from = starts[key];
            let writers = &self.writers[from as usize..starts[key + 1] as usize];
            let session = |writer: &Writer| self.session[writer.txn as usize];
            for run in writers.chunk_by(|a, b| session(a) == session(b)) {
                let to = from + run.len() as u32;
                self.runs.all.push(Run {
                    session: session(&run[0]),
                    from,
                    to,
                });
                from = to;
            }
            self.runs.end_row();
        }
    }

    /// How many transactions there are, committed or not.
    pub(super) fn len(&self) -> usize {
        self.session.len()
    }

    /// What a transaction read of others, in its order.
    pub(super) fn reads(&self, txn: u32) -> &[Read] {
        self.reads.row(txn)
    }

    /// What a transaction wrote, by key.
    pub(super) fn writes(&self, txn: u32) -> &[Write] {
        self.writes.row(txn)
    }

    /// The sessions that wrote a key.
    pub(super) fn runs(&self, key: u32) -> &[Run] {
        self.runs.row(key)
    }

    /// The last of a session's writers of a key up to a place.
    pub(super) fn latest(&self, run: &Run, upto: u32) -> Option<Writer> {
        let writers = &self.writers[run.from as usize..run.to as usize];
        let until = writers.partition_point(|writer| writer.place <= upto);
        Some(writers[until.checked_sub(1)?])
    }

    /// The first of a session's writers of a key after a place.
    pub(super) fn next(&self, run: &Run, after: u32) -> Option<Writer> {
        let writers = &self.writers[run.from as usize..run.to as usize];
        let until = writers.partition_point(|writer| writer.place <= after);
        writers.get(until).copied()
    }

    /// The writer of a key that a transaction is.
    pub(super) fn writer(&self, txn: u32, write: &Write) -> Writer {
        Writer {
            txn,
            place: self.place[txn as usize],
            version: write.version,
        }
    }

    /// The one before it in its session.
    pub(super) fn previous(&self, txn: u32) -> Option<u32> {
        let before = self.place[txn as usize].checked_sub(2)?;
        Some(self.sessions[self.session[txn as usize] as usize][before as usize])
    }

    /// Whether one comes before another in one session.
    pub(super) fn in_session(&self, a: u32, b: u32) -> bool {
        self.session[a as usize] == self.session[b as usize]
            && self.place[a as usize] < self.place[b as usize]
    }

    /// The part of a list that a read shows, and whose it is.
    pub(super) fn elements(&self, read: Read) -> &[(u32, u32)] {
        let list = self.lists[read.key as usize].as_deref().unwrap_or_default();
        &list[..list.partition_point(|(version, _)| *version <= read.version)]
    }

    /// Whose writes a read shows: of a list all whose elements it saw.
    pub(super) fn shown(&self, read: Read) -> impl Iterator<Item = u32> {
        let source = Some(read.source).filter(|source| *source != NOBODY);
        let elements = self.elements(read).iter().map(|(_, txn)| *txn);
        source.into_iter().chain(elements)
    }

    /// What follows if the reader ought to see the writer.
    pub(super) fn sight(&self, reader: u32, read: Read, writer: Writer) -> Sight {
        if writer.txn == reader || writer.txn == read.source {
            return Sight::Fine;
        }
        match self.lists[read.key as usize] {
            Some(_) if writer.version == UNKNOWN || writer.version <= read.version => Sight::Fine,
            Some(_) => Sight::Missed,
            None if read.source == NOBODY => Sight::Missed,
            None => Sight::Replaced,
        }
    }
}
