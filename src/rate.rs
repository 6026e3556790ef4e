//! How often something happened in so many tries, and what that says of how often it would in many more.

use std::fmt;

/// Of so many tries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Those that showed it.
    pub(crate) hits: u32,
    /// All of them.
    pub(crate) tries: u32,
}

impl Rate {
    /// One more.
    pub(crate) fn add(&mut self, hit: bool) {
        self.tries += 1;
        self.hits += u32::from(hit);
    }

    /// Between which shares the true one lies, with 95 % confidence: the score interval of Wilson, "Probable inference, the
    /// law of succession, and statistical inference" (1927), which is good for few tries and for shares near 0 and 1, where
    /// the usual one has no width.
    pub(crate) fn interval(self) -> (f64, f64) {
        /// The 97.5th percentile of the normal distribution.
        const Z: f64 = 1.959_963_984_540_054;
        if self.tries == 0 {
            return (0.0, 1.0);
        }
        let n = f64::from(self.tries);
        let share = f64::from(self.hits) / n;
        let scale = 1.0 / (1.0 + Z * Z / n);
        let centre = scale * (share + Z * Z / (2.0 * n));
        let half = scale * Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let low = if self.hits == 0 { 0.0 } else { centre - half };
        let high = if self.hits == self.tries {
            1.0
        } else {
            centre + half
        };
        (low, high)
    }
}

/// `3 of 20 tries (15 %; 95 % confidence: 5–36 %)`
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| (share * 100.0).round() as u32;
        let (low, high) = self.interval();
        let word = if self.tries == 1 { "try" } else { "tries" };
        write!(f, "{} of {} {word}", self.hits, self.tries)?;
        if self.tries == 0 {
            return Ok(());
        }
        let share = f64::from(self.hits) / f64::from(self.tries);
        write!(
            f,
            " ({} %; 95 % confidence: {}–{} %)",
            percent(share),
            percent(low),
            percent(high)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hits: u32, tries: u32) -> Rate {
        Rate { hits, tries }
    }

    #[test]
    fn the_interval_is_wilsons() {
        // As in Newcombe, "Two-sided confidence intervals for the single proportion" (1998), Table I, method 3.
        for (hits, tries, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0000, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let (a, b) = rate(hits, tries).interval();
            assert!((a - low).abs() < 5e-5, "{hits}/{tries}: {a}");
            assert!((b - high).abs() < 5e-5, "{hits}/{tries}: {b}");
        }
    }

    #[test]
    fn it_is_told_with_its_uncertainty() {
        assert_eq!(
            rate(3, 20).to_string(),
            "3 of 20 tries (15 %; 95 % confidence: 5–36 %)"
        );
        assert_eq!(
            rate(1, 1).to_string(),
            "1 of 1 try (100 %; 95 % confidence: 21–100 %)"
        );
        assert_eq!(rate(0, 0).to_string(), "0 of 0 tries");
    }
}
