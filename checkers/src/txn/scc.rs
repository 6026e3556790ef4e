//! Strongly connected components (Tarjan 1972), without recursion: a path of a million nodes needs no stack. Over
//! petgraph's traits, whose own Tarjan recurses and whose Kosaraju needs the reversed graph. O(nodes + edges).

use petgraph::visit::{IntoNeighbors, NodeIndexable};

/// Of each node the number of its component. Components are numbered in reverse topological order: an edge between two
/// leads from the higher number to the lower. The second is how many there are.
pub fn components<G>(graph: G) -> (Vec<u32>, u32)
where
    G: IntoNeighbors + NodeIndexable + Copy,
{
    const FRESH: u32 = u32::MAX;
    let n = graph.node_bound();
    // While a node is open, its low link; afterwards its component, counted down from the top so that the two differ.
    let mut low = vec![FRESH; n];
    let mut component = vec![FRESH; n];
    let mut open: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32, G::Neighbors)> = Vec::new();
    let (mut time, mut count) = (0, 0);
    for root in 0..n {
        if low[root] != FRESH {
            continue;
        }
        let mut enter = Some(root);
        loop {
            if let Some(node) = enter.take() {
                low[node] = time;
                open.push(node as u32);
                path.push((node as u32, time, graph.neighbors(graph.from_index(node))));
                time += 1;
            }
            let Some((node, born, neighbors)) = path.last_mut() else {
                break;
            };
            let at = *node as usize;
            for next in neighbors.by_ref() {
                let next = graph.to_index(next);
                if low[next] == FRESH {
                    enter = Some(next);
                    break;
                }
                if component[next] == FRESH {
                    low[at] = low[at].min(low[next]);
                }
            }
            if enter.is_some() {
                continue;
            }
            if low[at] == *born {
                while let Some(member) = open.pop() {
                    component[member as usize] = count;
                    if member as usize == at {
                        break;
                    }
                }
                count += 1;
            }
            path.pop();
            if let Some((parent, ..)) = path.last() {
                let parent = *parent as usize;
                low[parent] = low[parent].min(low[at]);
            }
        }
    }
    (component, count)
}

#[cfg(test)]
mod tests {
    use petgraph::{algo::kosaraju_scc, graph::DiGraph};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::txn::{
        Label,
        graph::{Edge, Graph},
    };

    #[test]
    fn components_are_those_of_kosaraju_and_in_reverse_topological_order() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        for _ in 0..2000 {
            let n = rng.random_range(1..12u32);
            let edge = |rng: &mut Pcg64Mcg| (rng.random_range(0..n), rng.random_range(0..n));
            let edges: Vec<_> = (0..rng.random_range(0..24))
                .map(|_| edge(&mut rng))
                .collect();
            let mut other = DiGraph::<(), (), u32>::from_edges(&edges);
            while other.node_count() < n as usize {
                other.add_node(());
            }
            let all = edges.iter().map(|(from, to)| Edge {
                from: *from,
                to: *to,
                label: Label::Wr,
            });
            let all: Vec<Edge> = all.collect();
            let graph = Graph::new(n, n, all.iter(), |_| true);
            let (ours, count) = components(graph.with(Label::Wr.bit()));
            let theirs = kosaraju_scc(&other);
            assert_eq!(theirs.len(), count as usize);
            for set in theirs {
                assert!(set.iter().all(|v| ours[v.index()] == ours[set[0].index()]));
            }
            assert!(
                edges
                    .iter()
                    .all(|(a, b)| ours[*a as usize] >= ours[*b as usize])
            );
            assert_eq!(components(graph.with(Label::Rw.bit())).1, n);
        }
    }

    #[test]
    fn a_path_and_a_cycle_of_a_million_nodes_do_not_overflow_the_stack() {
        let n = 1_000_000;
        let edge = |from| Edge {
            from,
            to: (from + 1) % n,
            label: Label::Ww,
        };
        let edges: Vec<Edge> = (0..n).map(edge).collect();
        let all = Label::Ww.bit();
        let path = Graph::new(n, n, edges[..n as usize - 1].iter(), |_| true);
        assert_eq!(components(path.with(all)).1, n);
        let cycle = Graph::new(n, n, edges.iter(), |_| true);
        assert_eq!(components(cycle.with(all)).1, 1);
    }
}
