//! Maxima of ranges of a list that grows at its end and of which single entries grow: a segment tree, as in de Berg et al.,
//! "Computational Geometry", 2008, section 10.3, laid out in one array. Everything takes O(log n), appending amortized.

use std::ops::Range;

/// A list of pairs, compared as such.
#[derive(Debug, Default)]
pub(super) struct Maxima {
    len: usize,
    /// Node i has the children 2i and 2i + 1; the second half are the leaves. Empty, or a power of two long.
    nodes: Vec<(u32, u32)>,
}

impl Maxima {
    pub(super) fn push(&mut self, entry: (u32, u32)) {
        let leaves = self.nodes.len() / 2;
        if self.len == leaves {
            self.widen(leaves);
        }
        self.len += 1;
        self.raise(self.len - 1, entry);
    }

    /// Twice the leaves: the tree becomes the left half of a larger one.
    fn widen(&mut self, leaves: usize) {
        let mut wide = vec![(0, 0); (4 * leaves).max(2)];
        let width = wide.len() / 2;
        if leaves > 0 {
            wide[width..width + leaves].copy_from_slice(&self.nodes[leaves..]);
        }
        for node in (1..width).rev() {
            wide[node] = wide[2 * node].max(wide[2 * node + 1]);
        }
        self.nodes = wide;
    }

    /// Puts a larger entry in the place of one.
    pub(super) fn raise(&mut self, at: usize, entry: (u32, u32)) {
        let mut node = self.nodes.len() / 2 + at;
        while node > 0 && self.nodes[node] < entry {
            self.nodes[node] = entry;
            node /= 2;
        }
    }

    /// The largest of some; (0, 0) of none.
    pub(super) fn of(&self, range: Range<usize>) -> (u32, u32) {
        let leaves = self.nodes.len() / 2;
        let (mut from, mut to) = (leaves + range.start, leaves + range.end.max(range.start));
        let mut most = (0, 0);
        while from < to {
            if from % 2 == 1 {
                most = most.max(self.nodes[from]);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                most = most.max(self.nodes[to]);
            }
            from /= 2;
            to /= 2;
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    #[test]
    fn agrees_with_a_list() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let (mut tree, mut list) = (Maxima::default(), Vec::new());
        assert_eq!(tree.of(0..0), (0, 0));
        for step in 0..2000u32 {
            if list.is_empty() || rng.random_bool(0.2) {
                let entry = (rng.random_range(0..1000), step);
                tree.push(entry);
                list.push(entry);
            } else {
                let at = rng.random_range(0..list.len());
                let entry: &mut (u32, u32) = &mut list[at];
                entry.0 += rng.random_range(0..100);
                tree.raise(at, *entry);
            }
            let (from, to) = (
                rng.random_range(0..=list.len()),
                rng.random_range(0..=list.len()),
            );
            let most = list.get(from..to).and_then(|part| part.iter().max());
            assert_eq!(tree.of(from..to), most.copied().unwrap_or_default());
        }
    }
}
