//! Two runs side by side: what was found in one only, and which numbers differ by more than noise.
//!
//! Noise is measured, not assumed: each run is cut into blocks of seconds, the blocks are drawn again and again with
//! replacement, and the spread of the difference of two such draws is what chance alone does. Blocks, because seconds
//! depend on each other: a fault lasts many.
//!
//! - H. R. Künsch, "The jackknife and the bootstrap for general stationary observations", Ann. Stat. 17 (1989).
//! - "Student", "The probable error of a mean", Biometrika 6 (1908): few blocks make the spread itself uncertain; the band
//!   is widened accordingly.

use history::Nanos;
use serde::Serialize;

use crate::across::{
    Entry, Seen,
    numbers::{Figures, Numbers, Second},
};

/// Draws of each run. The spread of so many is known to about 4 %.
const DRAWS: usize = 300;
/// The shortest block, in seconds.
const BLOCK: usize = 5;
/// Fewer blocks than these say nothing of noise.
const FEWEST: usize = 4;
/// The 99.5th percentile of the normal distribution: with four numbers compared, a false alarm in less than 5 % of pairs.
const Z: f64 = 2.576;
/// Less than this is of no interest, however sure.
const LEAST: f64 = 0.05;

/// A number of both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// `p50`, `p99`, `rate`, `errors`.
    pub name: &'static str,
    /// In the first run: nanoseconds, calls a second, or a share.
    pub was: f64,
    /// In the second.
    pub is: f64,
    /// By what share it differs; for `errors`, by how much.
    pub by: f64,
    /// What chance alone may add to that; `None` where a run is too short to know. A ratio may as well fall to the inverse:
    /// noise of 1 is twice as much, or half. See [`Change::least`].
    pub noise: Option<f64>,
}

impl Change {
    /// Whether it is more than noise.
    pub fn is_change(&self) -> bool {
        self.noise.is_some_and(|noise| self.by > noise)
            || self.least().is_some_and(|least| self.by < least)
    }

    /// What chance alone may take away. Noise multiplies a ratio, so that however much there is, a fall to almost nothing is
    /// more than that.
    pub fn least(&self) -> Option<f64> {
        self.noise.map(|noise| match self.name {
            "errors" => -noise,
            _ => 1.0 / (1.0 + noise) - 1.0,
        })
    }
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What differs in how they were made: name, first, second.
    pub differs: Vec<(&'static str, String, String)>,
    /// Found only in the second.
    pub new: Vec<Seen>,
    /// Found only in the first.
    pub gone: Vec<Seen>,
    /// Found in both.
    pub same: Vec<Seen>,
    /// Numbers of both; empty where a run has none.
    pub changes: Vec<Change>,
    /// The longest stretch without an answer in each: one number a run, of whose noise nothing is known.
    pub outage: (Nanos, Nanos),
}

impl Comparison {
    /// The second run against the first.
    pub fn new((a, x): (&Entry, &Numbers), (b, y): (&Entry, &Numbers)) -> Self {
        let text = |t: &Option<String>| t.clone().unwrap_or_else(|| "unknown".to_owned());
        let differs = [
            ("case", a.case_and_faults(), b.case_and_faults()),
            ("target", a.target.clone(), b.target.clone()),
            ("version", text(&a.target_version), text(&b.target_version)),
            ("seed", text(&a.seed), text(&b.seed)),
            ("verdict", a.verdict.word().into(), b.verdict.word().into()),
        ];
        let only = |of: &Entry, other: &Entry, shared: bool| -> Vec<Seen> {
            let found = of.findings.iter();
            let found = found.filter(|f| other.shows(&f.fingerprint) == shared);
            found.cloned().collect()
        };
        Self {
            differs: differs.into_iter().filter(|(_, a, b)| a != b).collect(),
            new: only(b, a, false),
            gone: only(a, b, false),
            same: only(b, a, true),
            changes: changes(x, y),
            outage: (x.outage, y.outage),
        }
    }

    /// Whether nothing was found in one only, and no number differs by more than noise.
    pub fn is_no_change(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty() && !self.changes.iter().any(Change::is_change)
    }
}

/// The numbers of two runs. Deterministic: the draws come from a fixed seed.
pub fn changes(a: &Numbers, b: &Numbers) -> Vec<Change> {
    let whole = |n: &Numbers| Figures::of(&n.seconds.iter().collect::<Vec<_>>());
    let (Some(x), Some(y)) = (whole(a), whole(b)) else {
        return Vec::new();
    };
    let blocks = blocks(a.seconds.len()).min(blocks(b.seconds.len()));
    let mut random = SplitMix(0x5eed);
    let drawn: Vec<(Figures, Figures)> = (0..if blocks < FEWEST { 0 } else { DRAWS })
        .filter_map(|_| Some((draw(a, &mut random)?, draw(b, &mut random)?)))
        .collect();
    let factor = Z * (1.0 + 2.5 / blocks as f64);
    type Take = fn(&Figures) -> f64;
    let ratios: [(&str, Take); 3] = [("p50", |f| f.p50), ("p99", |f| f.p99), ("rate", |f| f.rate)];
    let mut changes: Vec<Change> = Vec::new();
    for (name, take) in ratios {
        let log = |(x, y): &(Figures, Figures)| (take(y) / take(x)).ln();
        let band = spread(drawn.iter().map(log)).map(|sd| (factor * sd).exp() - 1.0);
        changes.push(Change {
            name,
            was: take(&x),
            is: take(&y),
            by: take(&y) / take(&x) - 1.0,
            noise: band.map(|band| band.max(LEAST)),
        });
    }
    let band = spread(drawn.iter().map(|(x, y)| y.errors - x.errors));
    changes.push(Change {
        name: "errors",
        was: x.errors,
        is: y.errors,
        by: y.errors - x.errors,
        noise: band.map(|sd| (factor * sd).max(LEAST / 10.0)),
    });
    changes
}

/// How many seconds a block of a run of so many has.
fn block(seconds: usize) -> usize {
    BLOCK.max(seconds.isqrt())
}

fn blocks(seconds: usize) -> usize {
    seconds / block(seconds)
}

/// As many seconds again, in blocks from anywhere.
fn draw(numbers: &Numbers, random: &mut SplitMix) -> Option<Figures> {
    let (n, block) = (numbers.seconds.len(), block(numbers.seconds.len()));
    let mut drawn: Vec<&Second> = Vec::with_capacity(n + block);
    while drawn.len() < n {
        let start = random.below(n);
        // Around the end, so that the first and last seconds are drawn as often as others.
        drawn.extend((0..block).map(|i| &numbers.seconds[(start + i) % n]));
    }
    drawn.truncate(n);
    Figures::of(&drawn)
}

/// Standard deviation; `None` of fewer than two.
fn spread(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    let n = values.len() as f64;
    (values.len() > 1).then(|| {
        let mean = values.iter().sum::<f64>() / n;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
    })
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: small, and enough for draws.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run as faults leave it: 20 s of calm, 10 s in which a third of the calls fail and others are slow, again and again;
    /// with a load that wanders.
    fn long_run(random: &mut SplitMix) -> Vec<Second> {
        let mut wander: f64 = 0.0;
        (0..1200)
            .map(|t| {
                wander = 0.9 * wander + 0.02 * (random.below(2001) as f64 / 1000.0 - 1.0);
                let fault = t % 30 >= 20;
                let mut second = Second::default();
                for _ in 0..40 {
                    let tail = 1.0 + 8.0 * (random.below(1000) as f64 / 1000.0).powi(8);
                    let slow = if fault && random.below(4) == 0 {
                        20.0
                    } else {
                        1.0
                    };
                    let ms = 2.0 * (1.0 + wander) * tail * slow;
                    match random.below(3) {
                        0 if fault => second.counts.info += 1,
                        _ => second.ok(Nanos((ms * 1e6) as u64)),
                    }
                }
                second
            })
            .collect()
    }

    /// Another run of the same system: 15-second pieces of the long one.
    fn resampled(long: &[Second], random: &mut SplitMix, seconds: usize) -> Numbers {
        let mut drawn = Vec::new();
        while drawn.len() < seconds {
            let start = random.below(long.len());
            drawn.extend((0..15).map(|i| long[(start + i) % long.len()].clone()));
        }
        drawn.truncate(seconds);
        Numbers {
            seconds: drawn,
            outage: Nanos(0),
        }
    }

    #[test]
    fn of_two_runs_of_the_same_system_at_most_one_pair_in_twenty_shows_a_change() {
        let mut random = SplitMix(7);
        let long = long_run(&mut random);
        const PAIRS: usize = 100;
        let alarms = (0..PAIRS).filter(|_| {
            let a = resampled(&long, &mut random, 60);
            let b = resampled(&long, &mut random, 60);
            changes(&a, &b).iter().any(Change::is_change)
        });
        let alarms = alarms.count();
        assert!(alarms * 20 <= PAIRS, "{alarms} of {PAIRS} pairs");
    }

    #[test]
    fn half_as_slow_again_is_seen() {
        let mut random = SplitMix(8);
        let long = long_run(&mut random);
        let slower: Vec<Second> = long
            .iter()
            .map(|s| Second {
                counts: s.counts,
                // 19 bins of a 32nd octave: half as much again.
                latencies: s.latencies.iter().map(|(bin, n)| (bin + 19, *n)).collect(),
            })
            .collect();
        let seen = (0..20).filter(|_| {
            let a = resampled(&long, &mut random, 120);
            let b = resampled(&slower, &mut random, 120);
            let changes = changes(&a, &b);
            changes[0].is_change() && changes[0].by > 0.3
        });
        let seen = seen.count();
        assert!(seen >= 19, "{seen} of 20");
    }

    #[test]
    fn a_fall_to_almost_nothing_is_more_than_any_noise_of_a_ratio() {
        let change = |name, by| Change {
            name,
            was: 100.0,
            is: 100.0 * (1.0 + by),
            by,
            noise: Some(1.5),
        };
        for (name, by, is) in [
            ("rate", -0.9, true),
            ("rate", -0.5, false),
            ("rate", 1.4, false),
            ("rate", 1.6, true),
            ("errors", -0.9, false),
        ] {
            assert_eq!(change(name, by).is_change(), is, "{name} {by}");
        }
    }

    #[test]
    fn a_run_against_itself_is_no_change_and_a_short_one_says_nothing_of_noise() {
        let long = long_run(&mut SplitMix(9));
        let numbers = |n: usize| Numbers {
            seconds: long[..n].to_vec(),
            outage: Nanos(0),
        };
        let same = changes(&numbers(60), &numbers(60));
        assert!(
            same.iter().all(|c| c.by == 0.0 && !c.is_change()),
            "{same:?}"
        );
        let short = changes(&numbers(10), &numbers(60));
        assert!(short.iter().all(|c| c.noise.is_none() && !c.is_change()));
        assert_eq!(changes(&Numbers::default(), &numbers(60)), []);
    }
}
