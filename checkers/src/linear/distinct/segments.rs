//! Two trees over positions, for the stack: the largest key among some positions, and where a sum is zero.

/// Keys at positions, of which the largest in a range is asked. O(log n) each.
pub(super) struct Largest {
    leaves: usize,
    /// A key, or 0 for none, and its position; node `i` has the children `2i` and `2i + 1`.
    nodes: Vec<(u32, u32)>,
}

impl Largest {
    /// No keys.
    pub(super) fn new(positions: u32) -> Self {
        let leaves = (positions as usize).next_power_of_two();
        Self {
            leaves,
            nodes: vec![(0, 0); 2 * leaves],
        }
    }

    /// Puts a key at a position; 0 takes it away.
    pub(super) fn set(&mut self, position: u32, key: u32) {
        let mut at = self.leaves + position as usize;
        self.nodes[at] = (key, position);
        while at > 1 {
            at /= 2;
            self.nodes[at] = self.nodes[2 * at].max(self.nodes[2 * at + 1]);
        }
    }

    /// The largest key in `from .. until`, and its position.
    pub(super) fn within(&self, from: u32, until: u32) -> Option<(u32, u32)> {
        let (mut low, mut high) = (self.leaves + from as usize, self.leaves + until as usize);
        let mut best = (0, 0);
        while low < high {
            if low % 2 == 1 {
                best = best.max(self.nodes[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                best = best.max(self.nodes[high]);
            }
            (low, high) = (low / 2, high / 2);
        }
        (best.0 > 0).then_some(best)
    }
}

/// How many intervals cover each position, and the next position that none covers. O(log n) each.
pub(super) struct Depth {
    leaves: usize,
    /// The smallest depth below a node, without what is pending above it.
    least: Vec<i32>,
    /// What is to be added to everything below a node.
    pending: Vec<i32>,
}

impl Depth {
    /// Nothing is covered.
    pub(super) fn new(positions: u32) -> Self {
        let leaves = (positions as usize).next_power_of_two();
        Self {
            leaves,
            least: vec![0; 2 * leaves],
            pending: vec![0; 2 * leaves],
        }
    }

    /// Covers `from .. until` once more, or once less.
    pub(super) fn add(&mut self, from: u32, until: u32, by: i32) {
        let (first, last) = (self.leaves + from as usize, self.leaves + until as usize);
        let (mut low, mut high) = (first, last);
        while low < high {
            if low % 2 == 1 {
                self.apply(low, by);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                self.apply(high, by);
            }
            (low, high) = (low / 2, high / 2);
        }
        self.recompute_above(first);
        self.recompute_above(last - 1);
    }

    fn apply(&mut self, node: usize, by: i32) {
        self.least[node] += by;
        self.pending[node] += by;
    }

    fn recompute_above(&mut self, leaf: usize) {
        let mut at = leaf;
        while at > 1 {
            at /= 2;
            self.least[at] = self.least[2 * at].min(self.least[2 * at + 1]) + self.pending[at];
        }
    }

    /// The first position after `from`, which is covered, that is not covered; there must be one.
    pub(super) fn next_free(&self, from: u32) -> u32 {
        let mut node = self.leaves + from as usize;
        // What is pending above the node, and so above its sibling.
        let mut above: i32 = std::iter::successors(Some(node / 2), |at| Some(at / 2))
            .take_while(|at| *at > 0)
            .map(|at| self.pending[at])
            .sum();
        while node > 1 {
            if node.is_multiple_of(2) && self.least[node + 1] + above == 0 {
                return self.descend(node + 1, above);
            }
            node /= 2;
            above -= self.pending[node];
        }
        unreachable!("nothing is inside after the last call")
    }

    /// The first position below this node that is not covered; there is one.
    fn descend(&self, mut node: usize, mut above: i32) -> u32 {
        while node < self.leaves {
            above += self.pending[node];
            node *= 2;
            if self.least[node] + above != 0 {
                node += 1;
            }
        }
        (node - self.leaves) as u32
    }
}
