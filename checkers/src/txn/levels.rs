//! The checker against searches that know no graph of transactions, one per level, on small random histories with lost and
//! failed calls. Which transactions of unknown outcome took effect is searched, too.
//!
//! - *serializable*, *repeatable read* (the same without predicates), *strong session* and *strict serializable*: a serial
//!   order in which every read sees what it saw; see `agreement`.
//! - *snapshot isolation* and its strong variants: an order of beginnings and commits. Reads see what was committed at the
//!   beginning; nobody commits over what others committed since then.
//! - *read committed*: orders of the committed blocks of each key in which every read ends between two blocks, and in
//!   which no transaction reads or writes its way back to itself.
//! - *read uncommitted*: one order of transactions in which every read is a beginning of its list, as far as that
//!   committed.

pub(super) mod blocks;
mod snapshots;

use blocks::{read_committed, read_uncommitted};
use history::{History, Key, Outcome, Seen, Txn, TxnOp};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use snapshots::snapshot;

use super::{
    Level,
    agreement::{Saw, cases, judged, random, shown, violates},
};

/// A transaction that may have committed, for the searches.
pub(super) struct Small {
    /// Whether it must have.
    pub(super) ok: bool,
    pub(super) steps: Vec<(usize, Does)>,
}

pub(super) enum Does {
    Write(i64),
    Read(Saw),
}

/// Whether one transaction must come before another.
type Before<'a> = &'a dyn Fn(usize, usize) -> bool;

/// Key by key, its lists; of a register a list of one.
type Store = [Saw; 2];

pub(super) fn smalls(history: &History<Txn>) -> Vec<Option<Small>> {
    let small = |span: &history::Span<Txn>| {
        let ok = match &span.outcome {
            Outcome::Ok(ret) => Some(ret),
            Outcome::Info(_) => None,
            Outcome::Fail(_) => return None,
        };
        let mut reads = ok.map(|ret| ret.reads());
        let step = |step: &history::TxnStep| {
            let Key::Int(key) = step.key else {
                unreachable!()
            };
            let does = match step.op {
                TxnOp::Append(v) | TxnOp::Write(v) => Does::Write(v),
                TxnOp::Read => Does::Read(match reads.as_mut()?.next()? {
                    Seen::List(list) => list.to_vec(),
                    Seen::Value(v) => vec![v],
                    Seen::Nothing => Vec::new(),
                }),
            };
            Some((key as usize, does))
        };
        Some(Small {
            ok: ok.is_some(),
            steps: span.call.0.iter().filter_map(step).collect(),
        })
    };
    history.spans().iter().map(small).collect()
}

pub(super) fn put(list: &mut Saw, value: i64, lists: bool) {
    if !lists {
        list.clear();
    }
    list.push(value);
}

/// Whether two transactions appended to a key what nobody saw: which of them came first then matters to snapshot
/// isolation, and the checker does not search for it.
fn open_ends(txns: &[Option<Small>]) -> bool {
    let seen = |key: usize, v: i64| {
        let saw = move |s: &(usize, Does)| {
            s.0 == key && matches!(&s.1, Does::Read(saw) if saw.contains(&v))
        };
        // Its own reads do not count: they show no order.
        move |wrote: &Small| {
            let others = txns.iter().flatten().filter(|t| !std::ptr::eq(*t, wrote));
            others.flat_map(|t| &t.steps).any(saw)
        }
    };
    (0..2).any(|key| {
        let unseen = |t: &&Small| {
            let own = |s: &(usize, Does)| match s.1 {
                Does::Write(v) => s.0 == key && !seen(key, v)(t),
                Does::Read(_) => false,
            };
            t.steps.iter().any(own)
        };
        txns.iter().flatten().filter(unseen).count() > 1
    })
}

fn orders_of(
    history: &History<Txn>,
) -> (impl Fn(usize, usize) -> bool, impl Fn(usize, usize) -> bool) {
    let spans = history.spans();
    let ended = |i: usize, j: usize| {
        let ok = matches!(spans[i].outcome, Outcome::Ok(_));
        ok && spans[i].completed.is_some_and(|end| end < spans[j].invoked)
    };
    (
        move |i: usize, j: usize| spans[i].process == spans[j].process && ended(i, j),
        ended,
    )
}

/// Whether snapshot isolation allows a history.
pub(super) fn snapshot_allows(history: &History<Txn>, lists: bool) -> bool {
    snapshot(&smalls(history), lists, &|_, _| false)
}

/// Whether read committed does.
pub(super) fn read_committed_allows(history: &History<Txn>, lists: bool) -> bool {
    read_committed(&smalls(history), lists)
}

#[test]
fn snapshot_isolation_is_what_some_order_of_beginnings_and_commits_explains() {
    let mut rng = Pcg64Mcg::seed_from_u64(11);
    let (mut illegal, mut missed) = (0u64, 0u64);
    for case in 0..cases(8_000) {
        let lists = case % 3 != 0;
        let history = random(&mut rng, lists);
        let (judgement, txns) = (judged(&history), smalls(&history));
        let (session, real) = orders_of(&history);
        let levels: [(Level, Before<'_>); 3] = [
            (Level::SnapshotIsolation, &|_, _| false),
            (Level::StrongSessionSnapshotIsolation, &session),
            (Level::StrongSnapshotIsolation, &real),
        ];
        for (level, before) in levels {
            let legal = snapshot(&txns, lists, before);
            let accused = violates(&judgement, level);
            let told = || {
                format!(
                    "case {case}, {level}: \n{}{:#?}",
                    shown(&history),
                    judgement.found
                )
            };
            assert!(!(legal && accused), "accused: {}", told());
            illegal += u64::from(!legal);
            missed += u64::from(!legal && !accused);
            let complete = lists && !open_ends(&txns);
            assert!(legal || accused || !complete, "missed: {}", told());
        }
    }
    assert!(illegal > cases(8_000) / 10, "{illegal} illegal: too easy");
    assert!(missed * 20 < illegal, "{missed} of {illegal} missed");
}

#[test]
fn read_committed_is_what_some_orders_of_blocks_explain() {
    let mut rng = Pcg64Mcg::seed_from_u64(12);
    let mut illegal = 0;
    for case in 0..cases(8_000) {
        let lists = case % 2 == 0;
        let history = random(&mut rng, lists);
        let judgement = judged(&history);
        let legal = read_committed_allows(&history, lists);
        illegal += u64::from(!legal);
        assert_eq!(
            !violates(&judgement, Level::ReadCommitted),
            legal,
            "case {case}: \n{}{:#?}",
            shown(&history),
            judgement.found
        );
    }
    assert!(illegal > cases(8_000) / 20, "{illegal} illegal: too easy");
}

#[test]
fn read_uncommitted_is_what_one_order_of_appends_explains() {
    let mut rng = Pcg64Mcg::seed_from_u64(13);
    let (mut illegal, mut said) = (0u64, 0u64);
    for case in 0..cases(8_000) {
        let history = random(&mut rng, true);
        let judgement = judged(&history);
        let Some(legal) = read_uncommitted(&history, &smalls(&history)) else {
            continue;
        };
        said += 1;
        illegal += u64::from(!legal);
        assert_eq!(
            !violates(&judgement, Level::ReadUncommitted),
            legal,
            "case {case}: \n{}{:#?}",
            shown(&history),
            judgement.found
        );
    }
    assert!(
        said > cases(8_000) / 2 && illegal > said / 50,
        "{illegal} of {said} illegal: too easy"
    );
}

#[test]
fn repeatable_read_of_items_is_serializability() {
    let mut rng = Pcg64Mcg::seed_from_u64(14);
    for case in 0..cases(8_000) {
        let judgement = judged(&random(&mut rng, case % 2 == 0));
        let [items, all] =
            [Level::RepeatableRead, Level::Serializable].map(|l| violates(&judgement, l));
        assert_eq!(items, all, "case {case}: {:#?}", judgement.found);
    }
}
