//! Puts anomalies into words: who read and wrote what, where and when, for someone who has never heard of isolation.

use history::{Codec, Index, Nanos, Outcome, Seen, Txn};

use super::{
    Anomaly,
    cycles::classify,
    fractured::Versions,
    graph::Label,
    incident::{Incident, UNSEEN},
    shrink::{Shows, Witness},
    table::{Fate, Kind, Table, What},
};
use crate::{Finding, Precedence};

/// A cycle that begins with the transaction that began first.
fn rotated(edges: &[(u32, u32, Label)]) -> Vec<(u32, u32, Label)> {
    let mut edges = edges.to_vec();
    let first = (0..edges.len()).min_by_key(|i| edges[*i].0).unwrap_or(0);
    edges.rotate_left(first);
    edges
}

/// How many steps of a cycle are told.
const STEPS: usize = 12;
/// How many transactions are told in full.
const NAMED: usize = 16;
/// How much of a transaction is shown.
const SHOWN: usize = 200;

pub(super) struct Teller<'a> {
    pub(super) table: &'a Table<'a>,
    pub(super) versions: &'a Versions,
}

impl Teller<'_> {
    /// The finding that a witness makes. Others than those who took part are named after them.
    pub(super) fn tell(&self, witness: &Witness, minimal: bool, more: u64) -> Finding {
        let mut txns: Vec<u32> = match &witness.shows {
            Shows::Incident(incident) => incident.txns.to_vec(),
            Shows::Cycle(edges) => rotated(edges).iter().map(|edge| edge.0).collect(),
            Shows::Breach(breach) => breach.txns().to_vec(),
        };
        let others = witness.txns.iter().filter(|txn| !txns.contains(txn));
        let others: Vec<u32> = others.copied().collect();
        txns.extend(others);
        let mut finding = match &witness.shows {
            Shows::Incident(incident) => self.incident(incident, &txns),
            Shows::Cycle(edges) => self.cycle(&rotated(edges), &txns),
            Shows::Breach(breach) => self.breach(breach, &txns),
        };
        finding.minimal = minimal;
        finding.more = more;
        finding
    }

    /// What an incident is.
    fn incident(&self, incident: &Incident, who: &[u32]) -> Finding {
        let txns = &incident.txns;
        let key = self.table.keys[incident.key as usize];
        let value = incident.value;
        let made = match self.table.kinds[incident.key as usize] {
            Kind::List => "appended",
            _ => "wrote",
        };
        let what = match incident.anomaly {
            Anomaly::GarbageRead if txns.len() == 2 => format!(
                "T1 read {value} of key {key}, T2 read {}, and no transaction ever {made} either: only one of the two can have been there first.",
                self.seen(txns[1], incident.key)
            ),
            Anomaly::GarbageRead => {
                format!("T1 read {value} of key {key}, and no transaction ever {made} it.")
            }
            Anomaly::FutureRead => {
                format!("T1 read {value} of key {key} before it {made} that itself.")
            }
            Anomaly::DuplicateElements if txns.len() == 1 => format!(
                "T1 read {value} of key {key} more than once, and {made} it only once itself."
            ),
            Anomaly::DuplicateElements => format!(
                "T2 read {value} of key {key} more than once; only T1 {made} it, and only once."
            ),
            Anomaly::TornAppends => format!(
                "T2 read {value} of key {key}, and not before it what T1 had {made} to that key before {value}: a list that never was."
            ),
            Anomaly::AbortedRead => {
                let reason = match &self.table.span(txns[0]).outcome {
                    Outcome::Fail(reason) => format!(" ({reason})"),
                    _ => String::new(),
                };
                format!(
                    "T2 read {value} of key {key}. Only T1 {made} it, and T1 was reported as failed{reason}."
                )
            }
            Anomaly::IntermediateRead => format!(
                "T2 read key {key} as T1 left it for a moment: up to {value}. T1 {made} more to it before it committed."
            ),
            Anomaly::DirtyUpdate => format!(
                "T1 {made} {value} to key {key} and was reported as failed; T2, which committed, went on top of it."
            ),
            Anomaly::Internal => format!(
                "T1 {made} {value} to key {key}, and its next read of that key did not show what it had written."
            ),
            Anomaly::IncompatibleOrder => format!(
                "T1 and T2 read key {key}, and neither of the two lists continues the other."
            ),
            Anomaly::NonRepeatableRead => format!(
                "T1 read key {key} more than once and saw different versions, by no doing of its own."
            ),
            Anomaly::LostUpdate => format!(
                "T1 and T2 both read {} of key {key} and then both replaced it: one of the two did not see the other.",
                self.seen(incident.txns[0], incident.key)
            ),
            Anomaly::NonMonotonicView | Anomaly::FracturedRead => format!(
                "T2 read something that T1 had written, and read key {key} without what T1 {made} to it."
            ),
            Anomaly::Cycle(..) | Anomaly::View(_) => String::new(),
        };
        let doubtful = txns.iter().any(|txn| self.table.fate(*txn) == Fate::Fail);
        let mut finding = self.finding(incident.anomaly, who, what);
        finding.title = format!("{} on key {key}", incident.anomaly.entry().name);
        finding.key = Some(key.clone());
        if doubtful {
            finding.confidence = "certain unless a failed call was misreported".to_owned();
        }
        finding
    }

    /// What a transaction's first read of a key saw.
    fn seen(&self, txn: u32, key: u32) -> String {
        let first = self.reads(txn).find(|(_, of, _)| *of == key);
        first.map_or(String::new(), |(.., seen)| seen.to_string())
    }

    /// What a cycle is.
    fn cycle(&self, edges: &[(u32, u32, Label)], who: &[u32]) -> Finding {
        let n = edges.len();
        let mut sentences = Vec::new();
        let mut order = Vec::new();
        let left_out = n.saturating_sub(STEPS);
        for (i, (from, to, label)) in edges.iter().enumerate() {
            if left_out > 0 && (STEPS / 2..STEPS / 2 + left_out).contains(&i) {
                if i == STEPS / 2 {
                    sentences.push(format!("So it goes on by way of {left_out} more."));
                }
                continue;
            }
            let (a, b) = (format!("T{}", i + 1), format!("T{}", (i + 1) % n + 1));
            let why = self.evidence((*from, *to, *label), (&a, &b), who);
            sentences.push(format!("{a} came before {b}: {why}."));
            if left_out == 0 {
                order.push(Precedence {
                    before: self.table.span(*from).invoked,
                    after: self.table.span(*to).invoked,
                    kind: label.dependency(),
                    because: why,
                });
            }
        }
        sentences.push("So each of them would have to come before itself.".to_owned());
        let certain = |txn| self.table.fate(txn) == Fate::Ok;
        let mut finding = self.finding(classify(edges, certain), who, sentences.join(" "));
        finding.order = order;
        finding
    }

    pub(super) fn finding(&self, anomaly: Anomaly, txns: &[u32], what: String) -> Finding {
        let entry = anomaly.entry();
        let spans = || txns.iter().map(|txn| self.table.span(*txn));
        let who: Vec<String> = txns
            .iter()
            .enumerate()
            .take(NAMED)
            .map(|(i, txn)| self.who(i, *txn))
            .collect();
        let mut witness: Vec<Index> = spans().map(|span| span.invoked).collect();
        witness.sort_unstable();
        witness.dedup();
        let excluders: Vec<&str> = entry.excluded_by.iter().map(|level| level.name()).collect();
        Finding {
            code: entry.code.to_owned(),
            title: entry.name.to_owned(),
            property: excluders.first().copied().unwrap_or_default().to_owned(),
            explanation: format!("{} {what}", who.join(" ")),
            key: None,
            witness,
            from: spans().map(|span| span.start).min().unwrap_or_default(),
            until: spans()
                .filter_map(|span| span.end)
                .max()
                .unwrap_or_default(),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        }
    }

    /// `T1 is append 3 1, read 4 → [1], by process 2 on n1, from 0:00.010 to 0:00.012.`
    fn who(&self, i: usize, txn: u32) -> String {
        let span = self.table.span(txn);
        let mut what = match &span.outcome {
            Outcome::Ok(ret) => Txn::describe(&span.call, ret),
            _ => Txn::describe_call(&span.call),
        };
        if let Some((end, _)) = what.char_indices().nth(SHOWN) {
            what.truncate(end);
            what.push('…');
        }
        let on = span.node.map_or(String::new(), |_| {
            format!(" on {}", self.table.history.node_name(span))
        });
        let until = |end: Option<Nanos>| end.map_or("on".to_owned(), |end| format!("to {end}"));
        let end = match self.table.fate(txn) {
            Fate::Ok => until(span.end),
            Fate::Info => "with unknown outcome".to_owned(),
            Fate::Fail => format!("{}, which failed", until(span.end)),
        };
        format!(
            "T{} is {what}, by process {}{on}, from {} {end}.",
            i + 1,
            span.process.0,
            span.start
        )
    }

    /// Why one transaction came before another.
    pub(super) fn evidence(
        &self,
        (from, to, label): (u32, u32, Label),
        (a, b): (&str, &str),
        who: &[u32],
    ) -> String {
        let told = match label {
            Label::Ww => self.ww(from, to, a, b, who),
            Label::Wr => self.wr(from, to, a, b),
            Label::Rw => self.rw(from, to, a, b),
            Label::RwSession => self
                .later(from, to, a, b)
                .map(|told| format!("{told}, and {b}'s process had written or read that before")),
            Label::RwRealtime => self.later(from, to, a, b).map(|told| {
                format!("{told}, and began only after that had been acknowledged or read")
            }),
            Label::Process => Some(format!(
                "process {} called {a} first",
                self.table.span(from).process.0
            )),
            Label::Realtime => Some(format!(
                "{a} ended at {}, before {b} began at {}",
                self.table.span(from).end.unwrap_or_default(),
                self.table.span(to).start
            )),
        };
        told.or_else(|| {
            let told = self.later(from, to, a, b)?;
            Some(format!(
                "{told}, which is newer by the order that was assumed"
            ))
        })
        .unwrap_or_else(|| "the order of versions says so".to_owned())
    }

    /// The writes of a transaction with their keys, versions and values.
    fn writes(&self, txn: u32) -> impl Iterator<Item = (u32, u32, i64, u32)> {
        self.table
            .steps(txn)
            .filter_map(|(at, step)| match step.what {
                What::Write(value) => Some((step.key, self.versions.version(at)?, value, at)),
                _ => None,
            })
    }

    /// The reads of a transaction.
    pub(super) fn reads(&self, txn: u32) -> impl Iterator<Item = (u32, u32, Seen<'_>)> {
        self.table
            .steps(txn)
            .filter_map(|(at, step)| match step.what {
                What::Read(seen) => Some((at, step.key, seen)),
                _ => None,
            })
    }

    fn ww(&self, from: u32, to: u32, a: &str, b: &str, who: &[u32]) -> Option<String> {
        let pairs = self.writes(from).flat_map(|old| {
            let same = move |new: &(u32, u32, i64, u32)| new.0 == old.0 && new.1 > old.1;
            self.writes(to).filter(same).map(move |new| (old, new))
        });
        let (old, new) = pairs.min_by_key(|(old, new)| new.1.saturating_sub(old.1))?;
        let key = self.table.keys[old.0 as usize];
        // A read that shows it.
        let shows = |seen: &Seen<'_>| match seen {
            Seen::List(list) => {
                let place = |value| list.iter().position(|v| *v == value);
                let (old, new) = (place(old.2), place(new.2));
                old.is_some() && new.is_none_or(|new| Some(new) > old)
            }
            Seen::Nothing | Seen::Value(_) => false,
        };
        let reader = who.iter().enumerate().find_map(|(i, txn)| {
            let read = |(_, of, seen): &(u32, u32, Seen<'_>)| *of == old.0 && shows(seen);
            Some((i + 1, self.reads(*txn).find(read)?.2))
        });
        if let Some((reader, seen)) = reader {
            let (old, new) = (old.2, new.2);
            return Some(format!(
                "T{reader} read {seen} of key {key}, and {a} appended {old}, {b} {new}"
            ));
        }
        Some(match new.1 {
            UNSEEN => format!(
                "{a} appended {} to key {key}, which was read without the {} of {b}",
                old.2, new.2
            ),
            _ => format!(
                "key {key} was read with the {} that {a} appended before the {} that {b} appended",
                old.2, new.2
            ),
        })
    }

    fn wr(&self, from: u32, to: u32, a: &str, b: &str) -> Option<String> {
        let read = |(at, ..): &(u32, u32, Seen<'_>)| self.versions.source(*at) == Some(from);
        // By way of transactions that are not needed, if not at once.
        let shows = |(_, key, seen): &(u32, u32, Seen<'_>)| match seen {
            Seen::List(list) => self
                .writes(from)
                .any(|(of, _, value, _)| of == *key && list.contains(&value)),
            Seen::Nothing | Seen::Value(_) => false,
        };
        let found = self.reads(to).find(read);
        let (_, key, seen) = found.or_else(|| self.reads(to).find(shows))?;
        let name = self.table.keys[key as usize];
        let writes = self
            .table
            .steps(from)
            .filter_map(|(_, step)| match step.what {
                What::Write(value) if step.key == key => Some(value),
                _ => None,
            });
        Some(match seen {
            Seen::List(list) => {
                let mut values: Vec<i64> = writes.filter(|value| list.contains(value)).collect();
                let value = values.pop()?;
                format!("{b} read {seen} of key {name}, and {a} appended {value}")
            }
            _ => format!("{b} read {seen} of key {name}, which {a} wrote"),
        })
    }

    fn rw(&self, from: u32, to: u32, a: &str, b: &str) -> Option<String> {
        let pairs = self.reads(from).flat_map(|read| {
            let newer = move |new: &(u32, u32, i64, u32)| {
                new.0 == read.1 && self.versions.replaced(self.table, read.0, to, new.3)
            };
            self.writes(to).filter(newer).map(move |new| (read, new))
        });
        let ((at, key, seen), (_, version, value, _)) = pairs.min_by_key(|(_, new)| new.1)?;
        let name = self.table.keys[key as usize];
        Some(match (self.table.kinds[key as usize], version) {
            (Kind::List, _) => {
                let seen = match seen {
                    Seen::Nothing => Seen::List(&[]),
                    seen => seen,
                };
                format!("{a} read {seen} of key {name}, without the {value} that {b} appended")
            }
            (_, _) if seen == Seen::Nothing => {
                format!("{a} read nothing of key {name}, and {b} wrote {value}")
            }
            _ if self.versions.version(at) == Some(0) => format!(
                "{a} read {seen} of key {name}, which nobody wrote and so was there first, and {b} wrote {value}"
            ),
            _ => format!(
                "{a} read {seen} of key {name}, and {b} read that, too, and then wrote {value}"
            ),
        })
    }

    /// A read, and a write of the same key that is known to be newer for other reasons.
    fn later(&self, from: u32, to: u32, a: &str, b: &str) -> Option<String> {
        let pairs = self.reads(from).flat_map(|read| {
            let same = move |new: &(u32, u32, i64, u32)| {
                new.0 == read.1
                    && self
                        .versions
                        .version(read.0)
                        .is_some_and(|old| old != new.1)
            };
            self.writes(to).filter(same).map(move |new| (read, new))
        });
        let ((_, key, seen), (_, _, value, _)) = pairs.into_iter().next()?;
        let name = self.table.keys[key as usize];
        Some(format!(
            "{a} read {seen} of key {name}, and {b} wrote {value}"
        ))
    }
}
