//! Puts contradictions to these levels into words: who ought to have seen whom, why, and what was read instead.

use std::collections::VecDeque;

use hashbrown::HashMap;
use history::Seen;

use super::{Breach, Hop, Link, Tie, View, facts::Facts};
use crate::{
    Finding,
    txn::{
        Anomaly,
        explain::Teller,
        graph::Label,
        incident::NOBODY,
        table::{Kind, What},
    },
};

/// The way from the writer to the reader who ought to see it, by a level's rule.
pub(super) fn hops(facts: &Facts, tie: &Tie) -> Vec<Hop> {
    let Tie {
        from, reader, why, ..
    } = *tie;
    match why {
        View::Monotonic | View::Atomic => vec![(from, reader, Label::Wr)],
        View::SessionAtomic => vec![(from, reader, Label::Process)],
        View::Pram => by_sessions(facts, from, reader),
        _ => by_anything(facts, from, reader),
    }
}

/// To somebody in the writer's session, from whom somebody in the reader's session read.
fn by_sessions(facts: &Facts, from: u32, reader: u32) -> Vec<Hop> {
    if facts.in_session(from, reader) {
        return vec![(from, reader, Label::Process)];
    }
    let session = &facts.sessions[facts.session[reader as usize] as usize];
    let mut best: Option<Vec<Hop>> = None;
    for last in &session[..facts.place[reader as usize] as usize] {
        for read in facts.reads(*last).iter().filter(|r| r.source != NOBODY) {
            let source = read.source;
            if source != from && !facts.in_session(from, source) {
                continue;
            }
            let hops = [
                (from, source, Label::Process),
                (source, *last, Label::Wr),
                (*last, reader, Label::Process),
            ];
            let hops: Vec<Hop> = hops.into_iter().filter(|(a, b, _)| a != b).collect();
            if best.as_ref().is_none_or(|best| hops.len() < best.len()) {
                best = Some(hops);
            }
        }
    }
    best.expect("a session saw what its vector says")
}

/// The shortest way through sessions and reads, breadth first from its end.
fn by_anything(facts: &Facts, from: u32, reader: u32) -> Vec<Hop> {
    let mut next: HashMap<u32, (u32, Label), foldhash::fast::FixedState> = HashMap::default();
    let mut queue = VecDeque::from([reader]);
    while let Some(at) = queue.pop_front() {
        if at == from {
            break;
        }
        let session = facts.previous(at).map(|txn| (txn, Label::Process));
        let reads = facts.reads(at).iter();
        let reads = reads.flat_map(|read| facts.shown(*read).map(|txn| (txn, Label::Wr)));
        for (before, label) in session.into_iter().chain(reads) {
            if before != reader && !next.contains_key(&before) {
                next.insert(before, (at, label));
                queue.push_back(before);
            }
        }
    }
    let mut hops: Vec<Hop> = Vec::new();
    let mut at = from;
    while at != reader {
        let (to, label) = next[&at];
        match hops.last_mut() {
            // Several steps in one session are one.
            Some((_, end, Label::Process)) if label == Label::Process => *end = to,
            _ => hops.push((at, to, label)),
        }
        at = to;
    }
    hops
}

impl Teller<'_> {
    /// The finding that a contradiction makes.
    pub(in crate::txn) fn breach(&self, breach: &Breach, who: &[u32]) -> Finding {
        let names = Names { teller: self, who };
        let mut sentences: Vec<String> = breach.links.iter().map(|l| names.link(l)).collect();
        let one = match &breach.links[..] {
            [Link::Tie(tie, _)] if tie.to == NOBODY => Some(*tie),
            _ => None,
        };
        if one.is_none() {
            sentences.push("So no order of commits is possible.".to_owned());
        }
        let anomaly = Anomaly::View(breach.view);
        let mut finding = self.finding(anomaly, who, sentences.join(" "));
        if let Some(tie) = one {
            let key = self.table.keys[tie.key as usize];
            finding.title = format!("{} on key {key}", anomaly.entry().name);
            finding.key = Some(key.clone());
        }
        finding
    }
}

/// Speaks of transactions by their places in a witness.
struct Names<'a> {
    teller: &'a Teller<'a>,
    who: &'a [u32],
}

impl Names<'_> {
    fn of(&self, txn: u32) -> String {
        let at = self.who.iter().position(|t| *t == txn);
        format!("T{}", at.expect("it is one of the witness") + 1)
    }

    fn hop(&self, (from, to, label): Hop) -> String {
        let (a, b) = (self.of(from), self.of(to));
        self.teller.evidence((from, to, label), (&a, &b), self.who)
    }

    fn link(&self, link: &Link) -> String {
        match link {
            Link::Edge(from, to, label) => {
                let (a, b) = (self.of(*from), self.of(*to));
                let why = self.hop((*from, *to, *label));
                match label {
                    Label::Rw => format!("{a} saw a state before {b}: {why}."),
                    _ => format!("{a} came before {b}: {why}."),
                }
            }
            Link::Tie(tie, hops) => self.tie(tie, hops),
            Link::Newer {
                reader,
                writer,
                key,
                source,
                tie,
            } => {
                let [a, b, c] = [*reader, *writer, *source].map(|txn| self.of(txn));
                let saw = self.saw(*reader, *key, *source);
                let why = match tie {
                    Some((tie, hops)) => self.tie(tie, hops),
                    None => format!("{c} came before {b} in their process."),
                };
                let wrote = self.wrote(*writer, *key);
                format!(
                    "{why} {a} saw a state before {b}: {a} read {saw}, which {c} wrote, and {b} {wrote} later."
                )
            }
        }
    }

    fn tie(&self, tie: &Tie, hops: &[Hop]) -> String {
        let (writer, reader) = (self.of(tie.from), self.of(tie.reader));
        let why: Vec<String> = hops.iter().map(|hop| self.hop(*hop)).collect();
        let why = why.join("; ");
        let wrote = self.wrote(tie.from, tie.key);
        let saw = self.saw(tie.reader, tie.key, tie.to);
        if tie.to == NOBODY {
            return format!(
                "{reader} ought to see {writer}: {why}. But {writer} {wrote}, and {reader} read {saw}, which is older."
            );
        }
        let source = self.of(tie.to);
        format!(
            "{writer} came before {source}: {reader} ought to see {writer} ({why}), which {wrote}; but {reader} read {saw}, which {source} wrote."
        )
    }

    /// `wrote 5 to key x`.
    fn wrote(&self, txn: u32, key: u32) -> String {
        let table = self.teller.table;
        let values: Vec<String> = table
            .steps(txn)
            .filter_map(|(_, step)| match step.what {
                What::Write(value) if step.key == key => Some(value.to_string()),
                _ => None,
            })
            .collect();
        let name = table.keys[key as usize];
        // Of a register only the last counts.
        let values = match table.kinds[key as usize] {
            Kind::List => values.join(" and "),
            _ => values.last().cloned().unwrap_or_default(),
        };
        let made = match table.kinds[key as usize] {
            Kind::List => "appended",
            _ => "wrote",
        };
        format!("{made} {values} to key {name}")
    }

    /// `3 of key x`: what was read of somebody, or of nobody.
    fn saw(&self, txn: u32, key: u32, source: u32) -> String {
        let teller = self.teller;
        let of = |at: u32| teller.versions.source(at).unwrap_or(NOBODY);
        let mut reads = teller.reads(txn).filter(|(_, of, _)| *of == key);
        let list = teller.table.kinds[key as usize] == Kind::List;
        let read = reads.find(|(at, ..)| list || of(*at) == source);
        let name = teller.table.keys[key as usize];
        match read {
            Some((.., Seen::Nothing)) if !list => format!("nothing of key {name}"),
            Some((.., Seen::Nothing)) | None => format!("[] of key {name}"),
            Some((.., seen)) => format!("{seen} of key {name}"),
        }
    }
}
