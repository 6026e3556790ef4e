//! A histogram of latencies: buckets that grow with the value, so that a quantile is off by at most one part in eight,
//! from nanoseconds to centuries, in 4 kB.

use std::time::Duration;

/// Sub-buckets for each power of two, as a power of two.
const SUB: u32 = 3;
const BUCKETS: usize = (64 - SUB as usize + 1) << SUB;

/// Counts of durations.
#[derive(Debug, Clone)]
pub(super) struct Latencies {
    counts: Box<[u64; BUCKETS]>,
    total: u64,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
            total: 0,
        }
    }

    pub(super) fn add(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// The value that a share `q` of all are not above; `None` if there are none.
    pub(super) fn quantile(&self, q: f64) -> Option<Duration> {
        let rank = ((self.total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(i, count)| {
            seen += count;
            (seen >= rank).then(|| Duration::from_nanos(upper(i)))
        })
    }
}

/// The bucket of a value: its highest bit, and the [`SUB`] bits after it.
fn bucket(value: u64) -> usize {
    if value < 1 << SUB {
        return value as usize;
    }
    let shift = value.ilog2() - SUB;
    ((shift as usize) << SUB) + (value >> shift) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket >> SUB).saturating_sub(1) as u32;
    let base = bucket as u64 - (u64::from(shift) << SUB);
    let next = (u128::from(base) + 1) << shift;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_bucket_and_no_further_off_than_an_eighth() {
        let powers = (0..64).map(|shift| 1_u64 << shift);
        let values = powers.flat_map(|p| [p - 1, p, p + p / 3, p + (p - 1)]);
        for value in values {
            let bound = upper(bucket(value));
            assert!(bound >= value, "{value} is above its bucket's {bound}");
            assert!(bound - value <= value / 8, "{value} is far below {bound}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.quantile(0.5), None);
        for ms in 1..=1000 {
            latencies.add(Duration::from_millis(ms));
        }
        for (q, exact) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let got = latencies.quantile(q).unwrap().as_secs_f64() * 1e3;
            assert!((exact..=exact * 1.125).contains(&got), "{q}: {got}");
        }
    }
}
