//! Which links a partition cuts, as a directed graph over the places of nodes in a list, and what people call the result.
//!
//! The shapes are those of Jepsen's `nemesis.clj`; the ring of majorities is a circulant graph here, which is exact for
//! every size: each node keeps its nearest neighbours on a circle, as many as make a majority with itself.

use std::collections::BTreeSet;

/// Cut links `(from, to)`: what `from` sends does not arrive at `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Links {
    size: usize,
    cut: BTreeSet<(usize, usize)>,
}

impl Links {
    fn none(size: usize) -> Self {
        Self {
            size,
            cut: BTreeSet::new(),
        }
    }

    /// Keeps only the links that `keep` says.
    fn keeping(size: usize, keep: impl Fn(usize, usize) -> bool) -> Self {
        let mut links = Self::none(size);
        for from in 0..size {
            for to in 0..size {
                if from != to && !keep(from, to) {
                    links.cut.insert((from, to));
                }
            }
        }
        links
    }

    /// The first `left` nodes from all others.
    pub(super) fn split(size: usize, left: usize) -> Self {
        Self::keeping(size, |a, b| (a < left) == (b < left))
    }

    /// The node in the middle sees everybody, those before and behind it do not see each other.
    pub(super) fn bridge(size: usize) -> Self {
        let middle = size / 2;
        Self::keeping(size, |a, b| {
            a == middle || b == middle || (a < middle) == (b < middle)
        })
    }

    /// What the others send does not reach the first `left` nodes; or, if `mute`, what those send does not reach the others.
    pub(super) fn one_way(size: usize, left: usize, mute: bool) -> Self {
        Self::keeping(size, |from, to| {
            let (from, to) = if mute { (to, from) } else { (from, to) };
            !(from >= left && to < left)
        })
    }

    /// Every node sees a majority, and no two see the same; `None` below four nodes, where that would cut nothing.
    pub(super) fn ring(size: usize) -> Option<Self> {
        if size < 4 {
            return None;
        }
        let neighbours = size / 2;
        // An odd number of neighbours needs one opposite, which an odd circle does not have: one more then.
        let (each_side, opposite) = match (neighbours % 2, size % 2) {
            (0, _) => (neighbours / 2, false),
            (_, 0) => (neighbours / 2, true),
            (_, _) => (neighbours.div_ceil(2), false),
        };
        Some(Self::keeping(size, |a, b| {
            let apart = a.abs_diff(b).min(size - a.abs_diff(b));
            apart <= each_side || (opposite && apart * 2 == size)
        }))
    }

    /// The cut links, in order.
    pub(super) fn cut(&self) -> impl Iterator<Item = (usize, usize)> {
        self.cut.iter().copied()
    }

    /// The nodes of which `to` hears nothing.
    pub(super) fn unheard(&self, to: usize) -> Vec<usize> {
        (0..self.size)
            .filter(|from| self.cut.contains(&(*from, to)))
            .collect()
    }

    /// Whether both hear each other.
    pub(super) fn whole(&self, a: usize, b: usize) -> bool {
        !self.cut.contains(&(a, b)) && !self.cut.contains(&(b, a))
    }

    /// Whether neither hears the other.
    pub(super) fn severed(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a, b)) && self.cut.contains(&(b, a))
    }

    /// The largest groups in which everybody hears everybody, by their first members (Bron and Kerbosch 1973, with the
    /// graphs above it stays small: they are unions and circles of cliques).
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        fn grow(
            links: &Links,
            group: &mut Vec<usize>,
            mut open: Vec<usize>,
            mut done: Vec<usize>,
            found: &mut Vec<Vec<usize>>,
        ) {
            if open.is_empty() && done.is_empty() {
                let mut group = group.clone();
                group.sort_unstable();
                found.push(group);
                return;
            }
            let pivot = *open
                .iter()
                .chain(&done)
                .max_by_key(|p| {
                    open.iter()
                        .filter(|o| *o != *p && links.whole(**o, **p))
                        .count()
                })
                .expect("one of them is not empty");
            let next: Vec<usize> = open
                .iter()
                .copied()
                .filter(|o| *o == pivot || !links.whole(*o, pivot))
                .collect();
            for node in next {
                let near = |list: &[usize]| -> Vec<usize> {
                    list.iter()
                        .copied()
                        .filter(|o| *o != node && links.whole(*o, node))
                        .collect()
                };
                group.push(node);
                grow(links, group, near(&open), near(&done), found);
                group.pop();
                open.retain(|o| *o != node);
                done.push(node);
            }
        }
        let mut found = Vec::new();
        grow(
            self,
            &mut Vec::new(),
            (0..self.size).collect(),
            Vec::new(),
            &mut found,
        );
        found.sort();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(links: &Links, node: usize) -> BTreeSet<usize> {
        (0..links.size)
            .filter(|other| links.whole(node, *other))
            .collect()
    }

    #[test]
    fn a_split_of_five_cuts_twelve_directed_links() {
        let links = Links::split(5, 2);
        assert_eq!(links.groups(), [vec![0, 1], vec![2, 3, 4]]);
        assert_eq!(links.cut().count(), 12);
        assert_eq!(links.unheard(0), [2, 3, 4]);
    }

    #[test]
    fn a_bridge_is_of_both_halves() {
        assert_eq!(Links::bridge(5).groups(), [vec![0, 1, 2], vec![2, 3, 4]]);
        assert_eq!(Links::bridge(4).groups(), [vec![0, 1, 2], vec![2, 3]]);
    }

    #[test]
    fn in_a_ring_each_sees_another_majority() {
        for size in 4..=25 {
            let links = Links::ring(size).unwrap();
            let views: BTreeSet<_> = (0..size).map(|n| sees(&links, n)).collect();
            assert_eq!(views.len(), size, "{size} nodes: two see the same");
            for view in &views {
                assert!(view.len() > size / 2, "{size} nodes: {view:?}");
                assert!(view.len() < size, "{size} nodes: {view:?}");
            }
            for (a, b) in links.cut() {
                assert!(links.severed(a, b));
            }
        }
        assert_eq!(Links::ring(3), None);
        assert_eq!(
            Links::ring(5).unwrap().groups(),
            [vec![0, 1], vec![0, 4], vec![1, 2], vec![2, 3], vec![3, 4]]
        );
    }

    #[test]
    fn one_way_is_one_way() {
        let deaf = Links::one_way(3, 1, false);
        assert_eq!(deaf.cut().collect::<Vec<_>>(), [(1, 0), (2, 0)]);
        let mute = Links::one_way(3, 1, true);
        assert_eq!(mute.cut().collect::<Vec<_>>(), [(0, 1), (0, 2)]);
        assert!(!mute.whole(0, 1) && !mute.severed(0, 1));
    }
}
