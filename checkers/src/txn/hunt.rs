//! The hunt for the shortest cycle of one class in one component.
//!
//! Breadth first search from the end of each edge that the class needs back to its start, no longer than the best so far.
//! Of closed walks that meet a node twice nothing is reported: they contain a shorter cycle, of the same class or of a
//! weaker one. O(edges²) at worst, and no more than the budget.

use super::{
    CycleKind,
    graph::{Graph, Label},
    scc::components,
};

const ORDERS: [u8; 3] = [
    0,
    Label::Process.bit(),
    Label::Process.bit() | Label::Realtime.bit(),
];
const RW: [u8; 3] = [
    Label::Rw.bit(),
    Label::Rw.bit() | Label::RwSession.bit(),
    Label::Rw.bit() | Label::RwSession.bit() | Label::RwRealtime.bit(),
];
const WW: u8 = Label::Ww.bit();
const WR: u8 = Label::Wr.bit();
/// The graph of walks that never take two rw edges in a row: each node twice, the second time for those who came by one.
#[derive(Clone, Copy)]
struct Alternating<'g> {
    graph: &'g Graph,
    path: u8,
    rw: u8,
}

impl petgraph::visit::GraphBase for Alternating<'_> {
    type NodeId = u32;
    type EdgeId = usize;
}

impl petgraph::visit::GraphRef for Alternating<'_> {}

impl petgraph::visit::NodeIndexable for Alternating<'_> {
    fn node_bound(&self) -> usize {
        2 * self.graph.nodes() as usize
    }
    fn to_index(&self, node: u32) -> usize {
        node as usize
    }
    fn from_index(&self, at: usize) -> u32 {
        at as u32
    }
}

impl<'g> petgraph::visit::IntoNeighbors for Alternating<'g> {
    type Neighbors = AlternatingNeighbors<'g>;
    fn neighbors(self, node: u32) -> AlternatingNeighbors<'g> {
        AlternatingNeighbors {
            of: self,
            came_by_rw: node % 2,
            hub: !self.graph.is_txn(node / 2),
            row: self.graph.row(node / 2),
        }
    }
}

struct AlternatingNeighbors<'g> {
    of: Alternating<'g>,
    came_by_rw: u32,
    hub: bool,
    row: std::ops::Range<usize>,
}

impl Iterator for AlternatingNeighbors<'_> {
    type Item = u32;
    fn next(&mut self) -> Option<u32> {
        for at in self.row.by_ref() {
            let (to, label) = self.of.graph.edge(at);
            if self.hub {
                return Some(2 * to + self.came_by_rw);
            }
            if label.bit() & self.of.path != 0 {
                return Some(2 * to);
            }
            if label.bit() & self.of.rw != 0 && self.came_by_rw == 0 {
                return Some(2 * to + 1);
            }
        }
        None
    }
}

/// Where the ends of an edge stand among the components.
type Ends = fn(u32, u32) -> (usize, usize);

/// The search for one class in one component.
pub(super) struct Hunt<'g> {
    graph: &'g Graph,
    kind: CycleKind,
    /// Labels of the edges that the cycle must begin with.
    start: u8,
    /// Labels that are no anti-dependencies.
    path: u8,
    rw: u8,
    /// Of each state (a node with what the walk did so far) when it was visited, and from which by what.
    stamps: Vec<u32>,
    parents: Vec<(u32, Label)>,
    stamp: u32,
    steps: u64,
    /// Whether the budget was spent before the end.
    pub(super) exhausted: bool,
}

/// States per node.
const STATES: u32 = 4;
/// After an anti-dependency.
const CAME_BY_RW: u32 = 1;
/// What the class needs was done.
const ENOUGH: u32 = 2;

impl<'g> Hunt<'g> {
    pub(super) fn new(graph: &'g Graph, kind: CycleKind, tier: usize, steps: u64) -> Self {
        let (order, rw) = (ORDERS[tier], RW[tier]);
        let (start, path) = match kind {
            CycleKind::G0 => (WW, WW | order),
            CycleKind::G1c => (WR, WW | WR | order),
            _ => (rw, WW | WR | order),
        };
        Self {
            graph,
            kind,
            start,
            path,
            rw,
            stamps: Vec::new(),
            parents: Vec::new(),
            stamp: 0,
            steps,
            exhausted: false,
        }
    }

    /// The edges worth beginning with: whose end may lead back to their start.
    fn starts(&self) -> Vec<(u32, u32, Label)> {
        let alternating = Alternating {
            graph: self.graph,
            path: self.path,
            rw: self.rw,
        };
        let (component, index): (Vec<u32>, Ends) = match self.kind {
            CycleKind::G0 | CycleKind::G1c => {
                let (component, _) = components(self.graph.with(self.path));
                (component, |a, b| (a as usize, b as usize))
            }
            CycleKind::GSingle | CycleKind::GNonadjacent => {
                let (component, _) = components(alternating);
                (component, |a, b| (2 * a as usize, 2 * b as usize + 1))
            }
            CycleKind::G2Item => {
                let (component, _) = components(self.graph.with(self.path | self.rw));
                (component, |a, b| (a as usize, b as usize))
            }
        };
        let mut starts = Vec::new();
        for from in (0..self.graph.nodes()).filter(|node| self.graph.is_txn(*node)) {
            for (to, label) in self.graph.from(from) {
                let (a, b) = index(from, to);
                if label.bit() & self.start != 0 && component[a] == component[b] {
                    starts.push((from, to, label));
                }
            }
        }
        starts
    }

    /// The shortest cycle, as far as the budget lasts.
    pub(super) fn run(&mut self) -> Option<Vec<(u32, u32, Label)>> {
        let starts = self.starts();
        if starts.is_empty() {
            return None;
        }
        let size = (self.graph.nodes() * STATES) as usize;
        self.stamps = vec![0; size];
        self.parents = vec![(0, Label::Ww); size];
        // Without anti-dependencies a walk only goes down in this order.
        let rank = match self.kind {
            CycleKind::GSingle => components(self.graph.with(self.path)).0,
            _ => Vec::new(),
        };
        let mut best: Option<Vec<(u32, u32, Label)>> = None;
        for start in starts {
            let shorter_than = best.as_ref().map_or(usize::MAX, Vec::len);
            if shorter_than <= 2 {
                break;
            }
            if let Some(cycle) = self.back(start, shorter_than, &rank) {
                best = Some(cycle);
            }
            if self.exhausted {
                break;
            }
        }
        best
    }

    /// What the walk has done after an edge; `None` where it may not take it.
    fn step(&self, state: u32, label: Label) -> Option<u32> {
        let (path, rw) = (label.bit() & self.path != 0, label.bit() & self.rw != 0);
        match self.kind {
            CycleKind::G0 | CycleKind::G1c | CycleKind::GSingle => path.then_some(ENOUGH),
            CycleKind::GNonadjacent if path => Some(state & ENOUGH),
            CycleKind::GNonadjacent => {
                (rw && state & CAME_BY_RW == 0).then_some(ENOUGH | CAME_BY_RW)
            }
            // The second edge must be an anti-dependency, like the first; then anything goes.
            CycleKind::G2Item => (rw || path && state & ENOUGH != 0).then_some(ENOUGH),
        }
    }

    fn enough(&self, state: u32) -> bool {
        match self.kind {
            CycleKind::G0 | CycleKind::G1c | CycleKind::GSingle => true,
            CycleKind::GNonadjacent => state == ENOUGH,
            CycleKind::G2Item => state & ENOUGH != 0,
        }
    }

    /// The shortest way back from the end of an edge to its start.
    fn back(
        &mut self,
        (home, first, label): (u32, u32, Label),
        shorter_than: usize,
        rank: &[u32],
    ) -> Option<Vec<(u32, u32, Label)>> {
        self.stamp += 1;
        let state = match self.kind {
            CycleKind::GNonadjacent => CAME_BY_RW,
            _ => 0,
        };
        let begin = first * STATES + state;
        self.stamps[begin as usize] = self.stamp;
        self.parents[begin as usize] = (begin, label);
        let (mut now, mut next) = (vec![begin], Vec::new());
        let mut length = usize::from(self.graph.is_txn(first));
        while !now.is_empty() && length + 1 < shorter_than {
            // Hubs join the round in which they are found: a way through them counts as one edge.
            while let Some(at) = now.pop() {
                let (node, state) = (at / STATES, at % STATES);
                let hub = !self.graph.is_txn(node);
                for edge in self.graph.row(node) {
                    let (to, label) = self.graph.edge(edge);
                    let after = if hub {
                        Some(state)
                    } else {
                        self.step(state, label)
                    };
                    let Some(after) = after else { continue };
                    self.steps = self.steps.saturating_sub(1);
                    let place = to * STATES + after;
                    if self.stamps[place as usize] == self.stamp {
                        continue;
                    }
                    let txn = self.graph.is_txn(to);
                    if txn && !rank.is_empty() && rank[to as usize] < rank[home as usize] {
                        continue;
                    }
                    if to == home && !self.enough(after) {
                        continue;
                    }
                    self.stamps[place as usize] = self.stamp;
                    self.parents[place as usize] = (at, label);
                    if to == home {
                        return self.walk(home, begin, place);
                    }
                    if txn { &mut next } else { &mut now }.push(place);
                }
                if self.steps == 0 {
                    self.exhausted = true;
                    return None;
                }
            }
            std::mem::swap(&mut now, &mut next);
            length += 1;
        }
        None
    }

    /// The cycle that ends in a state, from transaction to transaction. `None` if it meets one twice.
    fn walk(&self, home: u32, begin: u32, end: u32) -> Option<Vec<(u32, u32, Label)>> {
        let mut edges = Vec::new();
        let mut to = end / STATES;
        let mut at = end;
        loop {
            let (before, label) = self.parents[at as usize];
            let from = if at == begin { home } else { before / STATES };
            if self.graph.is_txn(from) {
                edges.push((from, to, label));
                to = from;
            }
            if at == begin {
                break;
            }
            at = before;
        }
        edges.reverse();
        let mut nodes: Vec<u32> = edges.iter().map(|edge| edge.0).collect();
        nodes.sort_unstable();
        nodes.dedup();
        (nodes.len() == edges.len()).then_some(edges)
    }
}
