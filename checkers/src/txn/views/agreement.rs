//! These levels against a search through all orders of commits, on small random histories with lost and failed calls: in
//! some order every read sees the newest of what its level says it must see. Which transactions of unknown outcome committed
//! is searched, too.

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Seen, Txn, TxnCall,
    TxnOp, TxnReturn, TxnStep,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::txn::{
    Level,
    agreement::{Saw, cases, judged, random, shown},
    levels::{
        Does, Small,
        blocks::{any_commit, block, orders},
        put, smalls,
    },
};

const LEVELS: [Level; 7] = [
    Level::MonotonicAtomicView,
    Level::ReadAtomic,
    Level::StrongSessionReadCommitted,
    Level::StrongSessionReadAtomic,
    Level::Pram,
    Level::Causal,
    Level::PrefixConsistency,
];

/// Some committed transactions of a history.
struct Case<'a> {
    level: Level,
    committed: &'a [(usize, &'a Small)],
    /// Of each transaction of the history its process.
    process: &'a [u32],
    lists: bool,
}

impl Case<'_> {
    fn in_session(&self, a: usize, b: usize) -> bool {
        a < b && self.process[a] == self.process[b]
    }

    /// What a transaction read of others; `None` if it did not see its own writes.
    fn reads(&self, txn: &Small) -> Option<Vec<(usize, Saw)>> {
        let mut own = [Saw::new(), Saw::new()];
        let mut reads = Vec::new();
        for (key, does) in &txn.steps {
            match does {
                Does::Write(v) => put(&mut own[*key], *v, self.lists),
                Does::Read(saw) if self.lists => {
                    reads.push((*key, saw.strip_suffix(&own[*key][..])?.to_vec()));
                }
                Does::Read(saw) if own[*key].is_empty() => reads.push((*key, saw.clone())),
                Does::Read(saw) if *saw == own[*key] => {}
                Does::Read(_) => return None,
            }
        }
        Some(reads)
    }

    /// Whose writes a read shows. Below causal consistency only the last.
    fn sources(&self, saw: &Saw) -> Vec<usize> {
        let all = [Level::Causal, Level::PrefixConsistency].contains(&self.level);
        let shown = saw.iter().rev().take(if all { usize::MAX } else { 1 });
        let writer = |v: &i64| {
            let wrote = |s: &(usize, Does)| matches!(s.1, Does::Write(w) if w == *v);
            let mut committed = self.committed.iter();
            committed.find(|(_, t)| t.steps.iter().any(wrote))
        };
        shown.filter_map(|v| Some(writer(v)?.0)).collect()
    }

    /// Everyone whom a transaction must see before a read, given its reads until then.
    fn must_see(&self, txn: usize, until: usize, order: &[usize]) -> Vec<usize> {
        let before = |of: usize| {
            let all = self.committed.iter().map(|(i, _)| *i);
            all.filter(move |i| self.in_session(*i, of))
        };
        let read = |of: usize, until: usize| -> Vec<usize> {
            let small = self
                .committed
                .iter()
                .find(|(i, _)| *i == of)
                .expect("one")
                .1;
            let reads = self.reads(small).unwrap_or_default();
            let reads = reads.iter().take(until);
            reads.flat_map(|(_, saw)| self.sources(saw)).collect()
        };
        let mut seen: Vec<usize> = Vec::new();
        match self.level {
            Level::MonotonicAtomicView | Level::StrongSessionReadCommitted => {
                seen = read(txn, until);
            }
            Level::ReadAtomic => seen = read(txn, usize::MAX),
            Level::StrongSessionReadAtomic => {
                seen = read(txn, usize::MAX);
                seen.extend(before(txn));
            }
            Level::Pram => {
                for own in before(txn).chain([txn]) {
                    for source in read(own, usize::MAX) {
                        seen.push(source);
                        seen.extend(before(source));
                    }
                }
                seen.extend(before(txn));
            }
            Level::Causal => {
                let mut todo = vec![txn];
                while let Some(of) = todo.pop() {
                    for earlier in read(of, usize::MAX).into_iter().chain(before(of)) {
                        if !seen.contains(&earlier) {
                            seen.push(earlier);
                            todo.push(earlier);
                        }
                    }
                }
            }
            _ => {
                seen = read(txn, usize::MAX);
                seen.extend(before(txn));
                let place = |i: &usize| order.iter().position(|o| o == i);
                let last = seen.iter().filter_map(place).max();
                seen = order[..last.map_or(0, |last| last + 1)].to_vec();
            }
        }
        seen
    }

    /// Whether an order of commits explains everything.
    fn explains(&self, order: &[usize]) -> bool {
        let sessions = ![Level::MonotonicAtomicView, Level::ReadAtomic].contains(&self.level);
        let place = |i: usize| order.iter().position(|o| *o == i).expect("it committed");
        let small = |i: usize| self.committed.iter().find(|(j, _)| *j == i).expect("one").1;
        let kept = |(at, a): (usize, &usize)| !order[at..].iter().any(|b| self.in_session(*b, *a));
        if sessions && !order.iter().enumerate().all(kept) {
            return false;
        }
        self.committed
            .iter()
            .filter(|(_, txn)| txn.ok)
            .all(|(i, txn)| {
                let Some(reads) = self.reads(txn) else {
                    return false;
                };
                reads.iter().enumerate().all(|(at, (key, saw))| {
                    let seen = self.must_see(*i, at + 1, order);
                    if seen.iter().any(|s| s == i || place(*s) > place(*i)) {
                        return false;
                    }
                    let wrote = |j: &&usize| !block(small(**j), *key, self.lists).is_empty();
                    let newest = order.iter().filter(wrote).rfind(|j| seen.contains(j));
                    if !self.lists {
                        let held = newest.map_or(Saw::new(), |j| block(small(*j), *key, false));
                        return held == *saw;
                    }
                    // What is read is what some of the first appends made, the newest that must be seen among them.
                    let mut list = Saw::new();
                    let mut enough = newest.is_none();
                    for j in order.iter().filter(wrote) {
                        if enough && list == *saw {
                            return true;
                        }
                        list.extend(block(small(*j), *key, true));
                        enough |= Some(j) == newest;
                    }
                    enough && list == *saw
                })
            })
    }
}

fn allows(history: &History<Txn>, level: Level, lists: bool) -> bool {
    let process: Vec<u32> = history.spans().iter().map(|s| s.process.0).collect();
    any_commit(&smalls(history), |committed| {
        let case = Case {
            level,
            committed,
            process: &process,
            lists,
        };
        let mut all: Vec<usize> = committed.iter().map(|(i, _)| *i).collect();
        orders(&mut all, 0, &mut |order| case.explains(order))
    })
}

/// A history of short transactions one after the other, whose reads see any version there was.
fn adrift(rng: &mut Pcg64Mcg, lists: bool) -> History<Txn> {
    let mut versions = [vec![Saw::new()], vec![Saw::new()]];
    let mut names: Vec<u32> = (0..rng.random_range(1..=5)).collect();
    let mut events: Vec<Event<Txn>> = Vec::new();
    let mut value = 0;
    for _ in 0..rng.random_range(3..=5) {
        let (mut steps, mut saw) = (Vec::new(), Vec::new());
        // What it wrote itself, and what it read of others.
        let (mut own, mut base) = ([Saw::new(), Saw::new()], [None, None]);
        for _ in 0..rng.random_range(1..=3) {
            let key = rng.random_range(0..2usize);
            let mut op = TxnOp::Read;
            if rng.random_bool(0.5) {
                value += 1;
                op = match lists {
                    true => TxnOp::Append(value),
                    false => TxnOp::Write(value),
                };
                put(&mut own[key], value, lists);
            } else if !lists && !own[key].is_empty() {
                saw.push(own[key].clone());
            } else {
                let all = &versions[key];
                let newest = rng.random_bool(0.6);
                let any = || match newest {
                    true => all[all.len() - 1].clone(),
                    false => all[rng.random_range(0..all.len())].clone(),
                };
                let mut list = base[key].get_or_insert_with(any).clone();
                list.extend(&own[key]);
                saw.push(list);
            }
            let key = Key::Int(key as i64);
            steps.push(TxnStep { key, op });
        }
        let worker = rng.random_range(0..names.len());
        let process = Process(names[worker]);
        let outcome = match rng.random_range(0..12) {
            0 => {
                names[worker] += 100;
                Outcome::Info(Reason::new("timeout"))
            }
            1 => Outcome::Fail(Reason::new("aborted")),
            _ => Outcome::Ok(TxnReturn::new(saw.iter().map(|saw| {
                match (lists, saw.last()) {
                    (true, _) => Seen::List(saw),
                    (false, Some(v)) => Seen::Value(*v),
                    (false, None) => Seen::Nothing,
                }
            }))),
        };
        if !matches!(outcome, Outcome::Fail(_)) {
            for (versions, own) in versions.iter_mut().zip(&own) {
                if !own.is_empty() {
                    let mut next = match lists {
                        true => versions[versions.len() - 1].clone(),
                        false => Saw::new(),
                    };
                    next.extend(own);
                    versions.push(next);
                }
            }
        }
        for moment in [
            Moment::Invoke(TxnCall(steps.into())),
            Moment::Complete(outcome),
        ] {
            let at = events.len() as u32;
            events.push(Event {
                index: Index(at),
                time: Nanos(u64::from(at)),
                process,
                node: None,
                moment,
            });
        }
    }
    History::new(Nodes::default(), events).expect("well formed")
}

fn agree(lists: bool, seed: u64, usual: u64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut illegal = [0u64; LEVELS.len()];
    let mut missed = 0;
    for case in 0..cases(usual) {
        let history = match case % 4 {
            0 => random(&mut rng, lists),
            _ => adrift(&mut rng, lists),
        };
        let judgement = judged(&history);
        for (level, illegal) in LEVELS.into_iter().zip(&mut illegal) {
            let legal = allows(&history, level, lists);
            let accused = judgement.violates(level);
            let told = || {
                let found = judgement.found.iter().map(|f| &f.finding.explanation);
                let found: Vec<&String> = found.collect();
                format!("case {case}, {level}:\n{}{found:#?}", shown(&history))
            };
            assert!(!(legal && accused), "accused: {}", told());
            if !lists && level == Level::PrefixConsistency {
                missed += u64::from(!legal && !accused);
            } else {
                assert!(legal || accused, "missed: {}", told());
            }
            *illegal += u64::from(!legal);
        }
    }
    assert!(
        illegal.windows(2).skip(2).all(|w| w[0] < w[1]) && illegal[0] > usual / 50,
        "of {} illegal: {illegal:?}, and {missed} missed: too easy",
        cases(usual)
    );
    assert!(
        missed * 20 <= illegal[6],
        "{missed} of {} missed",
        illegal[6]
    );
}

#[test]
fn registers_violate_a_level_exactly_if_no_order_of_commits_explains_them() {
    agree(false, 31, 4_000);
}

#[test]
fn lists_violate_a_level_exactly_if_no_order_of_commits_explains_them() {
    agree(true, 32, 4_000);
}
