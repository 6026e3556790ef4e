//! Whether each session can have an order of its own: of all writes and of its own reads, in which each of these sees the last
//! write before it. Shared by PRAM and causal consistency, which differ in what the order must keep.
//!
//! The order grows until nothing is left to add: if a write of a key must come before a read of the session, it must come
//! before the write that was read, too. If that ends without a cycle, and without a write before a read of what was there
//! first, there is such an order (Bouajjani et al., "On verifying causal consistency", POPL 2017, theorem 5, for causal memory). Who comes
//! before whom is a vector per op, so that of each session only the latest write counts. O(rounds · n · k) for each of k
//! sessions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rayon::prelude::*;

use super::ops::{FIRST, Known};

/// What an order must keep besides the sessions' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Whom the session itself read from.
    OwnReads,
    /// Who read from whom.
    AllReads,
}

/// The writes of a key, by session, with their places.
type Writes = BTreeMap<u32, Vec<(u32, Vec<(u32, u32)>)>>;

/// Of sessions that have no order: the ops that say so.
pub(super) fn find(known: &Known<'_>, keeps: Keeps) -> Vec<Vec<u32>> {
    let mut writes: Writes = BTreeMap::new();
    for (session, ops) in known.sessions.iter().enumerate() {
        for op in ops.iter().filter(|op| known.is_write(**op)) {
            let runs = writes.entry(known.key(*op)).or_default();
            if runs.last().is_none_or(|run| run.0 != session as u32) {
                runs.push((session as u32, Vec::new()));
            }
            let run = runs.last_mut().expect("there is one now");
            run.1.push((known.place[*op as usize], *op));
        }
    }
    let sessions: Vec<u32> = (0..known.sessions.len() as u32).collect();
    let found = sessions.par_iter().filter_map(|session| {
        let order = Order {
            known,
            writes: &writes,
            keeps,
            session: *session,
            added: BTreeMap::new(),
            round: 0,
        };
        order.contradiction()
    });
    found.collect()
}

/// A write that must come before another.
#[derive(Debug, Clone, Copy)]
struct Added {
    from: u32,
    /// The read that says so,
    reader: u32,
    /// by what was known before this round.
    round: u32,
}

/// The order of one session, as far as it must be.
struct Order<'a> {
    known: &'a Known<'a>,
    writes: &'a Writes,
    keeps: Keeps,
    session: u32,
    /// Of each write those that must come before it.
    added: BTreeMap<u32, Vec<Added>>,
    /// How often it grew.
    round: u32,
}

impl Order<'_> {
    /// What must come just before an op, by what was known before a round.
    fn before(&self, op: u32, round: u32) -> impl Iterator<Item = u32> {
        let known = self.known;
        let own = known.ops[op as usize].session;
        let place = known.place[op as usize] as usize;
        let previous = place
            .checked_sub(2)
            .map(|at| known.sessions[own as usize][at]);
        let counts = self.keeps == Keeps::AllReads || own == self.session;
        let source = known.read(op).filter(|source| counts && *source != FIRST);
        let added = self.added.get(&op).into_iter().flatten();
        let added = added.filter(move |added| added.round < round);
        previous
            .into_iter()
            .chain(source)
            .chain(added.map(|added| added.from))
    }

    fn contradiction(mut self) -> Option<Vec<u32>> {
        loop {
            let order = match self.sorted() {
                Ok(order) => order,
                Err(cycle) => return Some(self.explained(cycle)),
            };
            match self.grow(&self.vectors(&order)) {
                Err((writer, reader)) => {
                    let mut way = self.way(writer, reader, self.round);
                    way.push(writer);
                    return Some(self.explained(way));
                }
                Ok(more) if more.is_empty() => return None,
                Ok(more) => {
                    for (to, added) in more {
                        self.added.entry(to).or_default().push(added);
                    }
                    self.round += 1;
                }
            }
        }
    }

    /// All ops in an order, or a cycle.
    fn sorted(&self) -> Result<Vec<u32>, Vec<u32>> {
        const OPEN: u8 = 1;
        const DONE: u8 = 2;
        let n = self.known.ops.len();
        let mut state = vec![0u8; n];
        let mut order = Vec::with_capacity(n);
        for root in 0..n as u32 {
            if state[root as usize] == DONE {
                continue;
            }
            state[root as usize] = OPEN;
            let mut path = vec![(root, self.before(root, self.round))];
            while let Some((op, before)) = path.last_mut() {
                match before.next() {
                    Some(next) if state[next as usize] == OPEN => {
                        let cycle = path.iter().map(|(op, _)| *op);
                        return Err(cycle.skip_while(|op| *op != next).collect());
                    }
                    Some(next) if state[next as usize] == DONE => {}
                    Some(next) => {
                        state[next as usize] = OPEN;
                        path.push((next, self.before(next, self.round)));
                    }
                    None => {
                        state[*op as usize] = DONE;
                        order.push(*op);
                        path.pop();
                    }
                }
            }
        }
        Ok(order)
    }

    /// Of each op how far each session comes before it.
    fn vectors(&self, order: &[u32]) -> Vec<u32> {
        let width = self.known.sessions.len();
        let mut seen = vec![0u32; self.known.ops.len() * width];
        let mut row = vec![0u32; width];
        for op in order {
            row.fill(0);
            for before in self.before(*op, self.round) {
                let theirs = &seen[before as usize * width..][..width];
                for (mine, theirs) in row.iter_mut().zip(theirs) {
                    *mine = (*mine).max(*theirs);
                }
                let mine = &mut row[self.known.ops[before as usize].session as usize];
                *mine = (*mine).max(self.known.place[before as usize]);
            }
            seen[*op as usize * width..][..width].copy_from_slice(&row);
        }
        seen
    }

    /// What must be added, each with the write that it must come before. Or a write, and a read that must see it and saw
    /// what was there first.
    fn grow(&self, seen: &[u32]) -> Result<Vec<(u32, Added)>, (u32, u32)> {
        let known = self.known;
        let width = known.sessions.len();
        let row = |op: u32| &seen[op as usize * width..][..width];
        let mut more = Vec::new();
        for reader in &known.sessions[self.session as usize] {
            let Some(source) = known.read(*reader) else {
                continue;
            };
            for (session, run) in self.writes.get(&known.key(*reader)).into_iter().flatten() {
                let upto = row(*reader)[*session as usize];
                let until = run.partition_point(|(place, _)| *place <= upto);
                let Some((place, writer)) = until.checked_sub(1).map(|at| run[at]) else {
                    continue;
                };
                if source == FIRST {
                    return Err((writer, *reader));
                }
                if writer != source && row(source)[*session as usize] < place {
                    let added = Added {
                        from: writer,
                        reader: *reader,
                        round: self.round,
                    };
                    more.push((source, added));
                }
            }
        }
        Ok(more)
    }

    /// The shortest way from one op to another, without the first, by what was known before a round.
    fn way(&self, from: u32, to: u32, round: u32) -> Vec<u32> {
        let mut next: BTreeMap<u32, u32> = BTreeMap::new();
        let mut queue = VecDeque::from([to]);
        while let Some(op) = queue.pop_front() {
            if op == from {
                break;
            }
            for before in self.before(op, round) {
                if before != to && !next.contains_key(&before) {
                    next.insert(before, op);
                    queue.push_back(before);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = from;
        while at != to {
            at = next[&at];
            way.push(at);
        }
        way
    }

    /// Some ops, and all that say why what was added among them is there.
    fn explained(&self, ops: Vec<u32>) -> Vec<u32> {
        let mut all: BTreeSet<u32> = BTreeSet::new();
        let mut told: BTreeSet<(u32, u32)> = BTreeSet::new();
        let mut todo = ops;
        while !todo.is_empty() {
            while let Some(op) = todo.pop() {
                if all.insert(op) {
                    todo.extend(self.known.read(op).filter(|source| *source != FIRST));
                }
            }
            for to in &all {
                for added in self.added.get(to).into_iter().flatten() {
                    let Added {
                        from,
                        reader,
                        round,
                    } = *added;
                    if all.contains(&from) && told.insert((from, *to)) {
                        todo.push(reader);
                        todo.extend(self.way(from, reader, round));
                    }
                }
            }
        }
        all.into_iter().collect()
    }
}
