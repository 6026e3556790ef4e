//! The shortest cycle of each class in each strongly connected component.
//!
//! A cycle of transactions is a contradiction: each would have to come before itself. What it is worth depends on its
//! anti-dependencies (rw edges): none (G0, G1c), one (G-single), several of which no two are in a row (G-nonadjacent: what
//! snapshot isolation excludes, Cerone & Gotsman 2018), or two in a row (G2). Each is looked for without other orders, then
//! with those of sessions, then with real time.
//!
//! The decision whether there is a cycle at all takes linear time; the shortest of a class is a [`Hunt`], which may take as
//! long as the budget lets it.

use super::{
    Anomaly, CycleKind, Tier,
    graph::{Edge, Graph, Label},
    hunt::Hunt,
    scc::components,
};

/// A cycle, from transaction to transaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cycle {
    pub(super) anomaly: Anomaly,
    pub(super) edges: Vec<(u32, u32, Label)>,
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

const KINDS: [CycleKind; 5] = [
    CycleKind::G0,
    CycleKind::G1c,
    CycleKind::GSingle,
    CycleKind::GNonadjacent,
    CycleKind::G2Item,
];
const TIERS: [Tier; 3] = [Tier::Plain, Tier::Session, Tier::Realtime];

/// Searches the whole graph. `steps` bounds the work of each search in a component, `certain` says of a transaction whether
/// it was answered that it committed.
pub(super) fn search(graph: &Graph, steps: u64, certain: impl Fn(u32) -> bool) -> Cycles {
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
                    let edges: Vec<(u32, u32, Label)> = edges.iter().map(name).collect();
                    if found.iter().any(|other: &Cycle| other.edges == edges) {
                        continue;
                    }
                    found.push(Cycle {
                        anomaly: classify(&edges, &certain),
                        edges,
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
///
/// That a transaction of unknown outcome committed is known from who saw it. If it did not, that was an aborted read; so a G0
/// through one that is not `certain` is either, and what excludes both is what excludes G1c.
pub(super) fn classify(edges: &[(u32, u32, Label)], certain: impl Fn(u32) -> bool) -> Anomaly {
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
    let doubtful = || edges.iter().any(|(txn, ..)| !certain(*txn));
    match (kind, labels().map(tier).max().unwrap_or(Tier::Plain)) {
        (CycleKind::G0, Tier::Plain) if doubtful() => Anomaly::Cycle(CycleKind::G1c, Tier::Plain),
        (kind, tier) => Anomaly::Cycle(kind, tier),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a search finds in a ring of transactions, each before the next by one label, on a stack of 256 KiB.
    fn ring(n: u32, label: Label) -> Cycles {
        let search = move || {
            let edge = |from| Edge {
                from,
                to: (from + 1) % n,
                label,
            };
            let edges: Vec<Edge> = (0..n).map(edge).collect();
            let graph = Graph::new(n, n, edges.iter(), |_| true);
            super::search(&graph, 3_000_000, |_| true)
        };
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        let thread = thread.spawn(search).expect("a thread");
        thread.join().expect("no overflow")
    }

    #[test]
    fn a_cycle_of_a_million_transactions_is_found_on_a_small_stack() {
        for (label, kind) in [(Label::Wr, CycleKind::G1c), (Label::Rw, CycleKind::G2Item)] {
            let cycles = ring(1_000_000, label);
            let [cycle] = &cycles.found[..] else {
                panic!("{} cycles", cycles.found.len());
            };
            assert_eq!(cycle.anomaly, Anomaly::Cycle(kind, Tier::Plain));
            assert_eq!(cycle.edges.len(), 1_000_000);
            assert_eq!(cycles.undecided, []);
        }
    }
}
