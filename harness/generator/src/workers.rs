//! A set of workers, small enough to be copied on every decision.

/// Index of a worker, below [`Workers::MAX`].
pub type Worker = usize;

const WORDS: usize = 16;

/// A set of workers, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workers([u64; WORDS]);

impl Workers {
    /// How many workers a run can have.
    pub const MAX: usize = 64 * WORDS;
    /// No workers.
    pub const NONE: Self = Self([0; WORDS]);

    /// The workers `0..n`.
    ///
    /// # Panics
    /// If `n` is more than [`Workers::MAX`].
    pub fn all(n: usize) -> Self {
        assert!(n <= Self::MAX, "at most {} workers", Self::MAX);
        let mut set = Self::NONE;
        for (i, word) in set.0.iter_mut().enumerate() {
            *word = match n.saturating_sub(64 * i) {
                0 => 0,
                left @ 1..64 => (1 << left) - 1,
                _ => u64::MAX,
            };
        }
        set
    }
    /// One worker.
    pub fn one(worker: Worker) -> Self {
        let mut set = Self::NONE;
        set.insert(worker);
        set
    }
    /// Whether a worker belongs to the set.
    pub fn contains(&self, worker: Worker) -> bool {
        self.0
            .get(worker / 64)
            .is_some_and(|word| word >> (worker % 64) & 1 == 1)
    }
    /// Adds a worker.
    ///
    /// # Panics
    /// If `worker` is not below [`Workers::MAX`].
    pub fn insert(&mut self, worker: Worker) {
        assert!(worker < Self::MAX, "workers are below {}", Self::MAX);
        self.0[worker / 64] |= 1 << (worker % 64);
    }
    /// Removes a worker, and says whether it was there.
    pub fn remove(&mut self, worker: Worker) -> bool {
        let had = self.contains(worker);
        if had {
            self.0[worker / 64] &= !(1 << (worker % 64));
        }
        had
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }
    /// The one with the lowest index.
    pub fn lowest(&self) -> Option<Worker> {
        let word = self.0.iter().position(|word| *word != 0)?;
        Some(64 * word + self.0[word].trailing_zeros() as usize)
    }
    /// The first at or after `start`, going round to the lowest at the end.
    pub fn next_from(&self, start: Worker) -> Option<Worker> {
        let first = start / 64;
        if let Some(word) = self.0.get(first) {
            let rest = word & (u64::MAX << (start % 64));
            if rest != 0 {
                return Some(64 * first + rest.trailing_zeros() as usize);
            }
            for (i, word) in self.0.iter().enumerate().skip(first + 1) {
                if *word != 0 {
                    return Some(64 * i + word.trailing_zeros() as usize);
                }
            }
        }
        self.lowest()
    }
    /// The `n` of them that have the lowest indices, or all if there are fewer.
    pub fn first(&self, n: usize) -> Self {
        self.iter().take(n).collect()
    }
    /// Those in both.
    pub fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }
    /// Those in either.
    pub fn or(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }
    /// Those here but not there.
    pub fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }
    /// All of them, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Worker> + use<> {
        let mut words = self.0;
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < WORDS && words[at] == 0 {
                at += 1;
            }
            let word = words.get_mut(at)?;
            let bit = word.trailing_zeros() as usize;
            *word &= *word - 1;
            Some(64 * at + bit)
        })
    }
}

impl FromIterator<Worker> for Workers {
    fn from_iter<I: IntoIterator<Item = Worker>>(workers: I) -> Self {
        let mut set = Self::NONE;
        for worker in workers {
            set.insert(worker);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_workers_is_a_set(members in prop::collection::btree_set(0..Workers::MAX, 0..80), start in 0..Workers::MAX + 9, n in 0..80usize) {
            let mut set: Workers = members.iter().copied().collect();
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), members.clone());
            prop_assert_eq!(set.len(), members.len());
            prop_assert_eq!(set.is_empty(), members.is_empty());
            prop_assert_eq!(set.lowest(), members.first().copied());
            prop_assert_eq!(set.next_from(start), members.range(start..).next().or(members.first()).copied());
            prop_assert_eq!(set.first(n).iter().collect::<Vec<_>>(), members.iter().copied().take(n).collect::<Vec<_>>());
            prop_assert_eq!(set.remove(start), members.contains(&start));
            prop_assert!(!set.contains(start));
        }

        #[test]
        fn all_is_the_range(n in 0..=Workers::MAX) {
            prop_assert_eq!(Workers::all(n), (0..n).collect());
        }
    }
}
