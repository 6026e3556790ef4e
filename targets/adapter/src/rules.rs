//! What an answer, or the lack of one, says about the call: the one decision that decides what a verdict is worth.
//!
//! What the operation itself names comes first (`absent`, `mismatch`), then what `outcomes` names: a status before its class
//! (`409` before `4xx`). Whatever nobody named may have happened.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, de};

/// What can be seen of how a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// An answer with this HTTP status.
    Status(u16),
    /// One of a hundred statuses: `5xx` is `Class(5)`.
    Class(u16),
    /// No connection: nothing was sent.
    Refused,
    /// No answer within the adapter's own `timeout`.
    Timeout,
    /// The connection ended before the answer did.
    Reset,
}

impl Symptom {
    /// As it is counted in reports.
    pub fn class(self) -> String {
        match self {
            Self::Status(status) => format!("http-{status}"),
            Self::Class(class) => format!("http-{class}xx"),
            Self::Refused => kit::NO_CONNECTION.to_owned(),
            Self::Timeout => "client-timeout".to_owned(),
            Self::Reset => "connection-lost".to_owned(),
        }
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Refused => f.write_str("refused"),
            Self::Timeout => f.write_str("timeout"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

impl FromStr for Symptom {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let status = |text: &str| text.parse().ok().filter(|s| (100..600).contains(s));
        Ok(match text {
            "refused" => Self::Refused,
            "timeout" => Self::Timeout,
            "reset" => Self::Reset,
            "1xx" | "2xx" | "3xx" | "4xx" | "5xx" => Self::Class(u16::from(text.as_bytes()[0] - b'0')),
            other => Self::Status(status(other).ok_or_else(|| {
                format!("{other:?} is nothing that can be seen: write a status as 409, 5xx, refused, timeout or reset")
            })?),
        })
    }
}

/// One, or several in brackets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Symptoms(pub(crate) Vec<Symptom>);

impl Symptoms {
    pub(crate) fn contain(&self, seen: Symptom) -> bool {
        self.0.contains(&seen) || general(seen).is_some_and(|class| self.0.contains(&class))
    }
}

impl<'de> Deserialize<'de> for Symptoms {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            List(Vec<Word>),
            One(Word),
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Word {
            Number(u16),
            Text(String),
        }
        let words = match Written::deserialize(from)? {
            Written::List(words) => words,
            Written::One(word) => vec![word],
        };
        let read = |word: Word| match word {
            Word::Number(n) => n.to_string().parse(),
            Word::Text(text) => text.parse(),
        };
        let read: Result<_, String> = words.into_iter().map(read).collect();
        Ok(Self(read.map_err(de::Error::custom)?))
    }
}

fn general(seen: Symptom) -> Option<Symptom> {
    match seen {
        Symptom::Status(status) => Some(Symptom::Class(status / 100)),
        _ => None,
    }
}

/// How a call ended, according to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It happened.
    Ok,
    /// It did not and will not.
    Fail,
    /// It may have.
    Info,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        })
    }
}

/// The rules of an adapter, for all its operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes(BTreeMap<Symptom, Verdict>);

/// As it is written; what is left out is as usual.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OutcomesSection {
    ok: Option<Symptoms>,
    fail: Option<Symptoms>,
    info: Option<Symptoms>,
}

impl Default for Outcomes {
    fn default() -> Self {
        let section = OutcomesSection::default();
        Self::of(section).expect("the usual rules do not contradict each other")
    }
}

impl Outcomes {
    pub(crate) fn of(said: OutcomesSection) -> Result<Self, String> {
        use Symptom::{Class, Refused, Reset, Status, Timeout};
        let usual = [
            (Verdict::Ok, vec![Class(2)]),
            (
                Verdict::Fail,
                vec![Refused, Status(400), Status(401), Status(403), Status(405)],
            ),
            (Verdict::Info, vec![Timeout, Reset, Status(429), Class(5)]),
        ];
        let mut rules = BTreeMap::new();
        for ((verdict, usual), said) in usual.into_iter().zip([said.ok, said.fail, said.info]) {
            let named = said.is_some();
            for symptom in said.map_or(usual, |s| s.0) {
                match rules.get(&symptom) {
                    Some((other, true)) if named => {
                        return Err(format!(
                            "outcomes: {symptom} cannot be both {other} and {verdict}"
                        ));
                    }
                    // What is named wins over what is usual.
                    Some((_, true)) => {}
                    _ => drop(rules.insert(symptom, (verdict, named))),
                }
            }
        }
        Ok(Self(
            rules
                .into_iter()
                .map(|(s, (verdict, _))| (s, verdict))
                .collect(),
        ))
    }

    /// What this says about a call, and the rule that says so, for people.
    pub fn judge(&self, seen: Symptom) -> (Verdict, String) {
        let candidates = [Some(seen), general(seen)];
        for rule in candidates.into_iter().flatten() {
            if let Some(verdict) = self.0.get(&rule) {
                return (*verdict, format!("outcomes: {verdict}: {rule}"));
            }
        }
        let why = format!("nothing is said of {seen}, so it may have happened");
        (Verdict::Info, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(yaml: &str) -> Result<Outcomes, String> {
        Outcomes::of(serde_yaml::from_str(yaml).map_err(|e: serde_yaml::Error| e.to_string())?)
    }

    fn says(outcomes: &Outcomes, seen: Symptom) -> Verdict {
        outcomes.judge(seen).0
    }

    #[test]
    fn what_nobody_named_may_have_happened() {
        let usual = Outcomes::default();
        for (status, verdict) in [
            (200, Verdict::Ok),
            (204, Verdict::Ok),
            (302, Verdict::Info),
            (400, Verdict::Fail),
            (404, Verdict::Info),
            (418, Verdict::Info),
            (429, Verdict::Info),
            (500, Verdict::Info),
            (503, Verdict::Info),
        ] {
            assert_eq!(says(&usual, Symptom::Status(status)), verdict, "{status}");
        }
        assert_eq!(says(&usual, Symptom::Refused), Verdict::Fail);
        assert_eq!(says(&usual, Symptom::Timeout), Verdict::Info);
        assert_eq!(says(&usual, Symptom::Reset), Verdict::Info);
        assert!(
            usual
                .judge(Symptom::Status(418))
                .1
                .contains("nothing is said of 418")
        );
    }

    #[test]
    fn a_status_comes_before_its_class_and_what_is_named_before_what_is_usual() {
        let own = outcomes("{ fail: [503, refused], info: 5xx }").unwrap();
        assert_eq!(
            own.judge(Symptom::Status(503)),
            (Verdict::Fail, "outcomes: fail: 503".into())
        );
        assert_eq!(
            own.judge(Symptom::Status(502)),
            (Verdict::Info, "outcomes: info: 5xx".into())
        );
        assert_eq!(
            says(&own, Symptom::Status(400)),
            Verdict::Info,
            "the list was given anew"
        );
        let usual_contradicted = outcomes("{ fail: [timeout, 429] }").unwrap();
        assert_eq!(says(&usual_contradicted, Symptom::Timeout), Verdict::Fail);
        assert_eq!(
            says(&usual_contradicted, Symptom::Status(429)),
            Verdict::Fail
        );
        let not_ok = outcomes("{ info: [2xx] }").unwrap();
        assert_eq!(says(&not_ok, Symptom::Status(200)), Verdict::Info);
    }

    #[test]
    fn contradictions_and_words_without_a_meaning_are_refused() {
        assert!(
            outcomes("{ ok: 404, fail: [404] }")
                .unwrap_err()
                .contains("404 cannot be both ok and fail")
        );
        assert!(
            outcomes("{ fail: [timout] }")
                .unwrap_err()
                .contains("timeout")
        );
        assert!(outcomes("{ fail: 4 }").unwrap_err().contains("409"));
    }
}
