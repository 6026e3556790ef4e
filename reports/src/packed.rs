//! Every call of a run in a few bytes: what the timeline explorer of the page draws.
//!
//! Columns of variable-length integers (LEB128), the times as differences, then the words of all calls, then a JSON object
//! with the tables that the columns point into; all of it deflated (zlib) and in base64, so that whatever a system under
//! test said is inert in the page's source. The page's script puts it into the page as text only. About eight bytes a call.
//!
//! ```text
//! n | index Δ | start Δ (µs) | length + 1 (µs; 0 = never ended) | process | node + 1 | 3 f + outcome | key + 1 | reason + 1 | length of words | words | JSON
//! ```
//! The JSON is the rest; every column before it begins with its length in bytes.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use history::{Codec, History, Nanos, Outcome, Span};
use serde::Serialize;

use crate::{
    FaultView, FindingView, OutcomeKind, RunMeta,
    escape::{VALUE, inert},
};

/// How many bytes of the page the calls may take.
pub(crate) const BUDGET: usize = 11 << 20;
/// How much of the words of a call is kept, in characters.
const WORDS: usize = 120;
/// How many different keys, and how many different reasons, are told apart.
const MAX_KEYS: usize = 100_000;
const MAX_REASONS: usize = 500;
/// Around a finding everything is kept.
const AROUND: u64 = 2_000_000_000;

/// The calls of a run for the explorer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// Base64 of the deflated columns; empty if there is no call.
    pub data: String,
    /// How many calls are in it.
    pub shown: u64,
    /// Of how many.
    pub of: u64,
}

/// What the columns point into, and what is drawn besides calls. Field names are short: the script reads them.
#[derive(Serialize)]
struct Tables<'a> {
    run: &'a str,
    /// Wall clock at zero, in milliseconds since 1970.
    epoch: Option<i64>,
    timed: bool,
    /// Of the history in a file nobody says what faults there were.
    faults_known: bool,
    of: u64,
    until: u64,
    nodes: Vec<String>,
    fs: Vec<String>,
    keys: Vec<String>,
    reasons: Vec<String>,
    faults: Vec<Fault<'a>>,
    findings: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    kind: &'a str,
    label: &'a str,
    from: u64,
    /// `None`: until the end.
    until: Option<u64>,
    seen: bool,
    how: String,
}

#[derive(Serialize)]
struct Found<'a> {
    n: usize,
    title: &'a str,
    from: u64,
    until: u64,
    ops: Vec<u32>,
}

/// What stands beside the calls.
pub(crate) struct Beside<'a> {
    pub(crate) meta: &'a RunMeta,
    pub(crate) faults: &'a [FaultView],
    pub(crate) findings: &'a [FindingView],
    pub(crate) timed: bool,
}

impl Packed {
    /// Packs a history into no more than about `budget` bytes. Where all of it is too much, the calls of the findings, what
    /// lies around them, and what is not `ok` stay, and the others are thinned out evenly.
    pub(crate) fn new<O: Codec>(history: &History<O>, beside: &Beside<'_>, budget: usize) -> Self {
        let spans = history.spans();
        let of = spans.len() as u64;
        if of == 0 {
            return Self::default();
        }
        let must = Must::new(beside);
        let mut keep = of;
        loop {
            let mut columns = Columns::new(of);
            let (mut others, mut kept) = (0_u64, 0_u64);
            for span in spans {
                let chosen = keep == of || must.keeps(span) || {
                    others += 1;
                    others * keep / of > (others - 1) * keep / of
                };
                if chosen {
                    kept += 1;
                    columns.push(span, beside.timed);
                }
            }
            let data = columns.pack(history, beside);
            if data.len() <= budget || keep < 1_000 {
                return Self {
                    data,
                    shown: kept,
                    of,
                };
            }
            let ratio = budget as f64 / data.len() as f64 * 0.92;
            keep = ((keep as f64 * ratio) as u64).min(keep - 1);
        }
    }
}

/// What is never left out.
struct Must {
    indices: BTreeSet<u32>,
    around: Vec<(u64, u64)>,
}

impl Must {
    fn new(beside: &Beside<'_>) -> Self {
        let findings = beside.findings.iter().take(crate::html::MAX_CARDS);
        Self {
            indices: findings
                .clone()
                .flat_map(|f| f.rows.iter().map(|r| r.index))
                .collect(),
            around: findings
                .map(|f| {
                    let (from, until) = (f.finding.from.0, f.finding.until.0);
                    // What went on for long would drag everything in.
                    match until - from > 2 * AROUND {
                        true => (from, from),
                        false => (from.saturating_sub(AROUND), until + AROUND),
                    }
                })
                .collect(),
        }
    }

    fn keeps<O: Codec>(&self, span: &Span<O>) -> bool {
        !matches!(span.outcome, Outcome::Ok(_))
            || self.indices.contains(&span.invoked.0)
            || self
                .around
                .iter()
                .any(|(from, until)| (*from..=*until).contains(&span.start.0))
    }
}

#[derive(Default)]
struct Columns {
    n: u64,
    numbers: [Vec<u8>; 9],
    words: Vec<u8>,
    last: (u64, u64),
    fs: Interned,
    keys: Interned,
    reasons: Interned,
}

impl Columns {
    fn new(calls: u64) -> Self {
        Self {
            words: Vec::with_capacity(calls as usize * 12),
            ..Self::default()
        }
    }

    fn push<O: Codec>(&mut self, span: &Span<O>, timed: bool) {
        let (words, reason) = match &span.outcome {
            Outcome::Ok(ret) => (O::describe(&span.call, ret), None),
            Outcome::Fail(reason) | Outcome::Info(reason) => (
                O::describe_call(&span.call),
                Some(inert(&reason.to_string(), VALUE)),
            ),
        };
        let words = inert(&words, WORDS);
        // Without times the order of events is the axis.
        let (start, end) = match timed {
            true => (span.start.0 / 1000, span.end.map(|e| e.0.div_ceil(1000))),
            false => (
                u64::from(span.invoked.0),
                span.completed.map(|i| u64::from(i.0)),
            ),
        };
        let index = u64::from(span.invoked.0);
        let length = end.map_or(0, |end| end.saturating_sub(start) + 1);
        let f = self.fs.number(O::name(&span.call), usize::MAX);
        let key = O::key(&span.call).map(|k| inert(&k.to_string(), 60));
        let kind = OutcomeKind::of(&span.outcome) as u64;
        let columns = [
            index - self.last.0,
            start.saturating_sub(self.last.1),
            length,
            u64::from(span.process.0),
            span.node.map_or(0, |n| u64::from(n.0) + 1),
            (f - 1) * 3 + kind,
            key.map_or(0, |k| self.keys.number(&k, MAX_KEYS)),
            reason.map_or(0, |r| self.reasons.number(&r, MAX_REASONS)),
            words.len() as u64,
        ];
        self.last = (index, start.max(self.last.1));
        for (column, n) in self.numbers.iter_mut().zip(columns) {
            leb128(column, n);
        }
        self.words.extend_from_slice(words.as_bytes());
        self.n += 1;
    }

    fn pack<O: Codec>(self, history: &History<O>, beside: &Beside<'_>) -> String {
        let us = |n: Nanos| n.0 / 1000;
        let tables = Tables {
            run: &beside.meta.run,
            epoch: beside.meta.zero.map(|t| t.timestamp_millis()),
            timed: beside.timed,
            faults_known: !beside.meta.imported || !beside.faults.is_empty(),
            of: history.spans().len() as u64,
            until: us(beside.meta.duration),
            nodes: history
                .nodes()
                .iter()
                .map(|(_, n)| inert(n, VALUE))
                .collect(),
            fs: self.fs.names,
            keys: self.keys.names,
            reasons: self.reasons.names,
            faults: beside
                .faults
                .iter()
                .filter(|f| f.span.injected.is_some() || !f.span.errors.is_empty())
                .map(|f| Fault {
                    kind: &f.span.kind,
                    label: &f.label,
                    from: us(f.span.began),
                    until: f.span.healed.map(us),
                    seen: f.span.took_effect(),
                    how: f.verification(),
                })
                .collect(),
            findings: beside
                .findings
                .iter()
                .take(crate::html::MAX_CARDS)
                .map(|f| Found {
                    n: f.number,
                    title: &f.finding.title,
                    from: us(f.finding.from),
                    until: us(f.finding.until),
                    ops: f.rows.iter().map(|r| r.index).collect(),
                })
                .collect(),
        };
        let mut bytes = Vec::with_capacity(self.words.len() * 2);
        leb128(&mut bytes, self.n);
        for column in self.numbers.iter().chain([&self.words]) {
            leb128(&mut bytes, column.len() as u64);
            bytes.extend_from_slice(column);
        }
        let json = serde_json::to_vec(&tables).expect("tables of text and numbers are JSON");
        bytes.extend_from_slice(&json);
        STANDARD.encode(miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 6))
    }
}

/// Texts by number, from 1.
#[derive(Default)]
struct Interned {
    numbers: BTreeMap<String, u64>,
    names: Vec<String>,
}

impl Interned {
    /// The number of a text; 0 if it would be one more than `max`.
    fn number(&mut self, text: &str, max: usize) -> u64 {
        if let Some(n) = self.numbers.get(text) {
            return *n;
        }
        if self.names.len() >= max {
            return 0;
        }
        self.names.push(text.to_owned());
        let n = self.names.len() as u64;
        self.numbers.insert(text.to_owned(), n);
        n
    }
}

fn leb128(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use history::{
        Event, Index, Key, Moment, Nodes, Process, Reason, Register, RegisterCall, RegisterOp,
        RegisterReturn,
    };

    use super::*;

    /// So many calls one after another, every hundredth of which failed.
    fn calls(n: u32) -> History<Register> {
        let events = (0..n).flat_map(|i| {
            let event = move |k: u32, moment| Event {
                index: Index(2 * i + k),
                time: Nanos(u64::from(2 * i + k) * 700_000),
                process: Process(1),
                node: None,
                moment,
            };
            let key = Key::Int(i64::from(i % 32));
            let op = RegisterOp::Write(i64::from(i));
            let outcome = match i % 100 {
                0 => Outcome::Fail(Reason::new("refused")),
                _ => Outcome::Ok(RegisterReturn::Done),
            };
            [
                event(0, Moment::Invoke(RegisterCall { key, op })),
                event(1, Moment::Complete(outcome)),
            ]
        });
        History::new(Nodes::default(), events).expect("well formed")
    }

    #[test]
    fn what_is_too_much_is_thinned_out_and_counted() {
        let history = calls(20_000);
        let beside = Beside {
            meta: &RunMeta::default(),
            faults: &[],
            findings: &[],
            timed: true,
        };
        let whole = Packed::new(&history, &beside, BUDGET);
        assert_eq!((whole.shown, whole.of), (20_000, 20_000));
        let budget = whole.data.len() / 4;
        let part = Packed::new(&history, &beside, budget);
        assert!(part.data.len() <= budget, "{}", part.data.len());
        assert!((2_000..10_000).contains(&part.shown), "{}", part.shown);
        assert_eq!(part.of, 20_000);
        let none = Packed::new(&calls(0), &beside, BUDGET);
        assert_eq!(none, Packed::default());
    }

    #[test]
    fn numbers_take_as_many_bytes_as_they_need() {
        let mut out = Vec::new();
        for n in [0, 127, 128, u64::from(u32::MAX)] {
            leb128(&mut out, n);
        }
        assert_eq!(out, [0, 127, 0x80, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    }
}
