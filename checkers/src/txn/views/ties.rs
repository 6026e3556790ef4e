//! What has to come before what for a level's sake, and the contradictions in that: the shortest cycle through the graph of
//! transactions with these ties.
//!
//! Two graphs in one. For most levels a cycle of sessions, reads, versions and ties is a contradiction. For prefix
//! consistency an anti-dependency may be taken, too, right after a session or a read: who sees a transaction sees a prefix
//! of the commit order up to it, so that what it does not see committed later. So nodes are there twice, the second time for
//! those who came in such a way.

use petgraph::visit::{GraphBase, GraphRef, IntoNeighbors, NodeIndexable};
use rayon::prelude::*;

use super::{
    Link, View,
    facts::{Facts, Read, Sight, Writer},
};
use crate::txn::{
    graph::{Graph, Label},
    incident::NOBODY,
    scc::components,
};

/// A transaction must come before another, for a reader saw it (by a level's rule), and read a key of the other that it wrote,
/// too. Without the other, what was read is older for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::txn) struct Tie {
    pub(in crate::txn) from: u32,
    /// [`NOBODY`] if there is no other.
    pub(in crate::txn) to: u32,
    pub(in crate::txn) key: u32,
    pub(in crate::txn) why: View,
    pub(in crate::txn) reader: u32,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Ties {
    pub(super) ties: Vec<Tie>,
    pub(super) missed: Vec<Tie>,
}

/// Things that belong to transactions, sorted by them.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    all: Vec<T>,
    /// Where those of each transaction begin.
    starts: Vec<u32>,
}

impl<T> Sorted<T> {
    /// `all` is sorted by whose they are.
    pub(super) fn new(all: Vec<T>, txns: usize, whose: impl Fn(&T) -> u32) -> Self {
        let mut starts = vec![0u32; txns + 1];
        for thing in &all {
            starts[whose(thing) as usize + 1] += 1;
        }
        for txn in 0..txns {
            starts[txn + 1] += starts[txn];
        }
        Self { all, starts }
    }

    /// Those of a transaction, by their positions; of a hub none.
    pub(super) fn of(&self, txn: u32) -> std::ops::Range<usize> {
        let at = |i: usize| self.starts.get(i).map_or(self.all.len(), |at| *at as usize);
        at(txn as usize)..at(txn as usize + 1)
    }

    pub(super) fn get(&self, at: usize) -> &T {
        &self.all[at]
    }
}

impl Ties {
    /// The reader ought to see the writer of what it read.
    pub(super) fn note(
        &mut self,
        facts: &Facts,
        why: View,
        reader: u32,
        read: Read,
        writer: Writer,
    ) {
        let tie = Tie {
            from: writer.txn,
            to: read.source,
            reader,
            key: read.key,
            why,
        };
        match facts.sight(reader, read, writer) {
            Sight::Fine => {}
            Sight::Missed => self.missed.push(Tie { to: NOBODY, ..tie }),
            Sight::Replaced => self.ties.push(tie),
        }
    }

    /// The ties by who comes first, each once.
    pub(super) fn sorted(&self, txns: usize) -> Sorted<Tie> {
        let mut ties = self.ties.clone();
        ties.par_sort_unstable();
        ties.dedup_by_key(|tie| (tie.from, tie.to, tie.key, tie.why));
        Sorted::new(ties, txns, |tie| tie.from)
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.ties.append(&mut other.ties);
        self.missed.append(&mut other.missed);
    }
}

/// A read of a version that another transaction replaced, as a tie or a session says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newer {
    pub(super) reader: u32,
    pub(super) writer: u32,
    pub(super) key: u32,
    pub(super) source: u32,
    /// What tie says so; if none, their session.
    pub(super) tie: Option<u32>,
}

/// The graph of one level.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) graph: &'a Graph,
    /// By who comes first.
    pub(super) ties: &'a Sorted<Tie>,
    /// By reader.
    pub(super) newer: &'a Sorted<Newer>,
    /// Whether sessions count.
    pub(super) sessions: bool,
    /// Whose ties count, as bits.
    pub(super) whys: u8,
    /// Whether anti-dependencies count.
    pub(super) snapshots: bool,
}

/// A step of a walk.
#[derive(Debug, Clone, Copy)]
enum Step {
    Edge(Label),
    Tie(u32),
    Newer(u32),
}

/// Where one gets from a state.
struct Steps<'a> {
    layer: &'a Layer<'a>,
    state: u32,
    edges: std::ops::Range<usize>,
    ties: std::ops::Range<usize>,
    newer: std::ops::Range<usize>,
}

impl Iterator for Steps<'_> {
    type Item = (u32, Step);

    fn next(&mut self) -> Option<(u32, Step)> {
        let (layer, node) = (self.layer, self.state / 2);
        let saw = u32::from(layer.snapshots);
        let may_miss = layer.snapshots && (self.state % 2 == 1 || !layer.graph.is_txn(node));
        for at in self.edges.by_ref() {
            let (to, label) = layer.graph.edge(at);
            let state = match label {
                Label::Ww => 2 * to,
                Label::Wr => 2 * to + saw,
                Label::Process if layer.sessions => 2 * to + saw,
                Label::Rw if may_miss => 2 * to,
                _ => continue,
            };
            return Some((state, Step::Edge(label)));
        }
        for at in self.ties.by_ref() {
            let tie = layer.ties.get(at);
            if layer.whys & tie.why.bit() != 0 {
                return Some((2 * tie.to, Step::Tie(at as u32)));
            }
        }
        let at = self.newer.next().filter(|_| may_miss)?;
        Some((2 * layer.newer.get(at).writer, Step::Newer(at as u32)))
    }
}

impl Layer<'_> {
    fn steps(&self, state: u32) -> Steps<'_> {
        let node = state / 2;
        Steps {
            layer: self,
            state,
            edges: self.graph.row(node),
            ties: self.ties.of(node),
            newer: self.newer.of(node),
        }
    }

    /// Whether there is a cycle. O(nodes + edges).
    pub(super) fn is_cyclic(&self) -> bool {
        let (component, count) = components(Searched { layer: self });
        count as usize != component.len()
    }

    /// A short cycle, and in how many other components there are some. Breadth first from each state of each component,
    /// until `budget` steps are used up.
    pub(super) fn cycle(&self, mut budget: u64) -> Option<(Vec<Link>, u64)> {
        let (component, count) = components(Searched { layer: self });
        if count as usize == component.len() {
            return None;
        }
        let mut sizes = vec![0u32; count as usize];
        component.iter().for_each(|c| sizes[*c as usize] += 1);
        let cyclic = sizes.iter().filter(|size| **size > 1).count() as u64;
        let in_cycle = |state: &u32| sizes[component[*state as usize] as usize] > 1;
        let starts = (0..component.len() as u32).filter(in_cycle);
        let mut parents = vec![(NOBODY, Step::Tie(0)); component.len()];
        let mut best: Option<Vec<(u32, Step)>> = None;
        for start in starts {
            let length = best.as_ref().map_or(usize::MAX, Vec::len);
            if budget == 0 && best.is_some() || length <= 2 {
                break;
            }
            let found = self.back_to(start, length, &component, &mut parents, &mut budget);
            best = found.or(best);
        }
        let walk = best.expect("a component of several has a cycle");
        Some((self.links(&walk), cyclic - 1))
    }

    /// The shortest way from a state back to it: each state with the step that leaves it.
    fn back_to(
        &self,
        home: u32,
        shorter_than: usize,
        component: &[u32],
        parents: &mut [(u32, Step)],
        budget: &mut u64,
    ) -> Option<Vec<(u32, Step)>> {
        let mut round = vec![home];
        let mut touched: Vec<u32> = Vec::new();
        let mut found = false;
        let mut length = 0;
        while !round.is_empty() && !found && length + 1 < shorter_than {
            length += 1;
            let mut next = Vec::new();
            'round: for state in &round {
                for (to, step) in self.steps(*state) {
                    *budget = budget.saturating_sub(1);
                    if component[to as usize] != component[home as usize]
                        || parents[to as usize].0 != NOBODY
                    {
                        continue;
                    }
                    parents[to as usize] = (*state, step);
                    touched.push(to);
                    if to == home {
                        found = true;
                        break 'round;
                    }
                    next.push(to);
                }
            }
            round = next;
        }
        let mut walk = Vec::new();
        if found {
            let mut at = home;
            loop {
                let (from, step) = parents[at as usize];
                walk.push((from, step));
                at = from;
                if at == home {
                    break;
                }
            }
            walk.reverse();
        }
        touched
            .iter()
            .for_each(|state| parents[*state as usize].0 = NOBODY);
        found.then_some(walk)
    }

    /// A walk without its hubs.
    fn links(&self, walk: &[(u32, Step)]) -> Vec<Link> {
        let mut links = Vec::new();
        let txn = |i: usize| self.graph.is_txn(walk[i % walk.len()].0 / 2);
        let first = (0..walk.len()).find(|i| txn(*i)).unwrap_or(0);
        for i in (first..first + walk.len()).filter(|i| txn(*i)) {
            let (state, step) = walk[i % walk.len()];
            let end = (i + 1..).find(|j| txn(*j)).expect("one is a transaction");
            let to = walk[end % walk.len()].0 / 2;
            links.push(match step {
                Step::Edge(label) => Link::Edge(state / 2, to, label),
                Step::Tie(at) => Link::Tie(*self.ties.get(at as usize), Vec::new()),
                Step::Newer(at) => {
                    let newer = self.newer.get(at as usize);
                    let tie = newer.tie.map(|at| *self.ties.get(at as usize));
                    Link::Newer {
                        reader: newer.reader,
                        writer: newer.writer,
                        key: newer.key,
                        source: newer.source,
                        tie: tie.map(|tie| (tie, Vec::new())),
                    }
                }
            });
        }
        links
    }
}

/// A layer for petgraph's traits.
#[derive(Clone, Copy)]
struct Searched<'a> {
    layer: &'a Layer<'a>,
}

impl GraphBase for Searched<'_> {
    type NodeId = u32;
    type EdgeId = usize;
}

impl GraphRef for Searched<'_> {}

impl NodeIndexable for Searched<'_> {
    fn node_bound(&self) -> usize {
        2 * self.layer.graph.nodes() as usize
    }
    fn to_index(&self, node: u32) -> usize {
        node as usize
    }
    fn from_index(&self, at: usize) -> u32 {
        at as u32
    }
}

impl<'a> IntoNeighbors for Searched<'a> {
    type Neighbors = Neighbors<'a>;
    fn neighbors(self, state: u32) -> Neighbors<'a> {
        Neighbors(self.layer.steps(state))
    }
}

/// Where one gets from a state, for petgraph.
struct Neighbors<'a>(Steps<'a>);

impl Iterator for Neighbors<'_> {
    type Item = u32;
    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|(to, _)| to)
    }
}
