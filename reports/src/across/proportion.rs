//! How often, and how sure: proportions from few observations.
//!
//! - E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927): the score
//!   interval. Unlike p ± 1.96·√(p(1−p)/n) it is right near 0 and 1, where the rates of rare bugs are.
//! - R. A. Fisher, "Statistical methods for research workers" (1934) §21.02: the exact test of a 2×2 table.

use serde::Serialize;

use crate::number::percent;

/// A proportion with the interval in which its true value lies, 95 times of 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// How often it was seen …
    pub seen: u64,
    /// … of how many times it could have been.
    pub of: u64,
    /// The lower end, 0 to 1.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// `6/22 (27.3 %; 13–48 %)`; `0/0` where there was no chance to see it.
    pub fn text(&self) -> String {
        if self.of == 0 {
            return "0/0".to_owned();
        }
        format!(
            "{}/{} ({}; {:.0}–{:.0} %)",
            self.seen,
            self.of,
            percent(self.seen, self.of),
            self.low * 100.0,
            self.high * 100.0
        )
    }
}

/// Wilson's 95 % interval of `seen` successes in `of` trials. Of no trials nothing is known: 0 to 1.
pub fn wilson(seen: u64, of: u64) -> Interval {
    /// The 97.5th percentile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let (low, high) = if of == 0 {
        (0.0, 1.0)
    } else {
        let (n, p) = (of as f64, seen.min(of) as f64 / of as f64);
        let scale = 1.0 + Z * Z / n;
        let center = (p + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        // At the very ends rounding would leave a trace.
        let low = if seen == 0 { 0.0 } else { center - half };
        let high = if seen >= of { 1.0 } else { center + half };
        (low.max(0.0), high.min(1.0))
    };
    Interval {
        seen,
        of,
        low,
        high,
    }
}

/// Fisher's exact test, two-sided: how likely a table at least as uneven as `a` of `n` against `b` of `m` would be if both
/// had the same rate. 1 where there is nothing to compare. O(a + b).
pub fn fisher((a, n): (u64, u64), (b, m): (u64, u64)) -> f64 {
    if n == 0 || m == 0 {
        return 1.0;
    }
    let (a, b) = (a.min(n), b.min(m));
    let seen = a + b;
    let ln = |x: u64| ln_choose(n, x) + ln_choose(m, seen - x) - ln_choose(n + m, seen);
    let here = ln(a);
    // As uneven, within what floating point can tell.
    let p: f64 = (seen.saturating_sub(m)..=seen.min(n))
        .map(ln)
        .filter(|other| *other <= here + 1e-9)
        .map(f64::exp)
        .sum();
    p.min(1.0)
}

/// ln of n over k.
fn ln_choose(n: u64, k: u64) -> f64 {
    (1..=k.min(n - k))
        .map(|i| ((n - k.min(n - k) + i) as f64 / i as f64).ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 17 (1998), table I, method 3.
        for (seen, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let got = wilson(seen, of);
            assert!((got.low - low).abs() < 5e-5, "{seen}/{of}: {got:?}");
            assert!((got.high - high).abs() < 5e-5, "{seen}/{of}: {got:?}");
        }
    }

    #[test]
    fn of_no_runs_nothing_is_known() {
        let none = wilson(0, 0);
        assert_eq!((none.low, none.high), (0.0, 1.0));
        assert_eq!(none.text(), "0/0");
        assert_eq!(wilson(5, 5).high, 1.0);
    }

    #[test]
    fn the_lady_tasting_tea() {
        assert!((fisher((3, 4), (1, 4)) - 34.0 / 70.0).abs() < 1e-12);
        assert!((fisher((4, 4), (0, 4)) - 2.0 / 70.0).abs() < 1e-12);
        assert_eq!(fisher((1, 1), (0, 0)), 1.0);
        assert!(fisher((0, 41), (6, 22)) < 0.002);
    }
}
