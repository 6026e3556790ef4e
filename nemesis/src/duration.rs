//! Durations and ranges of durations as people write them: `500ms`, `1m30s`, `5s..15s`. A unit is required, because a
//! bare `90` means seconds to one reader and milliseconds to the next.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration with its unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

/// From the first to the second, both included; `5s` alone is `5s..5s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The shortest.
    pub min: Duration,
    /// The longest; not below `min`.
    pub max: Duration,
}

/// Why a text is not a duration, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// Nothing was written.
    #[error("a duration is missing: write, for example, 30s or 1m30s")]
    Empty,
    /// A number alone.
    #[error("{0} has no unit: write {0}s, {0}ms or {0}m")]
    NoUnit(String),
    /// A unit that we do not have.
    #[error("{text}: {unit:?} is not a unit: use ms, s, m or h, as in 1m30s")]
    Unit {
        /// The whole text.
        text: String,
        /// The part that should be a unit.
        unit: String,
    },
    /// Not a number where one should be.
    #[error("{0:?} is not a duration: write, for example, 30s, 500ms or 1m30s")]
    Number(String),
    /// More than a hundred days.
    #[error("{0} is longer than a hundred days")]
    TooLong(String),
    /// A range that runs backwards.
    #[error("{0} runs backwards: write the shorter one first")]
    Backwards(String),
}

const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const LONGEST: Duration = Duration::from_secs(100 * 24 * 3600);

impl FromStr for Time {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BadTime::Empty);
        }
        let mut total = 0f64;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let (number, after) = rest.split_at(digits);
            let number: f64 = number
                .parse()
                .map_err(|_| BadTime::Number(text.to_owned()))?;
            let letters = after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len());
            let (unit, next) = after.split_at(letters);
            if unit.is_empty() {
                return Err(BadTime::NoUnit(text.to_owned()));
            }
            let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit.trim()) else {
                return Err(BadTime::Unit {
                    text: text.to_owned(),
                    unit: unit.trim().to_owned(),
                });
            };
            total += number * *nanos as f64;
            rest = next;
        }
        if total > LONGEST.as_nanos() as f64 {
            return Err(BadTime::TooLong(text.to_owned()));
        }
        Ok(Self(Duration::from_nanos(total.round() as u64)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        if left == 0 {
            return f.write_str("0s");
        }
        for (unit, nanos) in UNITS.iter().rev() {
            if left >= *nanos {
                write!(f, "{}{unit}", left / nanos)?;
                left %= nanos;
            }
        }
        Ok(())
    }
}

impl FromStr for TimeRange {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let (min, max) = match text.split_once("..") {
            None => {
                let Time(only) = text.parse()?;
                (only, only)
            }
            Some((min, max)) => {
                let (Time(min), Time(max)) = (min.parse()?, max.parse()?);
                (min, max)
            }
        };
        if min > max {
            return Err(BadTime::Backwards(text.trim().to_owned()));
        }
        Ok(Self { min, max })
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            Time(self.min).fmt(f)
        } else {
            write!(f, "{}..{}", Time(self.min), Time(self.max))
        }
    }
}

impl TimeRange {
    /// Always the same.
    pub const fn exactly(time: Duration) -> Self {
        Self {
            min: time,
            max: time,
        }
    }
}

/// Reads from text; a number is refused with the words of [`BadTime::NoUnit`] rather than "invalid type".
struct Written<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = BadTime>> de::Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit, such as 30s")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<T, E> {
        Err(E::custom(BadTime::NoUnit(n.to_string())))
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<T, E> {
        Err(E::custom(BadTime::NoUnit(n.to_string())))
    }
    fn visit_f64<E: de::Error>(self, n: f64) -> Result<T, E> {
        Err(E::custom(BadTime::NoUnit(n.to_string())))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for TimeRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written(std::marker::PhantomData))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for TimeRange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> u128 {
        text.parse::<Time>().unwrap().0.as_millis()
    }

    #[test]
    fn units_add_up() {
        assert_eq!(millis("500ms"), 500);
        assert_eq!(millis("1.5s"), 1500);
        assert_eq!(millis("1m30s"), 90_000);
        assert_eq!(millis(" 2h "), 7_200_000);
    }

    #[test]
    fn each_mistake_says_what_to_write() {
        let said = |text: &str| text.parse::<TimeRange>().unwrap_err().to_string();
        assert_eq!(said("90"), "90 has no unit: write 90s, 90ms or 90m");
        assert_eq!(
            said("1m30"),
            "1m30 has no unit: write 1m30s, 1m30ms or 1m30m"
        );
        assert_eq!(
            said("5 parsecs"),
            "5 parsecs: \"parsecs\" is not a unit: use ms, s, m or h, as in 1m30s"
        );
        assert_eq!(
            said("soon"),
            "\"soon\" is not a duration: write, for example, 30s, 500ms or 1m30s"
        );
        assert_eq!(
            said("5s.."),
            "a duration is missing: write, for example, 30s or 1m30s"
        );
        assert_eq!(
            said("15s..5s"),
            "15s..5s runs backwards: write the shorter one first"
        );
        assert_eq!(said("9999h"), "9999h is longer than a hundred days");
        assert_eq!(
            serde_json::from_str::<Time>("90").unwrap_err().to_string(),
            "90 has no unit: write 90s, 90ms or 90m at line 1 column 2"
        );
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(a in 0u64..LONGEST.as_millis() as u64, more in 0u64..100_000) {
            let min = Duration::from_millis(a);
            let range = TimeRange { min, max: (min + Duration::from_millis(more)).min(LONGEST) };
            prop_assert_eq!(range.to_string().parse::<TimeRange>().unwrap(), range);
        }
    }
}
