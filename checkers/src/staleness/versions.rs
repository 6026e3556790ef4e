//! By how many versions reads were behind: bounds of the smallest k for which the register is k-atomic, exact for 1
//! and 2. O(n log n) without the decision for 2.
//!
//! A history is k-atomic if some order respects real time in which every read returns one of the k last values written
//! (Aiyer, Alvisi & Bazzi 2005). For k above 2, no polynomial algorithm is known to us. What is certain:
//!
//! - *At least*: a write that began after a value was certainly written, and was itself certain before a read of that
//!   value began, stands between them in every order.
//! - *At most*: in an order of the writes that respects when each was certain, put each read as early as possible:
//!   just after its own write and those that were certain before it began. That is an order of all calls, so it proves
//!   its own k. Of two such orders, by start and by end, the better one.

use super::{clusters::Cluster, seconds::is_atomic, two::is_two_atomic};

/// The smallest k lies between these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// No order has a smaller k. 1 means that nothing was behind.
    pub at_least: u64,
    /// Some order has this k.
    pub at_most: u64,
}

pub(super) fn versions(clusters: &[Cluster]) -> Versions {
    if is_atomic(clusters) {
        return Versions {
            at_least: 1,
            at_most: 1,
        };
    }
    let mut at_least = at_least(clusters).max(2);
    let by_end = at_most(clusters, |c| (c.end, c.start));
    let mut at_most = by_end.min(at_most(clusters, |c| (c.start, c.end)));
    if at_least == 2 && at_most > 2 {
        match is_two_atomic(clusters) {
            true => at_most = 2,
            false => at_least = 3,
        }
    }
    Versions { at_least, at_most }
}

/// Clusters by when they were certain, and reads by their starts, with their clusters.
fn sweep(clusters: &[Cluster]) -> (Vec<usize>, Vec<(i64, usize)>) {
    let mut certain: Vec<usize> = (0..clusters.len()).collect();
    certain.sort_by_key(|i| clusters[*i].end);
    let reads = clusters.iter().enumerate();
    let mut reads: Vec<_> = reads
        .flat_map(|(i, c)| c.reads.iter().map(move |read| (read.start, i)))
        .collect();
    reads.sort_unstable();
    (certain, reads)
}

fn at_least(clusters: &[Cluster]) -> u64 {
    let mut starts: Vec<i64> = clusters.iter().map(|c| c.start).collect();
    starts.sort_unstable();
    // A Fenwick tree over starts, counting the writes that are certain by now.
    let mut tree = vec![0u64; starts.len() + 1];
    let mut counted = 0;
    let (certain, reads) = sweep(clusters);
    let mut certain = certain.into_iter().peekable();
    let mut most = 1;
    for (start, own) in reads {
        while let Some(i) = certain.next_if(|i| clusters[*i].end < start) {
            let mut at = starts.partition_point(|s| *s < clusters[i].start) + 1;
            counted += 1;
            while at < tree.len() {
                tree[at] += 1;
                at += at & at.wrapping_neg();
            }
        }
        let mut not_after = 0;
        let mut at = starts.partition_point(|s| *s <= clusters[own].end);
        while at > 0 {
            not_after += tree[at];
            at &= at - 1;
        }
        most = most.max(counted - not_after + 1);
    }
    most
}

fn at_most(clusters: &[Cluster], by: fn(&Cluster) -> (i64, i64)) -> u64 {
    let mut order: Vec<usize> = (0..clusters.len()).collect();
    order.sort_by_key(|i| by(&clusters[*i]));
    let mut place = vec![0u64; clusters.len()];
    for (at, i) in order.into_iter().enumerate() {
        place[i] = at as u64;
    }
    let (certain, reads) = sweep(clusters);
    let mut certain = certain.into_iter().peekable();
    let (mut after, mut most) = (0, 1);
    for (start, own) in reads {
        while let Some(i) = certain.next_if(|i| clusters[*i].end < start) {
            after = after.max(place[i]);
        }
        most = most.max(after.max(place[own]) - place[own] + 1);
    }
    most
}
