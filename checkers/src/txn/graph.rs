//! The graph of transactions, in compressed rows: four bytes and a label per edge.
//!
//! Nodes are transactions first, by number; then hubs, which stand for many edges at once (see `incident` and `order`).
//! The label of a path through hubs is that of its first edge. [`Edges`] shows the part with some labels to petgraph's
//! algorithms.

use petgraph::visit::{
    GraphBase, GraphRef, IntoNeighbors, IntoNodeIdentifiers, NodeCount, NodeIndexable, VisitMap,
    Visitable,
};

use crate::Dependency;

/// Why one transaction comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Label {
    /// It wrote a version, and the other a later one.
    Ww,
    /// It wrote what the other read.
    Wr,
    /// It read a version that the other replaced.
    Rw,
    /// The same, and the order of versions follows from that of a session.
    RwSession,
    /// The same, and the order of versions follows from real time.
    RwRealtime,
    /// It came before in the same process.
    Process,
    /// It ended before the other began.
    Realtime,
}

impl Label {
    /// The label as a set of one.
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// What it says, apart from how the order of versions is known.
    pub fn dependency(self) -> Dependency {
        match self {
            Self::Ww => Dependency::Ww,
            Self::Wr => Dependency::Wr,
            Self::Rw | Self::RwSession | Self::RwRealtime => Dependency::Rw,
            Self::Process => Dependency::So,
            Self::Realtime => Dependency::Rt,
        }
    }

    /// Whether it says that what was read was replaced.
    pub fn is_rw(self) -> bool {
        matches!(self, Self::Rw | Self::RwSession | Self::RwRealtime)
    }
}

/// An edge before it is sorted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) label: Label,
}

/// A graph that does not change.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// How many of the nodes are transactions; they come first.
    txns: u32,
    rows: Vec<u32>,
    targets: Vec<u32>,
    labels: Vec<Label>,
}

impl Graph {
    /// From edges, of which those that `keep` refuses are left out. O(nodes + edges).
    pub(super) fn new<'a, I>(txns: u32, nodes: u32, edges: I, keep: impl Fn(&Edge) -> bool) -> Self
    where
        I: Iterator<Item = &'a Edge> + Clone,
    {
        let mut rows = vec![0u32; nodes as usize + 1];
        for edge in edges.clone().filter(|edge| keep(edge)) {
            rows[edge.from as usize + 1] += 1;
        }
        for i in 1..rows.len() {
            rows[i] += rows[i - 1];
        }
        let size = rows[nodes as usize] as usize;
        let (mut targets, mut labels) = (vec![0; size], vec![Label::Ww; size]);
        let mut next = rows.clone();
        for edge in edges.filter(|edge| keep(edge)) {
            let at = &mut next[edge.from as usize];
            targets[*at as usize] = edge.to;
            labels[*at as usize] = edge.label;
            *at += 1;
        }
        Self {
            txns,
            rows,
            targets,
            labels,
        }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.rows.len().saturating_sub(1) as u32
    }

    /// How many edges there are.
    pub fn edges(&self) -> usize {
        self.targets.len()
    }

    /// Whether a node is a transaction.
    pub fn is_txn(&self, node: u32) -> bool {
        node < self.txns
    }

    /// The positions of the edges that leave a node.
    pub(super) fn row(&self, node: u32) -> std::ops::Range<usize> {
        self.rows[node as usize] as usize..self.rows[node as usize + 1] as usize
    }

    /// An edge's target and label.
    pub(super) fn edge(&self, at: usize) -> (u32, Label) {
        (self.targets[at], self.labels[at])
    }

    /// The edges that leave a node.
    pub fn from(&self, node: u32) -> impl Iterator<Item = (u32, Label)> {
        self.row(node).map(|at| self.edge(at))
    }

    /// The part of the graph whose labels are in a set of [`Label::bit`]s.
    pub fn with(&self, mask: u8) -> Edges<'_> {
        Edges { graph: self, mask }
    }
}

/// A graph with only the edges of some labels.
#[derive(Debug, Clone, Copy)]
pub struct Edges<'g> {
    pub(super) graph: &'g Graph,
    pub(super) mask: u8,
}

impl GraphBase for Edges<'_> {
    type NodeId = u32;
    type EdgeId = usize;
}

impl NodeCount for Edges<'_> {
    fn node_count(&self) -> usize {
        self.graph.nodes() as usize
    }
}

impl NodeIndexable for Edges<'_> {
    fn node_bound(&self) -> usize {
        self.node_count()
    }
    fn to_index(&self, node: u32) -> usize {
        node as usize
    }
    fn from_index(&self, at: usize) -> u32 {
        at as u32
    }
}

impl IntoNodeIdentifiers for Edges<'_> {
    type NodeIdentifiers = std::ops::Range<u32>;
    fn node_identifiers(self) -> Self::NodeIdentifiers {
        0..self.graph.nodes()
    }
}

impl<'g> IntoNeighbors for Edges<'g> {
    type Neighbors = Neighbors<'g>;
    fn neighbors(self, node: u32) -> Neighbors<'g> {
        Neighbors {
            edges: self,
            row: self.graph.row(node),
        }
    }
}

impl GraphRef for Edges<'_> {}

impl Visitable for Edges<'_> {
    type Map = Visited;
    fn visit_map(&self) -> Visited {
        Visited(vec![false; self.node_count()])
    }
    fn reset_map(&self, map: &mut Visited) {
        map.0.clear();
        map.0.resize(self.node_count(), false);
    }
}

/// Which nodes were visited, for petgraph's walks.
#[derive(Debug, Clone)]
pub struct Visited(Vec<bool>);

impl VisitMap<u32> for Visited {
    fn visit(&mut self, node: u32) -> bool {
        !std::mem::replace(&mut self.0[node as usize], true)
    }
    fn is_visited(&self, node: &u32) -> bool {
        self.0[*node as usize]
    }
    fn unvisit(&mut self, node: u32) -> bool {
        std::mem::take(&mut self.0[node as usize])
    }
}

/// Where the edges of some labels lead from a node.
#[derive(Debug, Clone)]
pub struct Neighbors<'g> {
    edges: Edges<'g>,
    row: std::ops::Range<usize>,
}

impl Iterator for Neighbors<'_> {
    type Item = u32;
    fn next(&mut self) -> Option<u32> {
        let Edges { graph, mask } = self.edges;
        self.row
            .find(|at| graph.labels[*at].bit() & mask != 0)
            .map(|at| graph.targets[at])
    }
}
