//! A history of transactions as flat arrays: keys interned, steps in one array, and of each key its steps in order.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use history::{History, Key, Outcome, Reads, Seen, Span, Txn, TxnOp, TxnReturn};

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It committed.
    Ok,
    /// Nobody knows.
    Info,
    /// It did not happen.
    Fail,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What<'h> {
    /// An append or a write.
    Write(i64),
    /// A read whose result is known.
    Read(Seen<'h>),
    /// A read of a transaction that returned nothing.
    Unread,
}

/// One step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'h> {
    pub(super) key: u32,
    pub(super) what: What<'h>,
}

/// What a key is, by what was done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but reads that saw nothing.
    Unknown,
    List,
    Register,
    /// Both: it cannot be judged.
    Mixed,
}

/// A step of a key: where it stands, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access {
    pub(super) step: u32,
    pub(super) txn: u32,
}

/// A history, flat. A transaction's number is its position among the spans.
pub(super) struct Table<'h> {
    pub(super) history: &'h History<Txn>,
    pub(super) keys: Vec<&'h Key>,
    pub(super) kinds: Vec<Kind>,
    pub(super) fates: Vec<Fate>,
    /// Of each transaction its process. Spans are large, and the keys ask for them in no order.
    pub(super) processes: Vec<u32>,
    steps: Vec<Step<'h>>,
    /// Where the steps of each transaction begin.
    starts: Vec<u32>,
    accesses: Vec<Access>,
    /// Where the accesses of each key begin.
    by_key: Vec<u32>,
}

impl<'h> Table<'h> {
    pub(super) fn new(history: &'h History<Txn>) -> Self {
        let spans = history.spans();
        let size = spans.iter().map(|span| span.call.0.len()).sum();
        let mut table = Self {
            history,
            keys: Vec::new(),
            kinds: Vec::new(),
            fates: Vec::with_capacity(spans.len()),
            processes: spans.iter().map(|span| span.process.0).collect(),
            steps: Vec::with_capacity(size),
            starts: Vec::with_capacity(spans.len() + 1),
            accesses: Vec::new(),
            by_key: Vec::new(),
        };
        let hasher = FixedState::default();
        let mut numbers: HashTable<u32> = HashTable::new();
        for span in spans {
            table.starts.push(table.steps.len() as u32);
            let (fate, mut reads) = fate(span);
            table.fates.push(fate);
            for step in &span.call.0 {
                let hash = hasher.hash_one(&step.key);
                let known = numbers.find(hash, |k| *table.keys[*k as usize] == step.key);
                let key = known.copied().unwrap_or_else(|| {
                    let key = table.keys.len() as u32;
                    table.keys.push(&step.key);
                    table.kinds.push(Kind::Unknown);
                    let keys = &table.keys;
                    numbers.insert_unique(hash, key, |k| hasher.hash_one(keys[*k as usize]));
                    key
                });
                let (what, kind) = match step.op {
                    TxnOp::Append(v) => (What::Write(v), Kind::List),
                    TxnOp::Write(v) => (What::Write(v), Kind::Register),
                    TxnOp::Read => match reads.as_mut().and_then(Iterator::next) {
                        None => (What::Unread, Kind::Unknown),
                        Some(seen) => (
                            What::Read(seen),
                            match seen {
                                Seen::Nothing => Kind::Unknown,
                                Seen::Value(_) => Kind::Register,
                                Seen::List(_) => Kind::List,
                            },
                        ),
                    },
                };
                let before = &mut table.kinds[key as usize];
                *before = match (*before, kind) {
                    (a, Kind::Unknown) => a,
                    (Kind::Unknown, b) => b,
                    (a, b) if a == b => a,
                    _ => Kind::Mixed,
                };
                table.steps.push(Step { key, what });
            }
        }
        table.starts.push(table.steps.len() as u32);
        table.group();
        table
    }

    /// Sorts the steps by key, by counting.
    fn group(&mut self) {
        let mut starts = vec![0u32; self.keys.len() + 1];
        for step in &self.steps {
            starts[step.key as usize + 1] += 1;
        }
        for k in 1..starts.len() {
            starts[k] += starts[k - 1];
        }
        self.by_key = starts.clone();
        self.accesses = vec![Access { step: 0, txn: 0 }; self.steps.len()];
        for txn in 0..self.fates.len() as u32 {
            for step in self.range(txn) {
                let next = &mut starts[self.steps[step].key as usize];
                self.accesses[*next as usize] = Access {
                    step: step as u32,
                    txn,
                };
                *next += 1;
            }
        }
    }

    /// How many transactions there are.
    pub(super) fn len(&self) -> usize {
        self.fates.len()
    }

    /// How many steps there are.
    pub(super) fn size(&self) -> usize {
        self.steps.len()
    }

    /// The positions of a transaction's steps.
    pub(super) fn range(&self, txn: u32) -> std::ops::Range<usize> {
        self.starts[txn as usize] as usize..self.starts[txn as usize + 1] as usize
    }

    /// A step.
    pub(super) fn step(&self, at: u32) -> &Step<'h> {
        &self.steps[at as usize]
    }

    /// A transaction's steps with their positions.
    pub(super) fn steps(&self, txn: u32) -> impl DoubleEndedIterator<Item = (u32, &Step<'h>)> {
        self.range(txn).map(|at| (at as u32, &self.steps[at]))
    }

    /// The steps on a key, in the order of transactions.
    pub(super) fn accesses(&self, key: u32) -> &[Access] {
        &self.accesses[self.by_key[key as usize] as usize..self.by_key[key as usize + 1] as usize]
    }

    /// The call and outcome of a transaction.
    pub(super) fn span(&self, txn: u32) -> &'h Span<Txn> {
        &self.history.spans()[txn as usize]
    }

    pub(super) fn fate(&self, txn: u32) -> Fate {
        self.fates[txn as usize]
    }

    /// When a transaction was known to have committed, as a place in the record.
    pub(super) fn committed_by(&self, txn: u32) -> Option<u32> {
        let completed = self.span(txn).completed?;
        (self.fate(txn) == Fate::Ok).then_some(completed.0)
    }
}

fn fate(span: &Span<Txn>) -> (Fate, Option<Reads<'_>>) {
    match &span.outcome {
        Outcome::Ok(ret) => (Fate::Ok, Some(TxnReturn::reads(ret))),
        Outcome::Info(_) => (Fate::Info, None),
        Outcome::Fail(_) => (Fate::Fail, None),
    }
}
