//! The checker `set-full`: what became of each element of a set that only grows, read again and again. And the checker
//! `set`: the same, by its last read alone.
//!
//! An element is *known* from the moment at which its add was acknowledged or a read that has it ended, whichever is
//! first. Every later read should have it. It is
//! - *stable* if the last read to begin has it; and *stale* if a read that began after it was known had not had it;
//! - *lost* if a read that began after it was known, and after the last read that has it ended, has not got it;
//! - *never read* if it is known and no read began since, which is nobody's fault;
//! - *recovered* if its add was never acknowledged and it was read, which is legal.
//!
//! **What fails**: a lost element, a duplicate in one read, an element that nobody added, that was added only by
//! calls that failed, or that was read before its add was called. With [`SetFull::linearizable`] also a stale read; two reads of which neither
//! contains the other; and a read that has a later add and lacks one that was acknowledged before that was called
//! (causal reverse, which strict serializability forbids and serializability allows).
//!
//! **Sound**: what fails is impossible for a set that never forgets, as long as no call removes elements. An add of unknown
//! outcome may or may not be there, now or later. **Complete** with `linearizable` where every element is added at most
//! once: then the reads are a chain by inclusion, every call belongs to the step of the chain at which it appears, and a
//! linearization exists iff no call of a later step ends before one of an earlier step begins, which is checked for
//! each kind of pair. Without it, staleness is measured (see [`Timeline`]) and does not fail.
//!
//! O(e log e + n log n) for n calls and e elements in all reads together. After Kyle Kingsbury's `checker/set` and
//! `checker/set-full` of Jepsen, which differ: there duplicates are never found, unexpected elements are ignored, and
//! reads that are incomparable pass.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use hashbrown::HashMap;
use history::{
    History, Index, Key, Nanos, Outcome,
    ops::{Set, SetOp, SetReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, UNLESS_MISREPORTED, evidence},
    words::{Words, answered, capital, duration, on_key},
};

/// Judges every read.
#[derive(Debug, Clone, Copy, Default)]
pub struct SetFull {
    linearizable: bool,
    last_only: bool,
}

impl SetFull {
    /// Elements may take their time to appear; they must not disappear for good.
    pub fn eventual() -> Self {
        Self::default()
    }
    /// Every read must have every element that was known when it began.
    pub fn linearizable() -> Self {
        Self {
            linearizable: true,
            last_only: false,
        }
    }
    /// The checker `set`: only the last read counts.
    pub fn last_read() -> Self {
        Self {
            linearizable: false,
            last_only: true,
        }
    }
}

/// What was measured of the elements, whether that is a violation or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Elements that somebody tried to add.
    pub attempted: u64,
    /// Elements whose add was acknowledged.
    pub acknowledged: u64,
    /// Elements that were read and whose add was never acknowledged.
    pub recovered: u64,
    /// Known elements that were there at the last.
    pub stable: u64,
    /// Known elements that were missing for a while after they were known.
    pub stale: u64,
    /// Known elements that were gone at the last.
    pub lost: u64,
    /// Known elements after which no read began.
    pub never_read: u64,
    /// For each stable element, how long after it was known a read that began then still missed it; sorted.
    pub latencies: Vec<Duration>,
}

impl Timeline {
    /// A quantile of the visibility latency, from 0 to 1.
    pub fn latency(&self, quantile: f64) -> Option<Duration> {
        let last = self.latencies.len().checked_sub(1)?;
        let at = (last as f64 * quantile.clamp(0.0, 1.0)).round() as usize;
        self.latencies.get(at).copied()
    }
}

/// All calls on one set.
#[derive(Default)]
struct One<'a> {
    key: Option<&'a Key>,
    /// In order of their invocation.
    reads: Vec<Read<'a>>,
    elements: HashMap<i64, Element, foldhash::fast::FixedState>,
}

struct Read<'a> {
    at: usize,
    began: Index,
    ended: Index,
    start: Nanos,
    values: &'a [i64],
}

/// What is known of one element.
#[derive(Default)]
struct Element {
    /// The first call that may have added it, and the last.
    first_add: Option<usize>,
    last_add: Option<usize>,
    failed: Option<usize>,
    /// The earliest answer to an add, and whose it was.
    acked: Option<(Index, usize)>,
    /// The earliest end of a read that has it.
    seen: Option<(Index, usize)>,
    /// Positions among the reads of those that have it.
    present: Vec<u32>,
}

impl Element {
    /// When it was known, and by which call.
    fn known(&self) -> Option<(Index, usize)> {
        self.acked.into_iter().chain(self.seen).min()
    }
}

impl Checker<Set> for SetFull {
    fn name(&self) -> &str {
        match self.last_only {
            true => "set",
            false => "set-full",
        }
    }

    fn decides(&self) -> String {
        match (self.last_only, self.linearizable) {
            (true, _) => "the last read has every element that was acknowledged before it, and nothing else",
            (_, true) => "every read has every element that was known when it began, and reads agree on their order",
            (_, false) => "no element that was acknowledged or read disappears, and none appears from nowhere",
        }
        .to_owned()
    }

    fn limits(&self) -> &'static str {
        match (self.last_only, self.linearizable) {
            (true, _) => {
                "sound while nothing is removed; incomplete: only what the last read shows is judged"
            }
            (_, true) => {
                "sound while nothing is removed, and complete where every element is added at most once"
            }
            (_, false) => {
                "sound while nothing is removed; incomplete: that a read is behind is measured, and does not fail"
            }
        }
    }

    fn check(&self, history: &History<Set>, _: Budget) -> Verdict {
        self.judge(history).0
    }
}

impl SetFull {
    /// Judges, and says what it measured on the way.
    pub fn judge(&self, history: &History<Set>) -> (Verdict, Timeline) {
        let property = match (self.last_only, self.linearizable) {
            (true, _) => "set",
            (_, true) => "linearizable-set",
            (_, false) => "set-full",
        };
        let mut findings = Findings::new(history, property);
        let mut all = Timeline::default();
        let mut reads = 0;
        let sets = split(history, self.last_only);
        for set in sets.values() {
            reads += set.reads.len() as u64;
            judge_contents(history, set, &mut findings);
            judge_elements(history, set, self.linearizable, &mut findings, &mut all);
            if self.linearizable {
                judge_order(history, set, &mut findings);
            }
        }
        all.latencies.sort_unstable();
        let verdict = findings.or_else(|| conclude(&all, reads, sets.len() as u64));
        (verdict, all)
    }
}

fn conclude(all: &Timeline, reads: u64, sets: u64) -> Verdict {
    let unknown = |code: &str, text: String| {
        Verdict::Unknown(Cause {
            code: format!("set/{code}"),
            text,
            remedy: "read every set at the end, after all faults were healed".to_owned(),
        })
    };
    if reads == 0 {
        return unknown("never-read", "the set was never read".to_owned());
    }
    if all.stable == 0 {
        let text = format!(
            "{} elements were acknowledged, and no read that began afterwards could have shown one",
            all.acknowledged
        );
        return unknown("nothing-stable", text);
    }
    let millis = |q| all.latency(q).unwrap_or_default().as_millis() as u64;
    let mut notes = Vec::new();
    if all.never_read > 0 {
        notes.push(format!(
            "{} elements were not judged: no read began after they were known",
            all.never_read
        ));
    }
    if let Some(worst) = all.latency(1.0).filter(|worst| !worst.is_zero()) {
        notes.push(format!(
            "the slowest element to become visible was missed {} after it was known",
            duration(worst)
        ));
    }
    Verdict::Pass(evidence(
        [
            ("sets", sets),
            ("ok reads", reads),
            ("elements attempted", all.attempted),
            ("elements acknowledged", all.acknowledged),
            ("elements stable", all.stable),
            ("elements stale for a while", all.stale),
            ("elements never read", all.never_read),
            ("elements recovered", all.recovered),
            ("visibility latency, median ms", millis(0.5)),
            ("visibility latency, worst ms", millis(1.0)),
        ],
        notes,
    ))
}

/// The calls by set, and by element within it.
fn split(history: &History<Set>, last_only: bool) -> BTreeMap<Option<&Key>, One<'_>> {
    let mut sets: BTreeMap<Option<&Key>, One<'_>> = BTreeMap::new();
    for (at, span) in history.spans().iter().enumerate() {
        let key = span.call.key.as_ref();
        let set = sets.entry(key).or_insert_with(|| One {
            key,
            ..One::default()
        });
        match (span.call.op, &span.outcome) {
            (SetOp::Add(v), outcome) => {
                let element = set.elements.entry(v).or_default();
                if matches!(outcome, Outcome::Fail(_)) {
                    element.failed = Some(at);
                    continue;
                }
                element.first_add.get_or_insert(at);
                element.last_add = Some(at);
                let acked = answered(span).map(|index| (index, at));
                element.acked = element.acked.into_iter().chain(acked).min();
            }
            (SetOp::Read, Outcome::Ok(SetReturn::Elements(values))) => {
                if last_only {
                    set.reads.clear();
                }
                set.reads.push(Read {
                    at,
                    began: span.invoked,
                    ended: span.completed.expect("an ok call has an end"),
                    start: span.start,
                    values,
                });
            }
            (SetOp::Read, _) => {}
        }
    }
    for One {
        reads, elements, ..
    } in sets.values_mut()
    {
        for (i, read) in reads.iter().enumerate() {
            for v in read.values {
                let element = elements.entry(*v).or_default();
                let seen = (read.ended, read.at);
                element.seen = element.seen.into_iter().chain([seen]).min();
                if element.present.last() != Some(&(i as u32)) {
                    element.present.push(i as u32);
                }
            }
        }
    }
    sets
}

/// Elements that cannot be there, or are there twice.
fn judge_contents(history: &History<Set>, set: &One<'_>, findings: &mut Findings<'_, Set>) {
    let words = Words(history);
    let place = on_key(set.key);
    let told = |title: &str, explanation: String, confidence| Told {
        title: format!("{title}{place}"),
        explanation,
        key: set.key.cloned(),
        confidence,
        minimal: true,
    };
    let mut values = Vec::new();
    for read in &set.reads {
        values.clear();
        values.extend_from_slice(read.values);
        values.sort_unstable();
        let at = read.at;
        for twice in values.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
            findings.add("duplicate-element", &[at], || {
                let text = format!(
                    "{} read the set and got {} {} times. A set has an element once.",
                    capital(&words.place(at)),
                    twice[0],
                    twice.len()
                );
                told("element read twice", text, CERTAIN)
            });
        }
        values.dedup();
        for v in &values {
            let element = &set.elements[v];
            let got = || format!("{} read the set and got {v}.", capital(&words.place(at)));
            match (element.first_add, element.failed) {
                (Some(add), _) if history.spans()[add].invoked > read.ended => {
                    findings.add("future-read", &[at, add], || {
                        let text = format!(
                            "{} It was added only later: {} called for it at {}.",
                            got(),
                            words.who(add),
                            words.span(add).start
                        );
                        told("element read before it was added", text, CERTAIN)
                    });
                }
                (Some(_), _) => {}
                (None, Some(failed)) => findings.add("aborted-read", &[at, failed], || {
                    let text = format!("{} {} Nobody else added it.", got(), words.call(failed));
                    told("read of a failed add", text, UNLESS_MISREPORTED)
                }),
                (None, None) => findings.add("phantom-value", &[at], || {
                    let text = format!("{} Nobody ever tried to add it.", got());
                    told("element from nowhere", text, CERTAIN)
                }),
            }
        }
    }
}

/// What became of each element.
fn judge_elements(
    history: &History<Set>,
    set: &One<'_>,
    linearizable: bool,
    findings: &mut Findings<'_, Set>,
    all: &mut Timeline,
) {
    let words = Words(history);
    let mut elements: Vec<(&i64, &Element)> = set.elements.iter().collect();
    elements.sort_unstable_by_key(|(v, _)| **v);
    for (v, element) in elements {
        all.attempted += u64::from(element.first_add.is_some() || element.failed.is_some());
        all.acknowledged += u64::from(element.acked.is_some());
        all.recovered += u64::from(element.acked.is_none() && element.seen.is_some());
        let Some((known, by)) = element.known() else {
            continue;
        };
        // Reads that lack it, from the last to begin: those that have it are skipped one by one.
        let mut having = element.present.iter().rev().peekable();
        let lacking = (0..set.reads.len()).rev().find(|i| {
            let has = having.next_if(|p| **p as usize == *i).is_some();
            !has
        });
        let lacking = lacking.map(|i| &set.reads[i]).filter(|r| r.began > known);
        let last = element.present.last().map(|i| &set.reads[*i as usize]);
        let last_end = element.present.iter().map(|i| set.reads[*i as usize].ended);
        let last_end = last_end.max();
        let Some(lacking) = lacking else {
            match last {
                Some(_) => {
                    all.stable += 1;
                    all.latencies.push(Duration::ZERO);
                }
                None => all.never_read += 1,
            }
            continue;
        };
        let first_missing = || {
            let from = set.reads.partition_point(|r| r.began <= known);
            let mut having = element.present.iter().peekable();
            let has = |i: usize, having: &mut std::iter::Peekable<std::slice::Iter<'_, u32>>| {
                while having.next_if(|p| (**p as usize) < i).is_some() {}
                having.peek().is_some_and(|p| **p as usize == i)
            };
            (from..set.reads.len())
                .find(|i| !has(*i, &mut having))
                .map_or(lacking.at, |i| set.reads[i].at)
        };
        let how_known = || match element.acked {
            Some((index, add)) if index == known => words.call(add),
            _ => format!("{} read the set and got {v}.", capital(&words.place(by))),
        };
        let told = |title: &str, explanation: String| Told {
            title: format!("{title}{}", on_key(set.key)),
            explanation,
            key: set.key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        };
        if last_end.is_none_or(|end| end < lacking.began) {
            all.lost += 1;
            let reads = element.present.iter().map(|i| &set.reads[*i as usize]);
            let last = reads.max_by_key(|read| read.ended).map(|read| read.at);
            let by = last.unwrap_or(by);
            findings.add("lost-element", &[by, lacking.at], || {
                let known = match last {
                    Some(_) => format!("{} read the set and got {v}.", capital(&words.place(by))),
                    None => words.call(by),
                };
                let text = format!(
                    "{known} {} later process {} read the set{}, and {v} was not there. Nobody read it since.",
                    words.later(by, lacking.at),
                    words.span(lacking.at).process.0,
                    words.on(lacking.at)
                );
                told("lost element", text)
            });
            continue;
        }
        all.stable += 1;
        all.stale += 1;
        let known_at = words.span(by).end.unwrap_or_default();
        all.latencies.push(lacking.start.since(known_at));
        if linearizable {
            let missing = first_missing();
            findings.add("stale-read", &[by, missing], || {
                let text = format!(
                    "{} {} later process {} read the set{}, and {v} was not there.",
                    how_known(),
                    words.later(by, missing),
                    words.span(missing).process.0,
                    words.on(missing)
                );
                told("stale read", text)
            });
        }
    }
}

/// Reads of which neither contains the other, and reads that have a later add and not an earlier one.
fn judge_order(history: &History<Set>, set: &One<'_>, findings: &mut Findings<'_, Set>) {
    let words = Words(history);
    let told = |title: &str, explanation: String| Told {
        title: format!("{title}{}", on_key(set.key)),
        explanation,
        key: set.key.cloned(),
        confidence: CERTAIN,
        minimal: true,
    };
    let mut sorted: Vec<(usize, Vec<i64>)> = Vec::with_capacity(set.reads.len());
    for read in &set.reads {
        let mut values = read.values.to_vec();
        values.sort_unstable();
        values.dedup();
        sorted.push((read.at, values));
    }
    sorted.sort_by_key(|(at, values)| (values.len(), *at));
    for pair in sorted.windows(2) {
        let [(small, few), (large, many)] = pair else {
            continue;
        };
        let lacks = |some: &[i64], all: &[i64]| {
            let mut all = all.iter().peekable();
            some.iter().copied().find(|v| {
                while all.next_if(|other| *other < v).is_some() {}
                all.peek() != Some(&v)
            })
        };
        let Some(only_small) = lacks(few, many) else {
            continue;
        };
        let only_large = lacks(many, few).expect("the larger set is not a part of the smaller");
        findings.add("incomparable-reads", &[*small, *large], || {
            let text = format!(
                "{} read the set and got {only_small}, but not {only_large}. {} got {only_large}, but not {only_small}. Whichever of the two was added first, one of these reads missed it and has the other.",
                capital(&words.place(*small)),
                capital(&words.place(*large)),
            );
            told("reads that disagree on the order of adds", text)
        });
    }
    // Elements by the moment of their acknowledgement: whoever has an add that was called later must have all of these.
    let mut acked: Vec<(Index, usize, i64)> = set
        .elements
        .iter()
        .filter_map(|(v, e)| e.acked.map(|(index, add)| (index, add, *v)))
        .collect();
    acked.sort_unstable();
    for (at, values) in &sorted {
        let called = |v: &i64| Some((history.spans()[set.elements[v].first_add?].invoked, *v));
        let Some((latest, v)) = values.iter().filter_map(called).max() else {
            continue;
        };
        let due = acked.partition_point(|(index, ..)| *index < latest);
        let had = values.iter().filter(|v| {
            let acked = set.elements[*v].acked;
            acked.is_some_and(|(index, _)| index < latest)
        });
        if had.count() == due {
            continue;
        }
        let missing = acked[..due]
            .iter()
            .max_by_key(|(index, _, v)| (values.binary_search(v).is_err(), Reverse(*index)));
        let (_, add, missed) = missing.expect("fewer than are due were there");
        let later = set.elements[&v].first_add.expect("it was added");
        findings.add("causal-reverse", &[*add, later, *at], || {
            let text = format!(
                "{} {} later {} called add {v}. {} read the set and got {v}, but not {missed}: the later add was seen without the earlier.",
                words.call(*add),
                words.later(*add, later),
                words.who(later),
                capital(&words.place(*at)),
            );
            told("a later add seen without an earlier one", text)
        });
    }
}

#[cfg(test)]
#[path = "set_full_tests.rs"]
mod tests;
