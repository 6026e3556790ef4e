//! Many small histories at once: groups of workers, each on one key at a time.
//!
//! Linearizability is local (Herlihy & Wing 1990) and costs most where many calls meet, so workloads spread over keys.
//! A few workers to a key and a bound on the calls to it keep every key's history short enough to be searched.

use history::{Event, Operation};

use super::any::Wait;
use crate::{Context, Generator, Next, Workers};

/// See [`per_key`].
#[derive(Debug, Clone)]
pub struct PerKey<K, F, G> {
    size: usize,
    keys: Option<K>,
    make: F,
    groups: Vec<(Workers, Option<G>)>,
    first: usize,
}

/// Groups of `size` workers; each takes the next key, works through `make(key)`, and takes the next again. What is
/// left over when the workers are divided is a smaller group. Done when the keys are, and every group with its last.
///
/// # Panics
/// If `size` is zero.
pub fn per_key<K, F, G>(size: usize, keys: K, make: F) -> PerKey<K::IntoIter, F, G>
where
    K: IntoIterator,
    F: FnMut(K::Item) -> G,
{
    assert!(size > 0, "a group needs a worker");
    PerKey {
        size,
        keys: Some(keys.into_iter()),
        make,
        groups: Vec::new(),
        first: 0,
    }
}

impl<O, K, F, G> Generator<O> for PerKey<K, F, G>
where
    O: Operation,
    K: Iterator + Send,
    F: FnMut(K::Item) -> G + Send,
    G: Generator<O>,
{
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if self.groups.is_empty() {
            let mut left = cx.workers;
            while !left.is_empty() {
                let group = left.first(self.size);
                left = left.without(&group);
                self.groups.push((group, None));
            }
        }
        let mut wait = Wait::default();
        for turn in 0..self.groups.len() {
            let at = (self.first + turn) % self.groups.len();
            let (workers, current) = &mut self.groups[at];
            let cx = cx.narrow(workers);
            if cx.free.is_empty() {
                wait.busy();
                continue;
            }
            loop {
                if current.is_none() {
                    *current = self
                        .keys
                        .as_mut()
                        .and_then(Iterator::next)
                        .map(&mut self.make);
                    if current.is_none() {
                        self.keys = None;
                        break;
                    }
                }
                match current.next(&cx) {
                    Next::Done => {}
                    found @ (Next::Call(..) | Next::Log(_)) => {
                        self.first = at + 1;
                        return found;
                    }
                    other => {
                        wait.add(&other);
                        break;
                    }
                }
            }
        }
        wait.answer()
    }

    fn update(&mut self, cx: &Context, event: &Event<O>) {
        let worker = cx.worker(event.process);
        for (workers, current) in &mut self.groups {
            if workers.contains(worker) {
                current.update(&cx.narrow(workers), event);
            }
        }
    }
}
