//! What a checker concluded. Four words exist in the whole program: `pass`, `fail`, `unknown`, and `error`, which is
//! not a verdict: it says that the harness or the cluster broke and nothing was judged.

use std::time::Duration;

use history::{Index, Key, Nanos};
use serde::{Deserialize, Serialize};

/// A conclusion about one property of one history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "because", rename_all = "kebab-case")]
pub enum Verdict {
    /// No violation found, in this much evidence.
    Pass(Evidence),
    /// The property is violated; each finding proves it alone. Never empty.
    Fail(Vec<Finding>),
    /// No violation found, and not enough evidence to pass.
    Unknown(Cause),
}

/// How much a pass rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was counted, and how many: `("ok ops", 82114)`, `("keys", 32)`.
    pub counts: Vec<(String, u64)>,
    /// Limits and assumptions worth knowing, in words.
    pub notes: Vec<String>,
}

/// One deduplicated violation, with its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Name of the anomaly in the catalogue: `stale-read`, `phantom-value`, `lost-write`.
    pub code: String,
    /// The anomaly in words, and the place: `stale read on key 17`.
    pub title: String,
    /// The property that is violated: `linearizable`.
    pub property: String,
    /// What happened, in sentences for someone who has never heard of the property. Names values, nodes, times.
    pub explanation: String,
    /// The object concerned, where there is one.
    pub key: Option<Key>,
    /// A minimal set of calls that is already impossible: indices of their invocations, in that order.
    pub witness: Vec<Index>,
    /// From the start of the first of them that matters to the moment at which the violation was complete.
    pub from: Nanos,
    /// See `from`.
    pub until: Nanos,
    /// Whether the witness is minimal, or only reduced because the budget ran out.
    pub minimal: bool,
    /// How sure we are, in words; `certain` wherever the witness alone is impossible.
    pub confidence: String,
    /// How many further violations of the same kind were found (other keys, other calls).
    pub more: u64,
    /// Where the proof goes round in a circle: why each call must come before the next, the last before the first. Empty
    /// where it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Precedence>,
}

/// Why one call of a proof must come before another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedence {
    /// The call that comes first.
    pub before: Index,
    /// The call that comes after it.
    pub after: Index,
    /// What kind of order that is.
    pub kind: Dependency,
    /// The evidence, in words that call the first transaction of the circle T1, the second T2: `T2 read [1 2] of key x;
    /// T1 appended 2`.
    pub because: String,
}

/// What puts one transaction before another (Adya 1999, 3.1; Elle adds sessions and real time).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dependency {
    /// It wrote a version, and the other a later one.
    Ww,
    /// It wrote what the other read.
    Wr,
    /// It read a version that the other replaced.
    Rw,
    /// It came before in the same session.
    So,
    /// It ended before the other began.
    Rt,
}

impl Dependency {
    /// The two letters of the literature.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ww => "ww",
            Self::Wr => "wr",
            Self::Rw => "rw",
            Self::So => "so",
            Self::Rt => "rt",
        }
    }

    /// What it is called in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ww => "write, then a later write",
            Self::Wr => "write, then a read of it",
            Self::Rw => "read, then a write of what replaced it",
            Self::So => "the order of one session",
            Self::Rt => "real time",
        }
    }
}

/// Why there is no conclusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Stable, for machines: `coverage/no-reads-during-fault`, `budget/time`.
    pub code: String,
    /// What it means here.
    pub text: String,
    /// The cheapest remedy.
    pub remedy: String,
}

impl Verdict {
    /// `pass`, `fail` or `unknown`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "pass",
            Self::Fail(_) => "fail",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The worst of two: `fail` outranks `unknown`, which outranks `pass`. Findings and counts add up.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fail(mut a), Self::Fail(b)) => {
                a.extend(b);
                Self::Fail(a)
            }
            (Self::Fail(a), _) | (_, Self::Fail(a)) => Self::Fail(a),
            (Self::Unknown(a), _) | (_, Self::Unknown(a)) => Self::Unknown(a),
            (Self::Pass(mut a), Self::Pass(b)) => {
                for (what, n) in b.counts {
                    match a.counts.iter_mut().find(|(w, _)| *w == what) {
                        Some((_, m)) => *m += n,
                        None => a.counts.push((what, n)),
                    }
                }
                a.notes.extend(b.notes);
                a.notes.dedup();
                Self::Pass(a)
            }
        }
    }
}

/// What a checker may spend before it must answer `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Steps of the search; about ten million a second.
    pub steps: u64,
    /// Bytes for remembered states.
    pub bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: 2_000_000_000,
            bytes: 4 << 30,
        }
    }
}

/// A verdict with the name of the checker that reached it and what that took; `checks/NAME.json` holds one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The checker: `linearizable`, `coverage`, `stats`.
    pub name: String,
    /// What it decides, in a sentence.
    pub decides: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// How long it took; filled by whoever ran it, since checkers have no clock.
    pub took: Duration,
}
