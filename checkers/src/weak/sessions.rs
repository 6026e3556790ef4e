//! The checker `sessions`: which guarantees sessions were given.

use std::{fmt, str::FromStr};

use history::{Codec, History, Outcome, Register};

use super::{
    causal, monotonic_reads, monotonic_writes,
    ops::{Known, Ops},
    pram, read_your_writes, sequential,
    shrink::shrink,
    writes_follow_reads,
};
use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
};

/// What a session may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guarantee {
    /// It reads what it wrote, or something newer.
    ReadYourWrites,
    /// It does not read what is older than what it read.
    MonotonicReads,
    /// What a session wrote is seen in its order.
    MonotonicWrites,
    /// What a session wrote is seen after what it had read.
    WritesFollowReads,
    /// Each session sees all writes in an order that keeps every session's.
    Pram,
    /// Each session sees all writes in an order that keeps what happened before what.
    Causal,
    /// One order per key keeps every session's.
    SequentialKeys,
}

use Guarantee::*;

impl Guarantee {
    /// All of them.
    pub const ALL: [Self; 7] = [
        ReadYourWrites,
        MonotonicReads,
        MonotonicWrites,
        WritesFollowReads,
        Pram,
        Causal,
        SequentialKeys,
    ];

    /// Its name on the command line: `monotonic-reads`.
    pub fn name(self) -> &'static str {
        match self {
            ReadYourWrites => "read-your-writes",
            MonotonicReads => "monotonic-reads",
            MonotonicWrites => "monotonic-writes",
            WritesFollowReads => "writes-follow-reads",
            Pram => "pram",
            Causal => "causal",
            SequentialKeys => "sequential-keys",
        }
    }

    /// Those that it implies, itself among them.
    pub fn implies(self) -> &'static [Self] {
        match self {
            ReadYourWrites => &[ReadYourWrites],
            MonotonicReads => &[MonotonicReads],
            MonotonicWrites => &[MonotonicReads, MonotonicWrites],
            WritesFollowReads => &[MonotonicReads, WritesFollowReads],
            Pram => &[ReadYourWrites, MonotonicReads, MonotonicWrites, Pram],
            Causal => &[
                ReadYourWrites,
                MonotonicReads,
                MonotonicWrites,
                WritesFollowReads,
                Pram,
                Causal,
            ],
            SequentialKeys => &[
                ReadYourWrites,
                MonotonicReads,
                MonotonicWrites,
                WritesFollowReads,
                SequentialKeys,
            ],
        }
    }

    fn find(self) -> fn(&Known<'_>) -> Vec<Vec<u32>> {
        match self {
            ReadYourWrites => read_your_writes::find,
            MonotonicReads => monotonic_reads::find,
            MonotonicWrites => monotonic_writes::find,
            WritesFollowReads => writes_follow_reads::find,
            Pram => pram::find,
            Causal => causal::find,
            SequentialKeys => sequential::find,
        }
    }

    /// The code and name of a violation, and what it means.
    fn violation(self) -> (&'static str, &'static str, &'static str) {
        match self {
            ReadYourWrites => (
                "own-write-missed",
                "own write not read",
                "A session must read what it wrote last, or something newer.",
            ),
            MonotonicReads => (
                "reads-went-back",
                "reads that went back",
                "Once a session read something newer, it must not read the older value again.",
            ),
            MonotonicWrites => (
                "writes-out-of-order",
                "writes seen out of order",
                "What one session wrote first must not be read after what it wrote later.",
            ),
            WritesFollowReads => (
                "write-before-its-cause",
                "write seen before what it follows",
                "What a session had read before it wrote is older than what it wrote, and must not be read after that.",
            ),
            Pram => (
                "no-order-for-session",
                "session without an order of writes",
                "In no order that keeps what each session wrote do the reads of one of them see the last write before them.",
            ),
            Causal => (
                "no-causal-order-for-session",
                "session without a causal order",
                "In no order that keeps what happened before what do the reads of one session see the last write before them.",
            ),
            SequentialKeys => (
                "no-order-for-key",
                "key without an order",
                "No order of the values keeps that of every session: each would have to come before itself, or before what was there first.",
            ),
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('-', " "))
    }
}

impl FromStr for Guarantee {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|g| g.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no guarantee is called {name:?}; they are {names}")
        })
    }
}

/// Judges what sessions were given.
#[derive(Debug, Clone)]
pub struct Sessions {
    pub(super) expected: Vec<Guarantee>,
    initial: Option<i64>,
}

/// Of how many witnesses the smallest are looked for.
const SHRUNK: usize = 8;

impl Sessions {
    /// Expects a guarantee, and those that it implies.
    pub fn expecting(guarantee: Guarantee) -> Self {
        Self {
            expected: guarantee.implies().to_vec(),
            initial: None,
        }
    }

    /// Expects all of them.
    pub fn all() -> Self {
        Self {
            expected: Guarantee::ALL.to_vec(),
            initial: None,
        }
    }

    /// What registers hold at first; nothing, unless told otherwise.
    pub fn starting_with(mut self, initial: Option<i64>) -> Self {
        self.initial = initial;
        self
    }
}

impl Checker<Register> for Sessions {
    fn name(&self) -> &str {
        "sessions"
    }

    fn decides(&self) -> String {
        let names: Vec<String> = self.expected.iter().map(Guarantee::to_string).collect();
        format!("every session is given {}", names.join(", "))
    }

    fn limits(&self) -> &'static str {
        "sound, and complete where each value is written once per key; other values are left out, and counted"
    }

    fn check(&self, history: &History<Register>, budget: Budget) -> Verdict {
        let ops = Ops::of(history, self.initial);
        let known = Known::of(&ops.all);
        let sessions = known.sessions.len() as u64;
        let cost = (known.ops.len() as u64).saturating_mul(sessions * sessions);
        let (mut verdict, mut costly) = (None, None);
        for guarantee in &self.expected {
            if matches!(guarantee, Pram | Causal) && cost > budget.steps {
                costly = Some(*guarantee);
                continue;
            }
            let failed = judge(*guarantee, history, &ops, &known);
            verdict = match (verdict, failed) {
                (Some(all), Some(more)) => Some(Verdict::and(all, more)),
                (all, more) => all.or(more),
            };
        }
        if let Some(verdict) = verdict {
            return verdict;
        }
        let unknown = |code: &str, text: String, remedy: &str| {
            Verdict::Unknown(Cause {
                code: code.to_owned(),
                text,
                remedy: remedy.to_owned(),
            })
        };
        if let Some(guarantee) = costly {
            return unknown(
                "budget/search",
                format!("{guarantee} of {sessions} sessions takes more than was allowed"),
                "raise --budget, or judge a part of the history",
            );
        }
        let reads = (0..known.ops.len() as u32).filter(|op| known.read(*op).is_some());
        let reads = reads.count() as u64;
        if reads == 0 {
            return unknown(
                "sessions/nothing-read",
                "no read showed whose write it saw".to_owned(),
                "let the workload read, and write each value once",
            );
        }
        let counts = [
            ("sessions", sessions),
            ("reads", reads),
            ("ops", known.ops.len() as u64),
            ("keys", ops.keys.len() as u64),
        ];
        let mut notes =
            vec!["a session is a process until its first call of unknown outcome".to_owned()];
        if ops.left_out > 0 {
            notes.push(format!(
                "{} reads left out: their values were written more than once, or by no call that may have happened",
                ops.left_out
            ));
        }
        Verdict::Pass(evidence(counts, notes))
    }
}

/// The findings of one guarantee, if there are any.
fn judge(
    guarantee: Guarantee,
    history: &History<Register>,
    ops: &Ops<'_>,
    known: &Known<'_>,
) -> Option<Verdict> {
    let find = guarantee.find();
    let mut found = find(known);
    if found.is_empty() {
        return None;
    }
    found.sort_by_key(Vec::len);
    let (code, name, means) = guarantee.violation();
    let mut findings = Findings::new(history, guarantee.name());
    for (i, witness) in found.iter().enumerate() {
        let (witness, minimal) = match i < SHRUNK {
            true => shrink(known, witness, find),
            false => (witness.clone(), false),
        };
        let mut calls: Vec<usize> = witness
            .iter()
            .map(|op| known.ops[*op as usize].at as usize)
            .collect();
        observe(history, known, &mut calls);
        calls.sort_unstable();
        calls.dedup();
        let keys = witness.iter().map(|op| known.key(*op));
        let (first, last) = (keys.clone().min(), keys.max());
        let key = first
            .filter(|_| first == last)
            .map(|key| ops.keys[key as usize].clone());
        findings.add(code, &calls, || Told {
            title: key
                .as_ref()
                .map_or(name.to_owned(), |key| format!("{name} on key {key}")),
            explanation: format!("{} {means}", story(history, &calls)),
            key: key.clone(),
            confidence: CERTAIN,
            minimal,
        });
    }
    Some(findings.or_else(|| unreachable!("something was found")))
}

/// `Process 0 called write x=1 at 0:00.001, then read x → 2 at 0:00.004.`: what each session did, in its order.
fn story(history: &History<Register>, calls: &[usize]) -> String {
    let spans = || calls.iter().map(|at| &history.spans()[*at]);
    let mut processes: Vec<u32> = spans().map(|span| span.process.0).collect();
    processes.sort_unstable();
    processes.dedup();
    let told = processes.into_iter().map(|process| {
        let own = spans().filter(|span| span.process.0 == process);
        let own = own.map(|span| {
            let what = match &span.outcome {
                Outcome::Ok(ret) => Register::describe(&span.call, ret),
                _ => format!(
                    "{}, whose outcome it never learned,",
                    Register::describe_call(&span.call)
                ),
            };
            let on = span.node.map_or(String::new(), |_| {
                format!(" on {}", history.node_name(span))
            });
            format!("{what}{on} at {}", span.start)
        });
        let own: Vec<String> = own.collect();
        format!("Process {process} called {}.", own.join(", then "))
    });
    told.collect::<Vec<String>>().join(" ")
}

/// Adds to the calls of unknown outcome those that show that they happened: without them they would be no calls at all.
fn observe(history: &History<Register>, known: &Known<'_>, calls: &mut Vec<usize>) {
    let unknown = |at: usize| matches!(history.spans()[at].outcome, Outcome::Info(_));
    let at = |op: usize| known.ops[op].at as usize;
    let mut next = 0;
    while let Some(call) = calls.get(next).copied() {
        next += 1;
        if !unknown(call) {
            continue;
        }
        let observers: Vec<usize> = (0..known.ops.len())
            .filter(|op| {
                let source = known.source[*op] as usize;
                source != *op && at(*op) != call && source < known.ops.len() && at(source) == call
            })
            .map(at)
            .collect();
        if observers.iter().any(|observer| calls.contains(observer)) {
            continue;
        }
        let certain = observers.iter().find(|observer| !unknown(**observer));
        calls.extend(certain.or(observers.first()));
    }
}
