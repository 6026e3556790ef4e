//! What happens to packets, as the command line says it: one argument a rule, `10.0.0.2,fd00::2 delay=50000 jitter=10000
//! distribution=normal loss=5`. First the addresses that packets come from, then what is done to them. Times are in
//! microseconds, shares in percent, rates in bits per second.

use std::{net::IpAddr, str::FromStr, time::Duration};

/// What is done to packets that come from some addresses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    pub(super) from: Vec<IpAddr>,
    pub(super) treatment: Treatment,
}

/// What is done to a packet. Shares are from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Treatment {
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) distribution: Distribution,
    pub(super) loss: f64,
    pub(super) duplicate: f64,
    pub(super) reorder: f64,
    pub(super) corrupt: f64,
    /// Whether a corrupt packet's checksum is made to fit, so that it is taken for a good one.
    pub(super) undetected: bool,
    /// Bits per second; zero is no limit.
    pub(super) rate: u64,
}

/// How delays spread around their middle. In the last two, jitter is one standard deviation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Distribution {
    /// As often anywhere within the jitter.
    #[default]
    Uniform,
    /// The bell curve.
    Normal,
    /// Mostly a little early, now and then very late.
    Pareto,
}

/// A rule that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadRule {
    #[error("{0:?} is no IP address")]
    Address(String),
    #[error("{0:?} is not NAME=VALUE")]
    Word(String),
    #[error(
        "unknown treatment {0:?}: there are delay, jitter, distribution, loss, duplicate, reorder, corrupt, undetected and rate"
    )]
    Name(String),
    #[error("{name}={value}: {why}")]
    Value {
        name: String,
        value: String,
        why: &'static str,
    },
}

impl Treatment {
    /// Whether packets must be looked at one by one, as they were on the wire, and not in the large pieces in which the
    /// kernel passes them on where it can.
    pub(super) fn singly(&self) -> bool {
        self.loss > 0.0 || self.reorder > 0.0 || self.whole()
    }

    /// Whether all bytes of a packet are needed.
    pub(super) fn whole(&self) -> bool {
        self.duplicate > 0.0 || self.corrupt > 0.0
    }
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let mut words = text.split_whitespace();
        let from = words
            .next()
            .unwrap_or_default()
            .split(',')
            .map(|ip| ip.parse().map_err(|_| BadRule::Address(ip.to_owned())))
            .collect::<Result<_, _>>()?;
        let mut treatment = Treatment::default();
        for word in words {
            let (name, value) = word
                .split_once('=')
                .ok_or_else(|| BadRule::Word(word.to_owned()))?;
            treatment.set(name, value)?;
        }
        Ok(Self { from, treatment })
    }
}

impl Treatment {
    fn set(&mut self, name: &str, value: &str) -> Result<(), BadRule> {
        let bad = |why| BadRule::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            why,
        };
        let time = || {
            value
                .parse()
                .map(Duration::from_micros)
                .map_err(|_| bad("not a number of microseconds"))
        };
        let share = || match value.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
            _ => Err(bad("not from 0 to 100 percent")),
        };
        match name {
            "delay" => self.delay = time()?,
            "jitter" => self.jitter = time()?,
            "distribution" => {
                self.distribution = match value {
                    "uniform" => Distribution::Uniform,
                    "normal" => Distribution::Normal,
                    "pareto" => Distribution::Pareto,
                    _ => return Err(bad("there are uniform, normal and pareto")),
                };
            }
            "loss" => self.loss = share()?,
            "duplicate" => self.duplicate = share()?,
            "reorder" => self.reorder = share()?,
            "corrupt" => self.corrupt = share()?,
            "undetected" => {
                self.undetected = value.parse().map_err(|_| bad("neither true nor false"))?;
            }
            "rate" => {
                self.rate = value
                    .parse()
                    .map_err(|_| bad("not a number of bits per second"))?;
            }
            _ => return Err(BadRule::Name(name.to_owned())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_whole() {
        let rule: Rule = "10.0.0.2,fd00::2 delay=50000 jitter=10000 distribution=pareto loss=12.5 duplicate=1 reorder=25 corrupt=100 undetected=true rate=1000000"
            .parse()
            .unwrap();
        assert_eq!(
            rule.from,
            ["10.0.0.2", "fd00::2"].map(|ip| ip.parse::<IpAddr>().unwrap())
        );
        assert_eq!(
            rule.treatment,
            Treatment {
                delay: Duration::from_millis(50),
                jitter: Duration::from_millis(10),
                distribution: Distribution::Pareto,
                loss: 0.125,
                duplicate: 0.01,
                reorder: 0.25,
                corrupt: 1.0,
                undetected: true,
                rate: 1_000_000,
            }
        );
    }

    #[test]
    fn each_mistake_is_told() {
        let said = |text: &str| text.parse::<Rule>().unwrap_err().to_string();
        assert_eq!(said(""), r#""" is no IP address"#);
        assert_eq!(said("n2 delay=1"), r#""n2" is no IP address"#);
        assert_eq!(said("::1 delay"), r#""delay" is not NAME=VALUE"#);
        assert!(said("::1 dealy=1").starts_with(r#"unknown treatment "dealy""#));
        assert_eq!(said("::1 loss=101"), "loss=101: not from 0 to 100 percent");
        assert_eq!(said("::1 loss=nan"), "loss=nan: not from 0 to 100 percent");
        assert_eq!(
            said("::1 delay=-1"),
            "delay=-1: not a number of microseconds"
        );
    }

    #[test]
    fn only_delay_and_rate_leave_large_pieces_whole() {
        let singly = |text: &str| text.parse::<Rule>().unwrap().treatment.singly();
        assert!(!singly("::1 delay=1 jitter=1 rate=1"));
        for one in ["loss=1", "reorder=1", "duplicate=1", "corrupt=1"] {
            assert!(singly(&format!("::1 {one}")), "{one}");
        }
    }
}
