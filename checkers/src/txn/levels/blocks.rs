//! The search for orders of the blocks that transactions leave in each key.

use history::{History, Outcome, Txn, TxnOp};

use super::{Does, Small, put};
use crate::txn::agreement::Saw;

/// Calls `try_order` with each order of some transactions until it says yes.
pub(in crate::txn) fn orders(
    of: &mut Vec<usize>,
    from: usize,
    try_order: &mut dyn FnMut(&[usize]) -> bool,
) -> bool {
    if from == of.len() {
        return try_order(of);
    }
    (from..of.len()).any(|i| {
        of.swap(from, i);
        let found = orders(of, from + 1, try_order);
        of.swap(from, i);
        found
    })
}

/// What a transaction leaves in a key.
pub(in crate::txn) fn block(txn: &Small, key: usize, lists: bool) -> Saw {
    let mut block = Saw::new();
    for (k, does) in &txn.steps {
        if let (true, Does::Write(v)) = (*k == key, does) {
            put(&mut block, *v, lists);
        }
    }
    block
}

/// The edges of one key for an order of its writers; `None` if some read ends elsewhere than between two blocks.
fn dependencies(
    txns: &[(usize, &Small)],
    key: usize,
    order: &[usize],
    lists: bool,
) -> Option<Vec<(usize, usize)>> {
    let mut edges: Vec<(usize, usize)> = order.windows(2).map(|w| (w[0], w[1])).collect();
    let small = |i: usize| txns.iter().find(|(j, _)| *j == i).expect("it is one").1;
    for (i, txn) in txns {
        let mut own = Saw::new();
        for (_, does) in txn.steps.iter().filter(|(k, _)| *k == key) {
            let saw = match does {
                Does::Write(v) => {
                    put(&mut own, *v, lists);
                    continue;
                }
                Does::Read(saw) if lists => saw.strip_suffix(&own[..])?,
                Does::Read(saw) if own.is_empty() => saw,
                Does::Read(saw) if *saw == own => continue,
                Does::Read(_) => return None,
            };
            let mut list = Saw::new();
            let mut source = None;
            for writer in order {
                if list == saw {
                    break;
                }
                if !lists {
                    list.clear();
                }
                list.extend(block(small(*writer), key, lists));
                source = Some(*writer);
            }
            if list != saw || source == Some(*i) {
                return None;
            }
            // Blocks before the last one are in the order already, but an own block among them is from the future.
            edges.extend(source.map(|writer| (writer, *i)));
        }
    }
    Some(edges)
}

fn acyclic(n: usize, edges: &[(usize, usize)]) -> bool {
    let mut left: Vec<usize> = (0..n).collect();
    while !left.is_empty() {
        let free = |v: &usize| {
            !edges
                .iter()
                .any(|(a, b)| b == v && a != v && left.contains(a))
        };
        let Some(at) = left.iter().position(free) else {
            return false;
        };
        left.remove(at);
    }
    true
}

/// Whether some choice of those that may have committed satisfies a test.
pub(in crate::txn) fn any_commit<'a>(
    txns: &'a [Option<Small>],
    mut test: impl FnMut(&[(usize, &'a Small)]) -> bool,
) -> bool {
    let maybe: Vec<usize> = (0..txns.len())
        .filter(|i| txns[*i].as_ref().is_some_and(|t| !t.ok))
        .collect();
    (0..1u32 << maybe.len()).any(|chosen| {
        let there = |i: &usize| match maybe.iter().position(|m| m == i) {
            Some(at) => chosen & 1 << at != 0,
            None => true,
        };
        let committed = (0..txns.len()).filter(there);
        let committed: Vec<(usize, &Small)> = committed
            .filter_map(|i| Some((i, txns[i].as_ref()?)))
            .collect();
        test(&committed)
    })
}

/// Whether some orders of blocks explain the reads.
pub(super) fn read_committed(txns: &[Option<Small>], lists: bool) -> bool {
    any_commit(txns, |committed| {
        let mut of_key = [Vec::new(), Vec::new()];
        for (key, found) in of_key.iter_mut().enumerate() {
            let wrote = |t: &Small| !block(t, key, lists).is_empty();
            let writers = committed.iter().filter(|(_, t)| wrote(t));
            let mut writers: Vec<usize> = writers.map(|(i, _)| *i).collect();
            orders(&mut writers, 0, &mut |order| {
                found.extend(dependencies(committed, key, order, lists));
                false
            });
        }
        of_key[0].iter().any(|a| {
            of_key[1]
                .iter()
                .any(|b| acyclic(txns.len(), &[&a[..], &b[..]].concat()))
        })
    })
}

/// Whether one order of those that committed explains what reads saw of them; `None` if nothing can be said, because reads
/// contradict each other or show what a failed call appended in the middle.
pub(super) fn read_uncommitted(history: &History<Txn>, txns: &[Option<Small>]) -> Option<bool> {
    let exists = |key: usize, v: i64| {
        let wrote =
            |(k, does): &(usize, Does)| *k == key && matches!(does, Does::Write(w) if *w == v);
        txns.iter().flatten().any(|t| t.steps.iter().any(wrote))
    };
    let failed = |v: i64| {
        let fails = history
            .spans()
            .iter()
            .filter(|s| matches!(s.outcome, Outcome::Fail(_)));
        fails
            .flat_map(|s| &s.call.0)
            .any(|s| s.op == TxnOp::Append(v))
    };
    // A transaction that does not see its own appends is the next level's business.
    let blind = |t: &Small| {
        let mut own = [Saw::new(), Saw::new()];
        t.steps.iter().any(|(key, does)| match does {
            Does::Write(v) => {
                own[*key].push(*v);
                false
            }
            Does::Read(saw) => !saw.ends_with(&own[*key]),
        })
    };
    if txns.iter().flatten().any(blind) {
        return None;
    }
    // Without the reader's own appends, which were not yet anyone else's.
    let reads = |key: usize| {
        let of_txn = move |t: &Small| {
            let mut own = 0;
            let mut bases = Vec::new();
            for (_, does) in t.steps.iter().filter(|(k, _)| *k == key) {
                match does {
                    Does::Write(_) => own += 1,
                    Does::Read(saw) => bases.push(saw[..saw.len() - own].to_vec()),
                }
            }
            bases
        };
        txns.iter().flatten().flat_map(of_txn)
    };
    let twice = |saw: &Saw| saw.iter().enumerate().any(|(i, v)| saw[..i].contains(v));
    let impossible = |t: &Small| {
        (0..t.steps.len()).any(|i| match &t.steps[i] {
            (key, Does::Read(saw)) => {
                let later = t.steps[i..].iter().any(|(k, does)| match does {
                    Does::Write(v) => k == key && saw.contains(v),
                    Does::Read(_) => false,
                });
                later || twice(saw)
            }
            _ => false,
        })
    };
    for key in 0..2 {
        for a in reads(key) {
            if a.iter().any(|v| failed(*v)) {
                return None;
            }
            if reads(key).any(|b| !a.starts_with(&b) && !b.starts_with(&a)) {
                return None;
            }
            if a.iter().any(|v| !exists(key, *v)) {
                return Some(false);
            }
        }
    }
    // What a transaction appended last is never there without what it appended first, were it aborted later or not.
    let torn = |key: usize, t: &Small| {
        let whole = block(t, key, true);
        let own = |mut saw: Saw| {
            saw.retain(|v| whole.contains(v));
            saw
        };
        reads(key).any(|saw| !whole.starts_with(&own(saw)))
    };
    let any_torn = (0..2).any(|key| txns.iter().flatten().any(|t| torn(key, t)));
    if any_torn || txns.iter().flatten().any(impossible) {
        return Some(false);
    }
    // Who may not have committed need not have a place in the order: what others saw of it was dirty, as this level allows.
    Some(any_commit(txns, |committed| {
        let mut all: Vec<usize> = committed.iter().map(|(i, _)| *i).collect();
        let small = |i: usize| txns[i].as_ref().expect("it committed");
        let placed = |v: &i64| {
            let wrote = |t: &Small| {
                t.steps
                    .iter()
                    .any(|s| matches!(s.1, Does::Write(w) if w == *v))
            };
            committed.iter().any(|(_, t)| wrote(t))
        };
        orders(&mut all, 0, &mut |order| {
            (0..2).all(|key| {
                let list: Saw = order
                    .iter()
                    .flat_map(|i| block(small(*i), key, true))
                    .collect();
                reads(key).all(|mut saw| {
                    saw.retain(placed);
                    list.starts_with(&saw)
                })
            })
        })
    }))
}
