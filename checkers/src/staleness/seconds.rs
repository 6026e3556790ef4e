//! By how much time reads were behind: the smallest Δ for which the register is Δ-atomic, exactly. O(n log n) for each
//! of at most 63 steps of a binary search.
//!
//! Golab, Li & Shah, "Analyzing consistency properties for fun and profit" (PODC 2011): a history is Δ-atomic if it is
//! linearizable once every read is made to start earlier by Δ: it may return what was current up to Δ before. Starting
//! reads earlier removes constraints and adds none, so what is possible for Δ is for every larger one. Of the zones of
//! [`linear`](crate::linear), two conflict iff the earliest end in each comes before the latest start in the other,
//! and only the starts of reads depend on Δ. Two clusters whose writes alone conflict contain a read that ended before
//! its write began, which is reported otherwise; so a Δ exists.

use super::clusters::Cluster;

/// How far behind, and two clusters that were in each other's way until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) by: i64,
    pub(super) stale: usize,
    pub(super) newer: usize,
}

/// The smallest Δ; nothing if no read was behind.
pub(super) fn behind(clusters: &[Cluster]) -> Option<Behind> {
    let mut order: Vec<u32> = (0..clusters.len() as u32).collect();
    order.sort_by_key(|i| clusters[*i as usize].end);
    let last: Vec<(i64, Option<i64>)> = (clusters.iter())
        .map(|c| (c.start, c.last_read().map(|read| read.start)))
        .collect();
    conflict(clusters, &order, &last, 0)?;
    // Impossible for `low`, possible for `high`.
    let latest = last.iter().filter_map(|(_, read)| *read).max().unwrap_or(0);
    let (mut low, mut high) = (0, latest + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match conflict(clusters, &order, &last, middle) {
            Some(_) => low = middle,
            None => high = middle,
        }
    }
    let (a, b) = conflict(clusters, &order, &last, low).expect("impossible for `low`");
    // Moving the reads of one of the two by `high` is enough.
    let enough = |x: usize, y: usize| clusters[x].last_start(high) <= clusters[y].end;
    let (stale, newer) = if enough(a, b) { (a, b) } else { (b, a) };
    Some(Behind {
        by: high,
        stale,
        newer,
    })
}

/// Two clusters each of which must stand before the other.
fn conflict(
    clusters: &[Cluster],
    order: &[u32],
    last: &[(i64, Option<i64>)],
    earlier: i64,
) -> Option<(usize, usize)> {
    let start = |i: u32| {
        let (write, read) = last[i as usize];
        read.map_or(write, |read| write.max(read - earlier))
    };
    let end = |i: u32| clusters[i as usize].end;
    // Which of those up to each starts last.
    let mut latest: Vec<u32> = Vec::with_capacity(order.len());
    for &i in order {
        let best = latest.last().copied().unwrap_or(i);
        latest.push(if start(i) > start(best) { i } else { best });
    }
    order.iter().find_map(|&i| {
        let until = end(i).min(start(i));
        let before = order.partition_point(|other| end(*other) < until);
        let other = latest[before.checked_sub(1)?];
        (start(other) > end(i)).then_some((other as usize, i as usize))
    })
}

/// Whether it is linearizable, its compare-and-sets taken apart.
pub(super) fn is_atomic(clusters: &[Cluster]) -> bool {
    behind(clusters).is_none()
}
