//! Whether a register is 2-atomic: every read returns the last value or the one before. O(n log n + c·n), where at
//! most c writes are under way at once.
//!
//! Golab, Hurwitz & Li, "On the k-atomicity-verification problem" (ICDCS 2013), section III: limited backtracking. The
//! order is built from its end. A write may be the last of those that are left if it was not certain before another of
//! them began. Reads that began after it was certain come after it, and so return it or the write before it: if they
//! return one other, that one stands before it, and so on; if they return two, this last write was a wrong guess. When
//! nothing is forced any more an *epoch* ends; what was guessed in it never needs to be taken back. The guesses of an
//! epoch are tried with growing limits, so that one that fails late does not delay one that succeeds early.

use super::clusters::Cluster;

pub(super) fn is_two_atomic(clusters: &[Cluster]) -> bool {
    let mut search = Search::new(clusters);
    loop {
        let Some(last) = search.by_start.last() else {
            return true;
        };
        let begun = clusters[search.by_start.items[last]].start;
        let mut guesses: Vec<usize> = vec![search.by_start.items[last]];
        let mut at = search.by_end.last();
        while let Some(place) = at {
            let i = search.by_end.items[place];
            if clusters[i].end < begun {
                break;
            }
            if i != guesses[0] {
                guesses.push(i);
            }
            at = search.by_end.before(place);
        }
        let mut limit = 16;
        'epoch: loop {
            let mut open = Vec::new();
            for guess in guesses {
                let mark = search.removed.len();
                match search.epoch(guess, limit) {
                    Epoch::Done => break 'epoch,
                    Epoch::Stuck => {}
                    Epoch::Limit => open.push(guess),
                }
                search.restore(mark);
            }
            if open.is_empty() {
                return false;
            }
            guesses = open;
            limit *= 2;
        }
    }
}

enum Epoch {
    Done,
    Stuck,
    Limit,
}

struct Search<'a> {
    clusters: &'a [Cluster],
    by_start: List,
    by_end: List,
    /// Reads by their starts; which cluster each is of.
    reads: List,
    read_starts: Vec<i64>,
    /// Where the reads of a cluster are in the list.
    places: Vec<Vec<usize>>,
    removed: Vec<usize>,
}

impl<'a> Search<'a> {
    fn new(clusters: &'a [Cluster]) -> Self {
        let sorted = |by: fn(&Cluster) -> i64| {
            let mut items: Vec<usize> = (0..clusters.len()).collect();
            items.sort_by_key(|i| by(&clusters[*i]));
            List::new(items, clusters.len())
        };
        let reads = clusters.iter().enumerate();
        let mut reads: Vec<(i64, usize)> = reads
            .flat_map(|(i, c)| c.reads.iter().map(move |read| (read.start, i)))
            .collect();
        reads.sort_unstable();
        let mut places = vec![Vec::new(); clusters.len()];
        for (place, (_, i)) in reads.iter().enumerate() {
            places[*i].push(place);
        }
        Self {
            clusters,
            by_start: sorted(|c| c.start),
            by_end: sorted(|c| c.end),
            read_starts: reads.iter().map(|(start, _)| *start).collect(),
            reads: List::new(reads.into_iter().map(|(_, i)| i).collect(), 0),
            places,
            removed: Vec::new(),
        }
    }

    /// Puts this write last, and before it what is then forced.
    fn epoch(&mut self, mut last: usize, limit: usize) -> Epoch {
        let mut steps = 0;
        loop {
            self.remove(last);
            steps += 1 + self.places[last].len();
            let certain = self.clusters[last].end;
            let rival = self.by_start.last().map(|at| self.by_start.items[at]);
            if rival.is_some_and(|other| certain < self.clusters[other].start) {
                return Epoch::Stuck;
            }
            let mut forced = None;
            let mut at = self.reads.last();
            while let Some(place) = at.filter(|place| self.read_starts[*place] > certain) {
                let of = self.reads.items[place];
                if *forced.get_or_insert(of) != of {
                    return Epoch::Stuck;
                }
                steps += 1;
                at = self.reads.before(place);
            }
            match forced {
                None => return Epoch::Done,
                Some(_) if steps > limit => return Epoch::Limit,
                Some(next) => last = next,
            }
        }
    }

    fn remove(&mut self, cluster: usize) {
        self.by_start.unlink(self.by_start.place[cluster]);
        self.by_end.unlink(self.by_end.place[cluster]);
        for place in &self.places[cluster] {
            self.reads.unlink(*place);
        }
        self.removed.push(cluster);
    }

    /// Undoes all removals but the first so many, the latest first.
    fn restore(&mut self, mark: usize) {
        while self.removed.len() > mark {
            let cluster = self.removed.pop().expect("longer than the mark");
            for place in self.places[cluster].iter().rev() {
                self.reads.relink(*place);
            }
            self.by_end.relink(self.by_end.place[cluster]);
            self.by_start.relink(self.by_start.place[cluster]);
        }
    }
}

/// A doubly linked list in which what was unlinked can be put back (Knuth's dancing links).
struct List {
    items: Vec<usize>,
    /// Where each item is, if items are not repeated.
    place: Vec<usize>,
    /// Shifted by one; 0 and the last are the ends.
    prev: Vec<usize>,
    next: Vec<usize>,
}

impl List {
    fn new(items: Vec<usize>, distinct: usize) -> Self {
        let mut place = vec![0; distinct];
        if distinct > 0 {
            for (at, i) in items.iter().enumerate() {
                place[*i] = at;
            }
        }
        let n = items.len() + 2;
        Self {
            items,
            place,
            prev: (0..n).map(|i| i.saturating_sub(1)).collect(),
            next: (0..n).map(|i| i + 1).collect(),
        }
    }

    fn last(&self) -> Option<usize> {
        self.before(self.items.len())
    }

    /// What stands before a place.
    fn before(&self, place: usize) -> Option<usize> {
        self.prev[place + 1].checked_sub(1)
    }

    fn unlink(&mut self, place: usize) {
        let (prev, next) = (self.prev[place + 1], self.next[place + 1]);
        (self.next[prev], self.prev[next]) = (next, prev);
    }

    fn relink(&mut self, place: usize) {
        let (prev, next) = (self.prev[place + 1], self.next[place + 1]);
        (self.next[prev], self.prev[next]) = (place + 1, place + 1);
    }
}
