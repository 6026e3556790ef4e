//! What is done to packets on a link, in the words of those who do it: our delayer, tc netem, and people.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is done to the packets of a link, one way. Shares are in percent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// How long each is held back.
    pub delay: Duration,
    /// How far that spreads.
    pub jitter: Duration,
    /// In what manner.
    pub distribution: Distribution,
    /// How many are lost.
    pub loss: f64,
    /// How many come twice.
    pub duplicate: f64,
    /// How many overtake the others.
    pub reorder: f64,
    /// How many come with a flipped bit.
    pub corrupt: f64,
    /// Whether the checksum of those is made to fit.
    pub undetected: bool,
    /// The most that goes through.
    pub rate: Option<Rate>,
}

/// How delays spread around their middle. In the last two, jitter is one standard deviation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// As often anywhere within the jitter.
    #[default]
    Uniform,
    /// The bell curve.
    Normal,
    /// Mostly a little early, now and then very late.
    Pareto,
}

/// Bits per second, written `500kbit`, `1mbit` or `1gbit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u64);

/// Why a text is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rate above zero: write, for example, 500kbit, 1mbit or 1gbit")]
pub struct BadRate(String);

const UNITS: [(&str, u64); 4] = [
    ("gbit", 1_000_000_000),
    ("mbit", 1_000_000),
    ("kbit", 1_000),
    ("bit", 1),
];

impl Distribution {
    const fn word(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Normal => "normal",
            Self::Pareto => "pareto",
        }
    }
}

impl Effect {
    /// Whether it does anything.
    pub fn is_nothing(&self) -> bool {
        *self
            == Self {
                undetected: self.undetected,
                distribution: self.distribution,
                ..Self::default()
            }
    }

    /// The words of `schism node packets`.
    pub(super) fn delayer(&self) -> String {
        let mut words = Vec::new();
        let mut say = |word: &str, value: String| words.push(format!("{word}={value}"));
        if !self.delay.is_zero() || !self.jitter.is_zero() {
            say("delay", self.delay.as_micros().to_string());
        }
        if !self.jitter.is_zero() {
            say("jitter", self.jitter.as_micros().to_string());
            say("distribution", self.distribution.word().to_owned());
        }
        for (word, share) in self.shares() {
            say(word, share.to_string());
        }
        if self.corrupt > 0.0 && self.undetected {
            say("undetected", "true".to_owned());
        }
        if let Some(Rate(bits)) = self.rate {
            say("rate", bits.to_string());
        }
        words.join(" ")
    }

    /// The words of tc-netem(8). A uniform spread is netem's own, and has no name there.
    pub(super) fn netem(&self) -> String {
        let mut words = vec!["netem limit 100000".to_owned()];
        if !self.delay.is_zero() || !self.jitter.is_zero() {
            words.push(format!("delay {}us", self.delay.as_micros()));
        }
        if !self.jitter.is_zero() {
            words.push(format!("{}us", self.jitter.as_micros()));
            if self.distribution != Distribution::Uniform {
                words.push(format!("distribution {}", self.distribution.word()));
            }
        }
        for (word, share) in self.shares() {
            words.push(format!("{word} {share}%"));
        }
        if let Some(Rate(bits)) = self.rate {
            words.push(format!("rate {bits}bit"));
        }
        words.join(" ")
    }

    fn shares(&self) -> impl Iterator<Item = (&'static str, f64)> {
        [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ]
        .into_iter()
        .filter(|(_, share)| *share > 0.0)
    }
}

/// For people: `50ms ± 10ms (normal), 5 % lost`.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let time = |duration| crate::Time(duration).to_string();
        match (self.delay.is_zero(), self.jitter.is_zero()) {
            (true, true) => {}
            (false, true) => parts.push(format!("{} delay", time(self.delay))),
            (_, false) => parts.push(format!(
                "{} ± {} delay ({})",
                time(self.delay),
                time(self.jitter),
                self.distribution.word()
            )),
        }
        for (word, share) in self.shares() {
            let done = match word {
                "loss" => "lost",
                "duplicate" => "doubled",
                "reorder" => "out of order",
                _ if self.undetected => "corrupted unnoticed",
                _ => "corrupted",
            };
            parts.push(format!("{share} % {done}"));
        }
        if let Some(rate) = self.rate {
            parts.push(format!("at most {rate}"));
        }
        f.write_str(&parts.join(", "))
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.to_owned());
        let (number, unit) = UNITS
            .iter()
            .find_map(|(unit, bits)| Some((text.strip_suffix(unit)?, bits)))
            .ok_or_else(bad)?;
        let number: f64 = number.trim().parse().map_err(|_| bad())?;
        let bits = number * *unit as f64;
        if (1.0..=1e12).contains(&bits) {
            Ok(Self(bits as u64))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, bits) = UNITS
            .iter()
            .find(|(_, bits)| self.0.is_multiple_of(*bits))
            .expect("one divides all");
        write!(f, "{}{unit}", self.0 / bits)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything() -> Effect {
        Effect {
            delay: Duration::from_millis(50),
            jitter: Duration::from_millis(10),
            distribution: Distribution::Normal,
            loss: 5.0,
            duplicate: 1.0,
            reorder: 25.0,
            corrupt: 0.1,
            undetected: false,
            rate: Some(Rate(1_500_000)),
        }
    }

    #[test]
    fn everybody_is_told_in_their_own_words() {
        let all = everything();
        assert_eq!(
            all.delayer(),
            "delay=50000 jitter=10000 distribution=normal loss=5 duplicate=1 reorder=25 corrupt=0.1 rate=1500000"
        );
        assert_eq!(
            all.netem(),
            "netem limit 100000 delay 50000us 10000us distribution normal loss 5% duplicate 1% reorder 25% corrupt 0.1% rate 1500000bit"
        );
        assert_eq!(
            all.to_string(),
            "50ms ± 10ms delay (normal), 5 % lost, 1 % doubled, 25 % out of order, 0.1 % corrupted, at most 1500kbit"
        );
        let only = Effect {
            loss: 20.0,
            ..Effect::default()
        };
        assert_eq!(only.delayer(), "loss=20");
        assert_eq!(only.netem(), "netem limit 100000 loss 20%");
        assert_eq!(only.to_string(), "20 % lost");
        assert!(Effect::default().is_nothing() && !only.is_nothing());
    }

    #[test]
    fn rates_are_read_as_they_are_written() {
        for text in ["1mbit", "500kbit", "10gbit", "7bit", "1500kbit"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!("1.5mbit".parse(), Ok(Rate(1_500_000)));
        for text in ["", "5", "0mbit", "-1mbit", "nanbit", "fastmbit", "1 MB"] {
            let said = text.parse::<Rate>().unwrap_err().to_string();
            assert!(said.contains("write, for example, 500kbit"), "{said}");
        }
    }
}
