//! Read atomic in the manner of RAMP (Bailis et al. 2014): every key may be read at an old version, but who has seen one
//! write of a transaction sees no older version of anything else that it wrote. Nobody waits and nobody aborts.

use std::collections::BTreeMap;

use history::Process;
use rand::RngExt;

use super::engine::Engine;
use crate::system::{Progress, Rng, Ticket};

/// Which versions a reader may choose from.
pub(crate) trait Rules {
    /// Whether a version is refused that does not fit to what the transaction has read, by what was written with it.
    fn repairs(&self) -> bool {
        true
    }
}

/// Reads are made atomic by what each version knows of its siblings.
pub(crate) struct Ramp;

impl Rules for Ramp {}

/// How many versions of a key are around.
const KEPT: usize = 3;

#[derive(Default)]
struct Running {
    wrote: Vec<(usize, i64)>,
    /// Of each key that was read how many commits were taken into account.
    seen: BTreeMap<usize, usize>,
    /// Of each key how many must be, by what was seen elsewhere.
    least: BTreeMap<usize, usize>,
}

/// A store whose readers pick versions.
pub(crate) struct ReadAtomic<R> {
    rules: R,
    /// What each transaction wrote, in the order of commits.
    commits: Vec<Vec<(usize, i64)>>,
    running: BTreeMap<Ticket, Running>,
}

impl<R: Rules> ReadAtomic<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            commits: Vec::new(),
            running: BTreeMap::new(),
        }
    }

    /// The versions of a key that a transaction may read, each by how many commits precede it.
    fn choices(&self, txn: &Running, key: usize) -> Vec<usize> {
        let least = txn.least.get(&key).copied().unwrap_or(0);
        let wrote = |at: &usize| self.commits[at - 1].iter().any(|(k, _)| *k == key);
        let fits = |at: &usize| {
            let siblings = self.commits[at - 1].iter();
            let mut read = siblings.filter_map(|(sibling, _)| txn.seen.get(sibling));
            !self.rules.repairs() || *at >= least && read.all(|seen| seen >= at)
        };
        let versions = (1..=self.commits.len()).rev().filter(wrote);
        let mut choices: Vec<usize> = versions.filter(fits).take(KEPT).collect();
        if least == 0 && choices.len() < KEPT {
            choices.push(0);
        }
        choices
    }
}

impl<R: Rules> Engine for ReadAtomic<R> {
    fn begin(&mut self, txn: Ticket, _: Process, _: &mut Rng) {
        self.running.insert(txn, Running::default());
    }

    fn read(&mut self, txn: Ticket, key: usize, rng: &mut Rng) -> Progress<Vec<i64>> {
        let running = &self.running[&txn];
        let at = match running.seen.get(&key) {
            Some(at) => *at,
            None => {
                let choices = self.choices(running, key);
                choices[rng.random_range(0..choices.len())]
            }
        };
        let running = self.running.get_mut(&txn).expect("it is running");
        running.seen.insert(key, at);
        if at > 0 {
            for (sibling, _) in &self.commits[at - 1] {
                let least = running.least.entry(*sibling).or_default();
                *least = at.max(*least);
            }
        }
        let others = self.commits[..at].iter().flatten();
        let log = others.chain(&running.wrote).filter(|(k, _)| *k == key);
        Progress::Done(log.map(|(_, value)| *value).collect())
    }

    fn write(&mut self, txn: Ticket, key: usize, value: i64) -> Progress<()> {
        let running = self.running.get_mut(&txn).expect("it is running");
        running.wrote.push((key, value));
        Progress::Done(())
    }

    fn commit(&mut self, txn: Ticket, _: &mut Rng) -> Progress<()> {
        let running = self.running.remove(&txn).expect("it is running");
        if !running.wrote.is_empty() {
            self.commits.push(running.wrote);
        }
        Progress::Done(())
    }

    fn abort(&mut self, txn: Ticket) {
        self.running.remove(&txn);
    }
}
