//! How wrong a clock is: by an offset, and by a rate from a base on.

use std::time::{SystemTime, UNIX_EPOCH};

/// What is added to the true time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Skew {
    /// Nanoseconds.
    pub(super) offset: i64,
    /// From when on the rate counts: nanoseconds since 1970, true time.
    pub(super) base: i64,
    /// Nanoseconds gained per nanosecond, in 2⁻³².
    pub(super) rate: i64,
}

/// Fifty years: further, and the time before 1970 or after 2262 would come within reach.
pub(super) const MOST_MILLISECONDS: i64 = 50 * 365 * 86_400_000;
/// A clock may run at half its speed, or half again as fast.
pub(super) const MOST_PPM: f64 = 500_000.0;

impl Skew {
    /// From what people write.
    pub(super) fn new(milliseconds: i64, ppm: f64, base: i64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^31")]
        let rate = (ppm * 1e-6 * f64::from(1_u32 << 31) * 2.0).round() as i64;
        Self {
            offset: milliseconds.saturating_mul(1_000_000),
            base,
            rate,
        }
    }

    /// By how much a clock that is wrong like this is wrong at `now`, in nanoseconds.
    pub(super) fn at(&self, now: i64) -> i64 {
        let gained = (i128::from(now - self.base) * i128::from(self.rate)) >> 32;
        self.offset + i64::try_from(gained).unwrap_or(i64::MAX)
    }

    pub(super) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (to, number) in bytes
            .chunks_exact_mut(8)
            .zip([self.offset, self.base, self.rate])
        {
            to.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 24]) -> Self {
        let number = |at: usize| {
            let eight = bytes[at..at + 8].try_into().expect("eight bytes");
            i64::from_le_bytes(eight)
        };
        Self {
            offset: number(0),
            base: number(8),
            rate: number(16),
        }
    }
}

/// The true time, in nanoseconds since 1970.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_from_its_base_on() {
        let skew = Skew::new(-250, 100.0, 1_000);
        assert_eq!(skew.at(1_000), -250_000_000);
        let an_hour = 3_600_000_000_000;
        let gained = skew.at(1_000 + an_hour) + 250_000_000;
        assert!((gained - 360_000_000).abs() < 1_000, "{gained}");
    }
}
