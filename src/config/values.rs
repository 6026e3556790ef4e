//! Values with a form of their own: rates, numbers of clients, seeds, secrets.

use std::{fmt, path::PathBuf, str::FromStr};

use generator::Seed;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Calls started a second: `1000/s`, `90/m`, `unlimited`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Rate {
    /// As many as the clients can.
    #[default]
    Unlimited,
    /// So many a second.
    PerSecond(f64),
}

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let bad = || format!("{text} is not a rate: write 1000/s, 90/m or unlimited");
        let (number, unit) = text.split_once('/').ok_or_else(bad)?;
        let number: f64 = number.trim().parse().map_err(|_| bad())?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(bad()),
        };
        match number / seconds {
            rate if rate.is_finite() && rate > 0.0 => Ok(Self::PerSecond(rate)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::PerSecond(rate) => write!(f, "{rate}/s"),
        }
    }
}

/// Clients: `20`, or `4n` for four a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concurrency {
    /// In all.
    Total(u32),
    /// For each node.
    PerNode(u32),
}

impl Default for Concurrency {
    fn default() -> Self {
        Self::PerNode(4)
    }
}

impl Concurrency {
    /// How many that is.
    pub(crate) fn of(self, nodes: usize) -> usize {
        match self {
            Self::Total(n) => n as usize,
            Self::PerNode(n) => n as usize * nodes,
        }
    }
}

impl FromStr for Concurrency {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, per_node) = match text.strip_suffix('n') {
            Some(number) => (number, true),
            None => (text, false),
        };
        match number.parse() {
            Ok(n @ 1..=10_000) if per_node => Ok(Self::PerNode(n)),
            Ok(n @ 1..=10_000) => Ok(Self::Total(n)),
            _ => Err(format!(
                "{text} is not a number of clients: write 20, or 4n for four a node"
            )),
        }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total(n) => write!(f, "{n}"),
            Self::PerNode(n) => write!(f, "{n}n"),
        }
    }
}

/// `random`, or the seed of an earlier run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SeedChoice {
    /// A new one.
    #[default]
    Random,
    /// This one.
    Fixed(Seed),
}

impl FromStr for SeedChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "random" {
            return Ok(Self::Random);
        }
        let parsed = match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => text.parse(),
        };
        parsed.map(|n| Self::Fixed(Seed(n))).map_err(|_| {
            format!("{text} is not a seed: write random, a number, or 0x and hexadecimal digits")
        })
    }
}

impl fmt::Display for SeedChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("random"),
            Self::Fixed(seed) => write!(f, "{:#x}", seed.0),
        }
    }
}

/// How the complaint about a secret in plain sight begins.
pub(super) const SECRET: &str = "a secret is not written here";

/// Where a secret is: `${env:NAME}` or `${file:PATH}`. Its text is never part of a configuration, so that no
/// configuration, however it is printed or stored, can give it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file, without the line end.
    File(PathBuf),
}

impl FromStr for Secret {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
        match inner.and_then(|t| t.split_once(':')) {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            // The text may be the secret itself: it is not repeated.
            _ => Err(format!("{SECRET}: write ${{env:NAME}} or ${{file:PATH}}")),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{env:{name}}}"),
            Self::File(path) => write!(f, "${{file:{}}}", path.display()),
        }
    }
}

/// Reads through [`FromStr`]; a number is read as if it were text.
struct Written<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> de::Visitor<'_> for Written<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<T, E> {
        self.visit_str(&n.to_string())
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<T, E> {
        self.visit_str(&n.to_string())
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Written(std::marker::PhantomData))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )*};
}

as_text!(Rate, Concurrency, SeedChoice, Secret);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        assert_eq!("1000/s".parse(), Ok(Rate::PerSecond(1000.0)));
        assert_eq!("90/m".parse(), Ok(Rate::PerSecond(1.5)));
        assert_eq!("unlimited".parse(), Ok(Rate::Unlimited));
        assert_eq!("4n".parse::<Concurrency>().unwrap().of(5), 20);
        assert_eq!("7".parse::<Concurrency>().unwrap().of(5), 7);
        assert_eq!("0xff".parse(), Ok(SeedChoice::Fixed(Seed(255))));
        assert_eq!("255".parse(), Ok(SeedChoice::Fixed(Seed(255))));
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write() {
        for bad in ["1000", "0/s", "-1/s", "NaN/s", "inf/s", "5/day"] {
            assert!(bad.parse::<Rate>().unwrap_err().contains("1000/s"), "{bad}");
        }
        for bad in ["0", "n", "-3", "4m", "99999999"] {
            assert!(
                bad.parse::<Concurrency>().unwrap_err().contains("4n"),
                "{bad}"
            );
        }
        assert!("0xzz".parse::<SeedChoice>().unwrap_err().contains("0x"));
        assert!("plain".parse::<Secret>().is_err());
    }
}
