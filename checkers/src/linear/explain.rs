//! Says in words what a witness shows: who did what, where and when, for someone who has never heard of linearizability.

use std::time::Duration;

use history::{History, Index, Nanos, Outcome, Register, RegisterOp, RegisterReturn, Span};

use super::{
    prepare::{INITIAL, Kind, Op, Register1},
    story::{Story, read},
};
use crate::Finding;

/// A finding, and the time that had passed when the last call of it began: the longer, the clearer.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) finding: Finding,
    pub(super) lapse: Duration,
}

/// The finding that a minimal witness makes.
pub(super) fn tell(
    history: &History<Register>,
    register: &Register1,
    witness: &[Op],
    minimal: bool,
) -> Told {
    let teller = Teller { history, register };
    let story = read(register, witness);
    let (code, title, mut sentences) = teller.tell(&story, witness);
    let span = |op: &Op| teller.span(op);
    let end = |op: &Op| span(op).end.filter(|_| !op.is_info());
    let starts = witness.iter().map(|op| span(op).start);
    let until = witness.iter().filter_map(end).max().unwrap_or_default();
    let from = match &story {
        Story::FromNowhere { seen, .. } => span(seen).start,
        Story::Stale { by, .. } => span(by).start,
        Story::Backwards { newer, .. } => span(newer).start,
        _ => starts.min().unwrap_or_default(),
    };
    let doubtful = register.failed.iter().any(|(value, _)| {
        *value != INITIAL && witness.iter().any(|op| op.observes() == Some(*value))
    });
    if doubtful && !matches!(story, Story::FromNowhere { .. }) {
        sentences.push(
            "A call that would have made one of these values was reported as failed; had it happened, this could be in order."
                .to_owned(),
        );
    }
    let lapse = match &story {
        Story::Stale { by, seen, .. } => span(seen).start.since(span(by).end.unwrap_or_default()),
        Story::Backwards { newer, older } => {
            span(older).start.since(span(newer).end.unwrap_or_default())
        }
        Story::Future { seen, made } => span(made).start.since(span(seen).end.unwrap_or_default()),
        Story::FromNowhere { .. } | Story::Forked { .. } | Story::Tangle => Duration::ZERO,
    };
    let invoked = |op: &Op| Index(op.start - 1);
    let finding = Finding {
        code: code.to_owned(),
        title: format!("{title} on key {}", register.key),
        property: "linearizable".to_owned(),
        explanation: sentences.join(" "),
        key: Some(register.key.clone()),
        witness: witness.iter().map(invoked).collect(),
        from,
        until,
        minimal,
        confidence: match doubtful {
            true => "certain unless a failed call was misreported".to_owned(),
            false => "certain".to_owned(),
        },
        more: 0,
        order: Vec::new(),
    };
    Told { finding, lapse }
}

/// Puts ops into words.
struct Teller<'a> {
    history: &'a History<Register>,
    register: &'a Register1,
}

impl Teller<'_> {
    fn span(&self, op: &Op) -> &Span<Register> {
        &self.history.spans()[op.span as usize]
    }

    fn value(&self, v: u32) -> String {
        self.register.values[v as usize].map_or("nothing".to_owned(), |v| v.to_string())
    }

    /// ` on n1`, if known.
    fn on(&self, span: &Span<Register>) -> String {
        span.node.map_or(String::new(), |_| {
            format!(" on {}", self.history.node_name(span))
        })
    }

    fn what(&self, span: &Span<Register>) -> String {
        let key = &span.call.key;
        match span.call.op {
            RegisterOp::Read => format!("read {key}"),
            RegisterOp::Write(v) => format!("write {key}={v}"),
            RegisterOp::Cas { from, to } => format!("cas {key}: {from}→{to}"),
        }
    }

    /// A whole sentence about a mutation.
    fn mutation(&self, op: &Op) -> String {
        let span = self.span(op);
        let (what, process) = (self.what(span), span.process.0);
        match span.end.filter(|_| !op.is_info()) {
            Some(end) if span.node.is_some() => format!(
                "{} acknowledged {what} to process {process} at {end}.",
                self.history.node_name(span)
            ),
            Some(end) => format!("The {what} of process {process} was acknowledged at {end}."),
            None => format!(
                "Process {process} called {what}{} at {} and never learned whether it happened.",
                self.on(span),
                span.start
            ),
        }
    }

    /// `process 9 read key 17 on n1 and got 88`.
    fn observation(&self, op: &Op) -> String {
        let span = self.span(op);
        let (process, key, on) = (span.process.0, &self.register.key, self.on(span));
        match (span.call.op, &span.outcome) {
            (RegisterOp::Read, Outcome::Ok(RegisterReturn::Value(_))) => {
                let value = self.value(op.value);
                format!("process {process} read key {key}{on} and got {value}")
            }
            _ if op.is_info() => format!(
                "process {process} called {}{on}, which took effect as others saw",
                self.what(span)
            ),
            _ => format!("{} of process {process}{on} succeeded", self.what(span)),
        }
    }

    fn tell(&self, story: &Story, witness: &[Op]) -> (&'static str, &'static str, Vec<String>) {
        let start = |op: &Op| self.span(op).start;
        let end = |op: &Op| self.span(op).end.unwrap_or_default();
        let source = |v: u32| witness.iter().find(|op| op.produces() == Some(v));
        match story {
            Story::FromNowhere { seen, failed } => {
                let value = self.value(seen.observes().expect("it observed something"));
                let what = capital(&format!("at {} {}", start(seen), self.observation(seen)));
                match failed {
                    Some(failed) => {
                        let span = &self.history.spans()[*failed as usize];
                        let why = match &span.outcome {
                            Outcome::Fail(reason) => format!(" ({reason})"),
                            _ => String::new(),
                        };
                        let told = format!(
                            "Only the {} of process {}{} at {} could have made {value}, and process {} was told that it failed{why}.",
                            self.what(span),
                            span.process.0,
                            self.on(span),
                            span.start,
                            span.process.0
                        );
                        (
                            "aborted-read",
                            "read of a failed write",
                            vec![format!("{what}."), told],
                        )
                    }
                    None => (
                        "phantom-value",
                        "value from nowhere",
                        vec![
                            format!("{what}."),
                            format!(
                                "Nobody ever tried to make key {} hold {value}.",
                                self.register.key
                            ),
                        ],
                    ),
                }
            }
            Story::Future { seen, made } => {
                let early = self.span(made).start.since(end(seen));
                (
                    "future-read",
                    "read from the future",
                    vec![
                        format!("{}, at {}.", capital(&self.observation(seen)), end(seen)),
                        format!(
                            "That value did not exist yet: the only call that makes it, {} of process {}{}, was made {} later, at {}.",
                            self.what(self.span(made)),
                            self.span(made).process.0,
                            self.on(self.span(made)),
                            duration(early),
                            start(made)
                        ),
                    ],
                )
            }
            Story::Forked { first, second } => {
                let from = self.value(first.observes().expect("it expects something"));
                (
                    "forked-cas",
                    "two compare-and-sets from one value",
                    vec![
                        format!("{} {}", self.mutation(first), self.mutation(second)),
                        format!(
                            "Both replaced {from}, which was there only once: one of the two is lost."
                        ),
                    ],
                )
            }
            Story::Stale { by, seen, lost } => {
                let later = duration(start(seen).since(end(by)));
                let v = seen.observes().expect("it observed something");
                let old = match source(v) {
                    None => ", as if nothing had been written",
                    Some(source) if self.directly(witness, source, by) => ", the value before it",
                    Some(_) => ", an older value",
                };
                let first = self.mutation(by);
                match (seen.kind, lost) {
                    (Kind::Cas(_), _) => (
                        "lost-update",
                        "lost update",
                        vec![
                            first,
                            format!(
                                "{later} later {} began and succeeded, although {} had been replaced: {} was overwritten unseen.",
                                format_args!(
                                    "{} of process {}{}",
                                    self.what(self.span(seen)),
                                    self.span(seen).process.0,
                                    self.on(self.span(seen))
                                ),
                                self.value(v),
                                self.value(by.value)
                            ),
                        ],
                    ),
                    (_, true) => (
                        "lost-write",
                        "lost write",
                        vec![
                            first,
                            format!("{later} later {}{old}.", self.observation(seen)),
                            format!(
                                "Nobody ever read {}, and nothing was written after it.",
                                self.value(by.value)
                            ),
                        ],
                    ),
                    (_, false) => (
                        "stale-read",
                        "stale read",
                        vec![
                            first,
                            format!("{later} later {}{old}.", self.observation(seen)),
                        ],
                    ),
                }
            }
            Story::Backwards { newer, older } => {
                let later = duration(start(older).since(end(newer)));
                let mut sentences = vec![
                    format!("{}, at {}.", capital(&self.observation(newer)), end(newer)),
                    format!("{later} later {}.", self.observation(older)),
                ];
                let v = older.observes().expect("it observed something");
                sentences.push(match self.register.values[v as usize] {
                    None => "But a key that was written once is never empty again.".to_owned(),
                    Some(older) => format!(
                        "But {older} came before {}: {}",
                        self.value(newer.value),
                        self.proof(witness, v, newer)
                    ),
                });
                ("non-monotonic-read", "read inversion", sentences)
            }
            Story::Tangle => {
                let mut sentences: Vec<String> = witness.iter().map(|op| self.line(op)).collect();
                sentences.push(format!(
                    "Each must have taken effect at one moment between its start and its end, and no choice of moments explains all {} results.",
                    witness.len()
                ));
                ("non-linearizable", "no order explains the calls", sentences)
            }
        }
    }

    /// Whether nothing else of the whole record can have come between the two.
    fn directly(&self, witness: &[Op], old: &Op, by: &Op) -> bool {
        let between = |op: &&Op| {
            op.mutates()
                && op.start != old.start
                && op.start != by.start
                && op.end > old.start
                && op.start < by.end
        };
        debug_assert!(witness.contains(old));
        !self.register.ops.iter().any(|op| between(&op))
    }

    /// Why a value is older than one that was read.
    fn proof(&self, witness: &[Op], old: u32, newer: &Op) -> String {
        let made = |v: u32| witness.iter().find(|op| op.produces() == Some(v));
        let time = |op: &Op| {
            (
                self.span(op).start,
                self.span(op).end.unwrap_or(Nanos(u64::MAX)),
            )
        };
        let earlier = witness
            .iter()
            .find(|op| op.kind == Kind::Read && op.value == old && op.precedes(newer));
        if let Some(read) = earlier {
            return format!(
                "{} had read it by {}.",
                format_args!("process {}", self.span(read).process.0),
                time(read).1
            );
        }
        match (made(old), made(newer.value)) {
            (Some(a), Some(b)) if a.precedes(b) => format!(
                "{} was acknowledged at {}, before {} began.",
                self.what(self.span(a)),
                time(a).1,
                self.what(self.span(b))
            ),
            (None, _) => "it was there at first.".to_owned(),
            (Some(a), _) if a.precedes(newer) => format!(
                "{} had been acknowledged by {}, before the first of the two reads.",
                self.what(self.span(a)),
                time(a).1
            ),
            _ => "the other calls of the witness leave no other order.".to_owned(),
        }
    }

    /// `process 4 on n3: write 17=93, 0:31.198 to 0:31.204.`
    fn line(&self, op: &Op) -> String {
        let span = self.span(op);
        let result = match op.kind {
            Kind::Read => format!(" → {}", self.value(op.value)),
            _ => String::new(),
        };
        let until = match span.end.filter(|_| !op.is_info()) {
            Some(end) => format!("to {end}"),
            None => "with unknown outcome".to_owned(),
        };
        format!(
            "Process {}{}: {}{result}, {} {until}.",
            span.process.0,
            self.on(span),
            self.what(span),
            span.start
        )
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// `850 µs`, `407 ms`, `12.4 s`.
fn duration(d: Duration) -> String {
    match d.as_micros() {
        us if us < 1000 => format!("{us} µs"),
        us if us < 10_000 => format!("{:.1} ms", us as f64 / 1e3),
        us if us < 1_000_000 => format!("{} ms", us / 1000),
        us => format!("{:.1} s", us as f64 / 1e6),
    }
}
