//! Sets of configurations in which none dominates another: what `search` (which says what that means) walks with.

use super::NONE;

/// Where the parts of a configuration's row are.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// Words of one mask over the slots.
    pub(super) words: usize,
    /// Both masks, and one word for each class with unknown outcomes: how many of them were used.
    pub(super) stride: usize,
}

/// Configurations none of which dominates another.
pub(super) struct Frontier {
    layout: Layout,
    rows: Vec<u64>,
    /// [`NONE`] for a row that was dominated.
    pub(super) states: Vec<u32>,
    /// How each row came to be, for those who want to know.
    pub(super) trails: Vec<u32>,
    /// Rows of equal state are a list.
    links: Vec<u32>,
    heads: Vec<u32>,
}

impl Frontier {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            rows: Vec::new(),
            states: Vec::new(),
            trails: Vec::new(),
            links: Vec::new(),
            heads: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        for state in self.states.drain(..).filter(|s| *s != NONE) {
            self.heads[state as usize] = NONE;
        }
        self.rows.clear();
        self.trails.clear();
        self.links.clear();
    }

    pub(super) fn row(&self, at: usize) -> &[u64] {
        &self.rows[at * self.layout.stride..(at + 1) * self.layout.stride]
    }

    pub(super) fn row_mut(&mut self, at: usize) -> &mut [u64] {
        &mut self.rows[at * self.layout.stride..(at + 1) * self.layout.stride]
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.rows.capacity() * 8 + self.states.capacity() * 12 + self.heads.capacity() * 4) as u64
    }

    /// Adds a configuration unless it is dominated; removes those that it dominates. Returns how many it was compared to.
    pub(super) fn insert(&mut self, state: u32, row: &[u64], trail: u32) -> u64 {
        if self.heads.len() <= state as usize {
            self.heads.resize(state as usize + 1, NONE);
        }
        let mut compared = 1;
        let mut previous = NONE;
        let mut at = self.heads[state as usize];
        while at != NONE {
            compared += 1;
            let link = self.links[at as usize];
            let old = self.row(at as usize);
            if dominates(self.layout, old, row) {
                return compared;
            }
            if dominates(self.layout, row, old) {
                self.states[at as usize] = NONE;
                match previous {
                    NONE => self.heads[state as usize] = link,
                    previous => self.links[previous as usize] = link,
                }
            } else {
                previous = at;
            }
            at = link;
        }
        self.links.push(self.heads[state as usize]);
        self.heads[state as usize] = self.states.len() as u32;
        self.states.push(state);
        self.trails.push(trail);
        self.rows.extend_from_slice(row);
        compared
    }

    /// Keeps the rows that used the fewest calls with unknown outcome. None may be dominated.
    pub(super) fn keep_simplest(&mut self, width: usize) {
        let counts = 2 * self.layout.words;
        let mut order: Vec<(u64, usize)> = (0..self.states.len())
            .map(|at| (self.row(at)[counts..].iter().sum(), at))
            .collect();
        let (_, _, others) = order.select_nth_unstable(width - 1);
        // The lists are not walked before the next `clear`, which must know all states: it resets their heads.
        for (_, at) in others.iter() {
            self.heads[self.states[*at] as usize] = NONE;
            self.states[*at] = NONE;
        }
        self.compact();
    }

    /// Forgets the rows that were dominated.
    pub(super) fn compact(&mut self) {
        if !self.states.contains(&NONE) {
            return;
        }
        let stride = self.layout.stride;
        let mut kept = 0;
        for at in 0..self.states.len() {
            if self.states[at] != NONE {
                self.states[kept] = self.states[at];
                self.trails[kept] = self.trails[at];
                self.rows
                    .copy_within(at * stride..(at + 1) * stride, kept * stride);
                kept += 1;
            }
        }
        self.states.truncate(kept);
        self.trails.truncate(kept);
        self.rows.truncate(kept * stride);
        // The lists are not walked before the next `clear`, which needs only the states.
        self.links.clear();
    }
}

/// Whether every call is in the same condition in both, or free in `a`.
fn dominates(layout: Layout, a: &[u64], b: &[u64]) -> bool {
    let n = layout.words;
    (0..n).all(|w| (b[w] | (a[n + w] ^ b[n + w])) & !a[w] == 0)
        && (2 * n..layout.stride).all(|w| a[w] <= b[w])
}
