//! A history of some of its transactions alone: the rule by which witnesses shrink.
//!
//! Leaving out transactions makes false violations, if their writes stay in what others read. So those go, too: from a list
//! the elements that only they appended, and with them a read of a register that saw their value. Values that were written
//! more than once go everywhere, or leaving out one of two writers would accuse the other. What nobody wrote stays.
//!
//! **A legal history stays legal** at every level that is about orders (for lists not at monotonic atomic view and read atomic: see
//! below). Take the order that explains it, of transactions, of beginnings and commits,
//! or of the blocks of a key, and strike out the same. A list without the blocks of some writers is what the others made of it,
//! so every read of one still sees what came before. A read of a register that is left saw a write that is left, and none
//! between the two came in. A dependency on a transaction that was left out is taken over by the one before it, to which the
//! dependency had led by way of it. So every set of transactions may go, and what is left of an illegal history and still
//! illegal is a proof on its own. O(steps on the keys concerned).
//!
//! Of a list those two levels ask only whose append a read saw last. Without that one it saw another last, and may have missed
//! something else of that: it had seen it before, too, but nobody had asked.

use std::collections::{BTreeMap, BTreeSet};

use history::{Event, History, Index, Moment, Outcome, Seen, Txn, TxnCall, TxnReturn, TxnStep};

use super::table::{Table, What};

/// The history of those transactions whose invocations have these indices, with nothing of what the others wrote.
pub fn project(history: &History<Txn>, onto: &[Index]) -> History<Txn> {
    let table = Table::new(history);
    let keep: BTreeSet<Index> = onto.iter().copied().collect();
    let kept = |txn: &u32| keep.contains(&table.span(*txn).invoked);
    let keep: Vec<u32> = (0..table.len() as u32).filter(kept).collect();
    self::onto(&table, &keep)
}

/// The same for transactions by number, in order.
pub(super) fn onto(table: &Table<'_>, keep: &[u32]) -> History<Txn> {
    let writers = Writers::of(table, keep);
    let mut events: Vec<Event<Txn>> = Vec::new();
    for txn in keep {
        let span = table.span(*txn);
        let (call, ret) = writers.strike(table, *txn);
        let mut event = |index, time, moment| {
            events.push(Event {
                index,
                time,
                process: span.process,
                node: span.node,
                moment,
            });
        };
        event(span.invoked, span.start, Moment::Invoke(call));
        if let (Some(index), Some(time)) = (span.completed, span.end) {
            let outcome = match &span.outcome {
                Outcome::Ok(_) => Outcome::Ok(ret),
                Outcome::Fail(reason) => Outcome::Fail(reason.clone()),
                Outcome::Info(reason) => Outcome::Info(reason.clone()),
            };
            event(index, time, Moment::Complete(outcome));
        }
    }
    events.sort_by_key(|event| event.index);
    History::new(table.history.nodes().clone(), events).expect("a part of a history is one")
}

/// Who wrote what to the keys that are concerned.
struct Writers(BTreeMap<(u32, i64), Writer>);

/// Who wrote a value.
#[derive(Clone, Copy, PartialEq)]
enum Writer {
    Kept,
    LeftOut,
    Several,
}

impl Writers {
    fn of(table: &Table<'_>, keep: &[u32]) -> Self {
        let steps = keep.iter().flat_map(|txn| table.steps(*txn));
        let keys: BTreeSet<u32> = steps.map(|(_, step)| step.key).collect();
        let mut writers = BTreeMap::new();
        for key in keys {
            for access in table.accesses(key) {
                let What::Write(value) = table.step(access.step).what else {
                    continue;
                };
                let writer = match keep.binary_search(&access.txn) {
                    Ok(_) => Writer::Kept,
                    Err(_) => Writer::LeftOut,
                };
                writers
                    .entry((key, value))
                    .and_modify(|writer| *writer = Writer::Several)
                    .or_insert(writer);
            }
        }
        Self(writers)
    }

    /// What is left of a transaction.
    fn strike(&self, table: &Table<'_>, txn: u32) -> (TxnCall, TxnReturn) {
        let stays = |key, value| {
            let writer = self.0.get(&(key, value));
            writer.is_none_or(|writer| *writer == Writer::Kept)
        };
        let mut steps: Vec<TxnStep> = Vec::new();
        let mut lists: Vec<Option<Vec<i64>>> = Vec::new();
        let mut reads: Vec<Seen<'_>> = Vec::new();
        for ((_, step), asked) in table.steps(txn).zip(&table.span(txn).call.0) {
            match step.what {
                What::Write(value) if self.0.get(&(step.key, value)) == Some(&Writer::Several) => {
                    continue;
                }
                What::Read(Seen::Value(value)) if !stays(step.key, value) => continue,
                What::Read(Seen::List(list)) => {
                    let left = list.iter().copied().filter(|v| stays(step.key, *v));
                    lists.push(Some(left.collect()));
                    reads.push(Seen::Nothing);
                }
                What::Read(seen) => {
                    lists.push(None);
                    reads.push(seen);
                }
                What::Write(_) | What::Unread => {}
            }
            steps.push(asked.clone());
        }
        let seen = reads.iter().zip(&lists).map(|(seen, list)| match list {
            Some(list) => Seen::List(list),
            None => *seen,
        });
        (TxnCall(steps.into()), TxnReturn::new(seen))
    }
}
