//! The search for an order of beginnings and commits.

use super::{Does, Small, Store, put};

/// A search for an order of beginnings and commits.
struct Snapshots<'a> {
    txns: &'a [Option<Small>],
    lists: bool,
    before: &'a dyn Fn(usize, usize) -> bool,
}

impl Snapshots<'_> {
    /// Whether the rest can be ordered. `began` has the versions of the keys that each open transaction began with.
    fn explain(
        &self,
        done: u32,
        began: &mut Vec<(usize, [u32; 2])>,
        store: &Store,
        at: [u32; 2],
    ) -> bool {
        let left = |i: &usize| done & 1 << i == 0 && self.txns[*i].is_some();
        let open = |i: usize, began: &[(usize, [u32; 2])]| began.iter().any(|(j, _)| *j == i);
        let needed = |i: usize| self.txns[i].as_ref().is_some_and(|t| t.ok);
        let all: Vec<usize> = (0..self.txns.len()).filter(left).collect();
        if !all.iter().any(|i| needed(*i)) {
            return true;
        }
        for i in &all {
            let txn = self.txns[*i].as_ref().expect("it is left");
            if let Some(place) = began.iter().position(|(j, _)| j == i) {
                let writes = |key: usize| {
                    let wrote = |s: &(usize, Does)| s.0 == key && matches!(s.1, Does::Write(_));
                    txn.steps.iter().any(wrote)
                };
                if (0..2).any(|key| writes(key) && at[key] != began[place].1[key]) {
                    continue;
                }
                let (mut store, mut at) = (store.clone(), at);
                for (key, does) in &txn.steps {
                    if let Does::Write(v) = does {
                        put(&mut store[*key], *v, self.lists);
                        at[*key] += 1;
                    }
                }
                let was = began.remove(place);
                if self.explain(done | 1 << i, began, &store, at) {
                    return true;
                }
                began.insert(place, was);
            } else {
                let early = |j: &usize| needed(*j) && j != i && (self.before)(*j, *i);
                if all.iter().any(early) || open(*i, began) || !reads_fit(txn, store, self.lists) {
                    continue;
                }
                began.push((*i, at));
                if self.explain(done, began, store, at) {
                    return true;
                }
                began.pop();
            }
        }
        false
    }
}

/// Whether a transaction alone on this store sees what it saw.
fn reads_fit(txn: &Small, store: &Store, lists: bool) -> bool {
    let mut store = store.clone();
    txn.steps.iter().all(|(key, does)| match does {
        Does::Write(v) => {
            put(&mut store[*key], *v, lists);
            true
        }
        Does::Read(saw) => store[*key] == *saw,
    })
}

/// Whether some order of beginnings and commits explains them.
pub(super) fn snapshot(
    txns: &[Option<Small>],
    lists: bool,
    before: &dyn Fn(usize, usize) -> bool,
) -> bool {
    let search = Snapshots {
        txns,
        lists,
        before,
    };
    search.explain(0, &mut Vec::new(), &Store::default(), [0; 2])
}
