//! A run over time: counts and latencies in buckets, and the single calls worth a dot of their own.

use history::{Codec, History, Nanos};
use serde::Serialize;

use crate::{
    Counts, OutcomeKind,
    stats::{latency, quantiles},
};

/// One stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bucket {
    /// Calls that ended in it (or, if they never ended, were made in it).
    pub counts: Counts,
    /// Median, 99th percentile and maximum latency of the `ok` calls made in it; `None` where there were none.
    pub latency: Option<[Nanos; 3]>,
}

/// One call as a dot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// When it was made.
    pub at: Nanos,
    /// How long it took.
    pub latency: Nanos,
    /// How it ended.
    pub outcome: OutcomeKind,
}

/// A run over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// The time axis goes from zero to here.
    pub until: Nanos,
    /// The width of a bucket.
    pub width: Nanos,
    /// The buckets, from zero.
    pub buckets: Vec<Bucket>,
    /// Calls that ended, thinned out to at most about [`Series::MAX_POINTS`], each outcome by itself; with the slowest
    /// `ok` call of every bucket.
    pub points: Vec<Point>,
    /// How many calls ended.
    pub points_of: u64,
    /// How many calls never ended: they have no latency.
    pub unended: u64,
}

impl Series {
    /// How many dots a chart gets.
    pub const MAX_POINTS: usize = 5_000;
    const MAX_BUCKETS: u64 = 120;

    /// O(n log n) in the number of calls.
    pub(crate) fn new<O: Codec>(history: &History<O>, duration: Nanos) -> Self {
        let until = history
            .spans()
            .iter()
            .map(|s| s.end.unwrap_or(s.start))
            .fold(duration, Nanos::max)
            .max(Nanos::from_millis(1));
        let width = bucket_width(until);
        let slot = |at: Nanos| (at.0 / width.0) as usize;
        let mut buckets = vec![Bucket::default(); slot(until) + 1];
        let mut latencies = vec![Vec::new(); buckets.len()];
        let mut slowest: Vec<Option<Point>> = vec![None; buckets.len()];
        let (mut ended, mut unended) = (Counts::default(), 0_u64);
        for span in history.spans() {
            let outcome = OutcomeKind::of(&span.outcome);
            buckets[slot(span.end.unwrap_or(span.start))]
                .counts
                .add(outcome);
            let Some(latency) = latency(span) else {
                unended += 1;
                continue;
            };
            ended.add(outcome);
            if outcome == OutcomeKind::Ok {
                let at = slot(span.start);
                latencies[at].push(latency.0);
                if slowest[at].is_none_or(|s| s.latency < latency) {
                    slowest[at] = Some(Point {
                        at: span.start,
                        latency,
                        outcome,
                    });
                }
            }
        }
        for (bucket, latencies) in buckets.iter_mut().zip(&mut latencies) {
            bucket.latency = quantiles(latencies);
        }

        // Each outcome is thinned out by itself, so that many of one do not hide the others. What is not `ok` comes
        // first, up to a third of all dots each.
        let max = Self::MAX_POINTS as u64;
        let quota = [
            max - ended.fail.min(max / 3) - ended.info.min(max / 3),
            max / 3,
            max / 3,
        ];
        let mut seen = Counts::default();
        let mut points = Vec::new();
        for span in history.spans() {
            let Some(latency) = latency(span) else {
                continue;
            };
            let point = Point {
                at: span.start,
                latency,
                outcome: OutcomeKind::of(&span.outcome),
            };
            let kind = point.outcome;
            let chosen = is_chosen(seen.of(kind), ended.of(kind), quota[kind as usize]);
            seen.add(kind);
            if chosen || slowest[slot(point.at)] == Some(point) {
                points.push(point);
            }
        }
        Self {
            until,
            width,
            buckets,
            points,
            points_of: ended.total(),
            unended,
        }
    }
}

/// Whether the `nth` of `n` is among `quota` that are spread evenly over them.
fn is_chosen(nth: u64, n: u64, quota: u64) -> bool {
    let before = |i: u64| u128::from(i) * u128::from(quota) / u128::from(n.max(1));
    quota >= n || before(nth + 1) > before(nth)
}

/// The smallest round width that needs no more than [`Series::MAX_BUCKETS`] buckets.
fn bucket_width(until: Nanos) -> Nanos {
    let mut width: u64 = 1_000_000;
    loop {
        for factor in [1, 2, 5] {
            if until.0 / (width * factor) < Series::MAX_BUCKETS {
                return Nanos(width * factor);
            }
        }
        width = width.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_met_exactly() {
        let chosen = |n, quota| (0..n).filter(|i| is_chosen(*i, n, quota)).count();
        assert_eq!(chosen(10_000, 3_333), 3_333);
        assert_eq!(chosen(10, 3_333), 10);
        assert_eq!(chosen(10, 0), 0);
    }

    #[test]
    fn buckets_have_round_widths_and_are_not_too_many() {
        assert_eq!(bucket_width(Nanos::from_secs(60)), Nanos::from_millis(1000));
        assert_eq!(bucket_width(Nanos::from_millis(1)), Nanos::from_millis(1));
        assert_eq!(bucket_width(Nanos::from_secs(3600)), Nanos::from_secs(50));
    }
}
