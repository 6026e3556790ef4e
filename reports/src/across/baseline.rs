//! Findings that are known and accepted for now, and what a new one of them means.
//!
//! A known finding stays a violation, in every page and in the verdict; only the exit code of a run that shows nothing else
//! is 0. It ends to be known on the day it expires, and when it shows more often than was accepted.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::across::{Board, Fingerprint, Interval};

/// The version of [`Baseline`] that this program writes.
pub const BASELINE_VERSION: u32 = 1;

/// The content of `baseline.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of this structure, [`BASELINE_VERSION`].
    pub version: u32,
    /// What is accepted, ordered by case and fingerprint.
    #[serde(default)]
    pub findings: Vec<Accepted>,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            version: BASELINE_VERSION,
            findings: Vec::new(),
        }
    }
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Which.
    pub fingerprint: Fingerprint,
    /// The case that showed it.
    pub case: String,
    /// In words, for whoever reads the file.
    pub title: String,
    /// Where it is followed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// Who follows it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The day on which it was accepted.
    pub since: NaiveDate,
    /// The first day on which it is not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<NaiveDate>,
    /// The share of runs, 0 to 1, that may show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<f64>,
}

/// What the baseline says of a finding.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Nothing.
    New,
    /// Accepted.
    Known,
    /// Accepted until this day, which is past.
    Expired(NaiveDate),
    /// Accepted at this rate; its true rate is higher, as sure as 95 %.
    TooOften(f64),
}

impl Standing {
    /// Whether it may be passed over.
    pub fn is_known(&self) -> bool {
        *self == Self::Known
    }
}

impl Baseline {
    /// What it says of a finding on a day, at the rate at which it has been seen; without one no rate is too high.
    pub fn standing(
        &self,
        fingerprint: &Fingerprint,
        today: NaiveDate,
        rate: Option<Interval>,
    ) -> Standing {
        let Some(accepted) = self.find(fingerprint) else {
            return Standing::New;
        };
        match (accepted.expires, accepted.max_rate, rate) {
            (Some(day), ..) if today >= day => Standing::Expired(day),
            (_, Some(most), Some(rate)) if rate.low > most => Standing::TooOften(most),
            _ => Standing::Known,
        }
    }

    /// The entry of a finding.
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<&Accepted> {
        self.findings.iter().find(|a| a.fingerprint == *fingerprint)
    }

    /// Accepts a finding, replacing what was said of it.
    pub fn accept(&mut self, accepted: Accepted) {
        self.remove(&accepted.fingerprint);
        self.findings.push(accepted);
        self.findings
            .sort_by(|a, b| (&a.case, &a.fingerprint).cmp(&(&b.case, &b.fingerprint)));
    }

    /// Forgets a finding; whether it was there.
    pub fn remove(&mut self, fingerprint: &Fingerprint) -> bool {
        let before = self.findings.len();
        self.findings.retain(|a| a.fingerprint != *fingerprint);
        self.findings.len() < before
    }

    /// What of it is out of date, with the reason: expired, or not shown by the last [`Baseline::QUIET`] runs that could
    /// have shown it.
    pub fn stale(&self, today: NaiveDate, board: &Board) -> Vec<(&Accepted, String)> {
        let stale = self.findings.iter().filter_map(|accepted| {
            let why = match (accepted.expires, board.find(&accepted.fingerprint)) {
                (Some(day), _) if today >= day => format!("expired on {day}"),
                (_, Some(row)) if row.quiet >= Self::QUIET => {
                    format!("not shown by the last {} runs that could have", row.quiet)
                }
                _ => return None,
            };
            Some((accepted, why))
        });
        stale.collect()
    }

    /// After so many runs without it a finding counts as gone.
    pub const QUIET: u64 = 20;
}

impl Accepted {
    /// `known, https://…, until 2026-12-01`.
    pub fn words(&self) -> String {
        let mut words = "known".to_owned();
        for more in [&self.issue, &self.owner].into_iter().flatten() {
            words.push_str(&format!(", {more}"));
        }
        if let Some(day) = self.expires {
            words.push_str(&format!(", until {day}"));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::across::wilson;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 12, d).unwrap()
    }

    fn accepted(expires: Option<NaiveDate>, max_rate: Option<f64>) -> (Baseline, Fingerprint) {
        let fingerprint = Fingerprint::new("register-etcd", "linearizable", "stale-read", []);
        let mut baseline = Baseline::default();
        baseline.accept(Accepted {
            fingerprint: fingerprint.clone(),
            case: "register-etcd".to_owned(),
            title: "stale read".to_owned(),
            issue: None,
            owner: None,
            since: day(1),
            expires,
            max_rate,
        });
        (baseline, fingerprint)
    }

    #[test]
    fn a_finding_is_known_until_the_day_it_expires() {
        let (baseline, print) = accepted(Some(day(10)), None);
        assert_eq!(baseline.standing(&print, day(9), None), Standing::Known);
        let past = Standing::Expired(day(10));
        assert_eq!(baseline.standing(&print, day(10), None), past);
        let other = Fingerprint::new("bank", "linearizable", "stale-read", []);
        assert_eq!(baseline.standing(&other, day(9), None), Standing::New);
    }

    #[test]
    fn a_rate_is_too_high_only_when_that_is_sure() {
        let (baseline, print) = accepted(None, Some(0.1));
        let at = |seen, of| baseline.standing(&print, day(1), Some(wilson(seen, of)));
        assert_eq!(at(1, 3), Standing::Known, "one of three may be one of ten");
        assert_eq!(at(10, 30), Standing::TooOften(0.1));
    }

    #[test]
    fn accepting_again_replaces_and_removing_forgets() {
        let (mut baseline, print) = accepted(None, None);
        let again = Accepted {
            issue: Some("https://example.org/1".to_owned()),
            ..baseline.findings[0].clone()
        };
        baseline.accept(again);
        assert_eq!(baseline.findings.len(), 1);
        assert_eq!(baseline.findings[0].words(), "known, https://example.org/1");
        assert!(baseline.remove(&print));
        assert!(!baseline.remove(&print));
    }
}
