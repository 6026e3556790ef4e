//! Causal consistency of transactions, with one commit order for all (TCC, causal convergence).
//!
//! *In a commit order that keeps sessions and reads, if T3 reads x of T1, and T2 wrote x and happened before T3, by any
//! chain of sessions and reads, then T2 comes before T1.* (Biswas & Enea 2019. Bouajjani et al., "On verifying causal
//! consistency", POPL 2017, call it causal convergence. Causal memory, where each session may have an order of its own, is
//! another thing: see [`weak`](crate::weak).)
//!
//! Who happened before a transaction is a vector: of each session how far it was seen. Of the writers of x in a session the
//! last one within that is the only one that matters. O(n·k) for n steps in k sessions, times a logarithm for the look-up
//! (Møldrup & Pavlogiannis 2025, section 4); vectors are made for [`WIDTH`] sessions at a time, so that memory is
//! linear. Whatever a vector says already is not said again: few ties are left in a history of a strong store.
//!
//! Of a list all appends were seen that a read shows. A hub per append stands for it and those before it.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Ties, View,
    facts::{Facts, Sight},
};
use crate::txn::incident::NOBODY;

/// How many sessions are looked at in one go.
const WIDTH: usize = 64;
/// How many transactions one task looks at.
const CHUNK: usize = 1 << 14;

/// What happened before what: transactions, then hubs, in an order that keeps it.
pub(super) struct Past<'f> {
    facts: &'f Facts,
    /// Of each list the number of its first hub.
    hubs: Vec<u32>,
    /// Of each hub the transaction that it adds, and whether it begins a list.
    hub: Vec<(u32, bool)>,
    order: Vec<u32>,
}

impl<'f> Past<'f> {
    /// `None` if something happened before itself. O(steps).
    pub(super) fn of(facts: &'f Facts) -> Option<Self> {
        let mut past = Self {
            facts,
            hubs: Vec::with_capacity(facts.lists.len()),
            hub: Vec::new(),
            order: Vec::new(),
        };
        for list in &facts.lists {
            past.hubs.push((facts.len() + past.hub.len()) as u32);
            let owners = list.iter().flatten().enumerate();
            past.hub.extend(owners.map(|(i, (_, txn))| (*txn, i == 0)));
        }
        past.sort().then_some(past)
    }

    fn nodes(&self) -> usize {
        self.facts.len() + self.hub.len()
    }

    /// The i-th thing that came just before a node, where there is one; `Err` after the last.
    fn before(&self, node: u32, i: usize) -> Result<Option<u32>, ()> {
        let Some(hub) = (node as usize).checked_sub(self.facts.len()) else {
            return match i.checked_sub(1) {
                None => Ok(self.facts.previous(node)),
                Some(i) => {
                    let read = *self.facts.reads(node).get(i).ok_or(())?;
                    Ok(match &self.facts.lists[read.key as usize] {
                        None => Some(read.source).filter(|source| *source != NOBODY),
                        Some(_) => {
                            let seen = self.facts.elements(read).len() as u32;
                            seen.checked_sub(1)
                                .map(|last| self.hubs[read.key as usize] + last)
                        }
                    })
                }
            };
        };
        let (txn, first) = self.hub[hub];
        match i {
            0 => Ok(Some(txn)),
            1 => Ok((!first).then(|| node - 1)),
            _ => Err(()),
        }
    }

    /// Depth first, from each node to what came before it, with a stack of its own.
    fn sort(&mut self) -> bool {
        const OPEN: u8 = 1;
        const DONE: u8 = 2;
        let mut state = vec![0u8; self.nodes()];
        let mut order = Vec::with_capacity(self.nodes());
        let mut path: Vec<(u32, usize)> = Vec::new();
        let roots = self.facts.sessions.iter().filter_map(|all| all.last());
        for root in roots {
            if state[*root as usize] == DONE {
                continue;
            }
            state[*root as usize] = OPEN;
            path.push((*root, 0));
            while let Some((node, i)) = path.last_mut() {
                match self.before(*node, *i) {
                    Ok(next) => {
                        *i += 1;
                        let Some(next) = next else { continue };
                        match state[next as usize] {
                            OPEN => return false,
                            DONE => {}
                            _ => {
                                state[next as usize] = OPEN;
                                path.push((next, 0));
                            }
                        }
                    }
                    Err(()) => {
                        state[*node as usize] = DONE;
                        order.push(*node);
                        path.pop();
                    }
                }
            }
        }
        self.order = order;
        true
    }

    /// How far some sessions happened before each node: a row per node.
    fn vectors(&self, sessions: &Range<usize>) -> Vec<u32> {
        let width = sessions.len();
        let mut seen = vec![0u32; self.nodes() * width];
        let mut row = vec![0u32; width];
        for node in &self.order {
            row.fill(0);
            let mut i = 0;
            while let Ok(before) = self.before(*node, i) {
                i += 1;
                let Some(before) = before else { continue };
                let theirs = &seen[before as usize * width..][..width];
                for (mine, theirs) in row.iter_mut().zip(theirs) {
                    *mine = (*mine).max(*theirs);
                }
                if let Some(session) = self.facts.session.get(before as usize)
                    && sessions.contains(&(*session as usize))
                {
                    let mine = &mut row[*session as usize - sessions.start];
                    *mine = (*mine).max(self.facts.place[before as usize]);
                }
            }
            seen[*node as usize * width..][..width].copy_from_slice(&row);
        }
        seen
    }

    /// Finds who happened before a transaction and was not seen by it.
    pub(super) fn find(&self, ties: &mut Ties) {
        let all = self.facts.sessions.len();
        for from in (0..all).step_by(WIDTH) {
            let sessions = from..all.min(from + WIDTH);
            let seen = self.vectors(&sessions);
            let txns: Vec<u32> = (0..self.facts.len() as u32).collect();
            let parts: Vec<Ties> = txns
                .par_chunks(CHUNK)
                .map(|txns| {
                    let mut ties = Ties::default();
                    for txn in txns {
                        self.find_of(*txn, &sessions, &seen, &mut ties);
                    }
                    ties
                })
                .collect();
            parts.into_iter().for_each(|part| ties.append(part));
        }
    }

    fn find_of(&self, reader: u32, sessions: &Range<usize>, seen: &[u32], ties: &mut Ties) {
        let (facts, width) = (self.facts, sessions.len());
        let row = |txn: u32| &seen[txn as usize * width..][..width];
        for read in facts.reads(reader) {
            let runs = facts.runs(read.key);
            let first = runs.partition_point(|run| (run.session as usize) < sessions.start);
            for run in &runs[first..] {
                if !sessions.contains(&(run.session as usize)) {
                    break;
                }
                let column = run.session as usize - sessions.start;
                let Some(writer) = facts.latest(run, row(reader)[column]) else {
                    continue;
                };
                // What the source has seen came before it anyway.
                let known = || {
                    row(read.source)[column] >= facts.place[writer.txn as usize]
                        || facts.in_session(writer.txn, read.source)
                };
                if facts.sight(reader, *read, writer) != Sight::Replaced || !known() {
                    ties.note(facts, View::Causal, reader, *read, writer);
                }
            }
        }
    }
}
