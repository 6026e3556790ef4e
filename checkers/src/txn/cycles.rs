//! The shortest cycle of each class in each strongly connected component.
//!
//! A cycle of transactions is a contradiction: each would have to come before itself. What it is worth depends on its
//! anti-dependencies (rw edges): none (G0, G1c), one (G-single), several of which no two are in a row (G-nonadjacent: what
//! snapshot isolation excludes, Cerone & Gotsman 2018), or two in a row (G2). Each is looked for without other orders, then
//! with those of sessions, then with real time.
//!
//! Breadth first search from the end of each edge that the class needs back to its start, no longer than the best so far.
//! Of closed walks that meet a node twice nothing is reported: they contain a shorter cycle, of the same class or of a
//! weaker one. The decision whether there is a cycle at all takes linear time; the shortest may take as long as the budget
//! lets it, O(edges²) at worst.

use super::{
    Anomaly, CycleKind, Tier,
    graph::{Edge, Graph, Label},
    scc::components,
};

/// A cycle, from transaction to transaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cycle {
    pub(super) anomaly: Anomaly,
    pub(super) edges: Vec<(u32, u32, Label)>,
    /// Whether none in its component is shorter.
    pub(super) shortest: bool,
    /// In how many other components there is one of its class.
    pub(super) more: u64,
}

/// What was found, and what was not looked for to the end.
#[derive(Debug, Default)]
pub(super) struct Cycles {
    pub(super) found: Vec<Cycle>,
    pub(super) undecided: Vec<Anomaly>,
    /// How many components have a cycle.
    pub(super) components: u64,
}

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
const KINDS: [CycleKind; 5] = [
    CycleKind::G0,
    CycleKind::G1c,
    CycleKind::GSingle,
    CycleKind::GNonadjacent,
    CycleKind::G2Item,
];
const TIERS: [Tier; 3] = [Tier::Plain, Tier::Session, Tier::Realtime];

/// Searches the whole graph. `steps` bounds the work of each search in a component.
pub(super) fn search(graph: &Graph, steps: u64) -> Cycles {
    let mut cycles = Cycles::default();
    let (component, count) = components(graph.with(u8::MAX));
    if count == graph.nodes() {
        return cycles;
    }
    let mut sizes = vec![0u32; count as usize];
    component.iter().for_each(|c| sizes[*c as usize] += 1);
    let mut members: Vec<(u32, u32)> = component
        .iter()
        .enumerate()
        .filter(|(_, c)| sizes[**c as usize] > 1)
        .map(|(node, c)| (*c, node as u32))
        .collect();
    members.sort_unstable();
    let mut local = vec![0u32; graph.nodes() as usize];
    for group in members.chunk_by(|a, b| a.0 == b.0) {
        cycles.components += 1;
        let nodes: Vec<u32> = group.iter().map(|(_, node)| *node).collect();
        let part = part(graph, &component, &nodes, &mut local);
        let mut found = Vec::new();
        for (t, tier) in TIERS.into_iter().enumerate() {
            for kind in KINDS {
                let implied = |other: &Cycle| match other.anomaly {
                    Anomaly::Cycle(k, t) => k <= kind && t <= tier,
                    _ => false,
                };
                let always = tier == Tier::Plain && kind <= CycleKind::GSingle;
                if !always && found.iter().any(implied) {
                    continue;
                }
                let mut hunt = Hunt::new(&part, kind, t, steps);
                let best = hunt.run();
                if hunt.exhausted && best.is_none() {
                    cycles.undecided.push(Anomaly::Cycle(kind, tier));
                }
                if let Some(edges) = best {
                    let name = |(a, b, l): &(u32, u32, Label)| {
                        (nodes[*a as usize], nodes[*b as usize], *l)
                    };
                    found.push(Cycle {
                        anomaly: classify(&edges),
                        edges: edges.iter().map(name).collect(),
                        shortest: !hunt.exhausted,
                        more: 0,
                    });
                }
            }
        }
        for cycle in found {
            cycles.add(cycle);
        }
    }
    cycles.undecided.sort_unstable();
    cycles.undecided.dedup();
    cycles
}

impl Cycles {
    fn add(&mut self, cycle: Cycle) {
        let rank = |c: &Cycle| (c.edges.len(), c.edges.iter().map(|e| e.0).max());
        match self.found.iter_mut().find(|c| c.anomaly == cycle.anomaly) {
            None => self.found.push(cycle),
            Some(best) => {
                let more = best.more + 1;
                if rank(&cycle) < rank(best) {
                    *best = cycle;
                }
                best.more = more;
            }
        }
    }
}

/// What a cycle is.
fn classify(edges: &[(u32, u32, Label)]) -> Anomaly {
    let labels = || edges.iter().map(|edge| edge.2);
    let after = labels().cycle().skip(1);
    let adjacent = labels().zip(after).any(|(a, b)| a.is_rw() && b.is_rw());
    let kind = match labels().filter(|label| label.is_rw()).count() {
        0 if labels().any(|label| label == Label::Wr) => CycleKind::G1c,
        0 => CycleKind::G0,
        1 => CycleKind::GSingle,
        _ if adjacent => CycleKind::G2Item,
        _ => CycleKind::GNonadjacent,
    };
    let tier = |label| match label {
        Label::Ww | Label::Wr | Label::Rw => Tier::Plain,
        Label::Process | Label::RwSession => Tier::Session,
        Label::Realtime | Label::RwRealtime => Tier::Realtime,
    };
    Anomaly::Cycle(kind, labels().map(tier).max().unwrap_or(Tier::Plain))
}

/// A component alone. Its nodes keep their order, so that transactions still come first.
fn part(graph: &Graph, component: &[u32], nodes: &[u32], local: &mut [u32]) -> Graph {
    for (i, node) in nodes.iter().enumerate() {
        local[*node as usize] = i as u32;
    }
    let mut edges = Vec::new();
    for node in nodes {
        for (to, label) in graph.from(*node) {
            if component[to as usize] == component[*node as usize] {
                edges.push(Edge {
                    from: local[*node as usize],
                    to: local[to as usize],
                    label,
                });
            }
        }
    }
    let txns = nodes.iter().filter(|node| graph.is_txn(**node)).count();
    Graph::new(txns as u32, nodes.len() as u32, edges.iter(), |_| true)
}

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
struct Hunt<'g> {
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
    exhausted: bool,
}

/// States per node.
const STATES: u32 = 4;
/// After an anti-dependency.
const CAME_BY_RW: u32 = 1;
/// What the class needs was done.
const ENOUGH: u32 = 2;

impl<'g> Hunt<'g> {
    fn new(graph: &'g Graph, kind: CycleKind, tier: usize, steps: u64) -> Self {
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
    fn run(&mut self) -> Option<Vec<(u32, u32, Label)>> {
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
