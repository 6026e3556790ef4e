//! The checker `staleness`: how far behind the reads of registers were, in versions and in seconds, and whether that
//! is within what was promised.
//!
//! **What it decides**, for each key into which no value is written twice: the smallest k such that in some order
//! every read returns one of the k last values written (k-atomicity; exact for 1 and 2, else between two bounds, see
//! `versions`), and the smallest Δ such that every read may be taken to have been made Δ earlier (Δ-atomicity, exact,
//! see `seconds`). Times are those of the record; calls that touch in time are taken to overlap. Without a promise it
//! only measures.
//!
//! **Sound**: it fails only what is beyond the promise in every order, passes only what one order keeps, and says
//! `unknown` in between and where values were repeated. A compare-and-set is judged as a read and a write, which is
//! less than it promises: for that there is [`Linearizable`](crate::Linearizable).
//!
//! **Complexity**: O(n log n) for each key and step, see there; keys in parallel.

mod clusters;
mod seconds;
mod two;
mod versions;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use history::{History, Index, Key, Register};
use rayon::prelude::*;
pub use versions::Versions;

use self::{
    clusters::{Cluster, Unclear},
    seconds::Behind,
};
use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, duration},
};

/// Judges by how much reads of registers were behind.
#[derive(Debug, Clone, Copy, Default)]
pub struct BoundedStaleness {
    k: Option<u64>,
    delta: Option<Duration>,
}

impl BoundedStaleness {
    /// Only measures.
    pub fn measure() -> Self {
        Self::default()
    }

    /// Every read returns one of the last `k` values; 1 is none but the last.
    pub fn versions(mut self, k: u64) -> Self {
        self.k = Some(k);
        self
    }

    /// Every read returns what was current at most this long before.
    pub fn within(mut self, delta: Duration) -> Self {
        self.delta = Some(delta);
        self
    }
}

/// How far behind the reads of a key were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staleness {
    /// In versions.
    pub versions: Versions,
    /// In time.
    pub behind: Duration,
}

/// What is known of one key.
struct One {
    calls: Vec<usize>,
    judged: Result<Measured, Unclear>,
}

/// By how much the reads of each key were behind; nothing for keys where that has no answer, because a value was
/// written twice, or read without having been written.
pub fn staleness(history: &History<Register>) -> BTreeMap<Key, Option<Staleness>> {
    let keys = judge(history).into_iter();
    keys.map(|(key, one)| (key.clone(), one.judged.ok().map(|(found, ..)| found)))
        .collect()
}

fn by_position(span: &history::Span<Register>) -> (i64, i64) {
    let end = span
        .completed
        .map_or(clusters::NEVER, |at: Index| i64::from(at.0));
    (i64::from(span.invoked.0), end)
}

fn by_clock(span: &history::Span<Register>) -> (i64, i64) {
    let end = span.end.map_or(clusters::NEVER, |end| end.0 as i64);
    (span.start.0 as i64, end)
}

fn judge(history: &History<Register>) -> Vec<(&Key, One)> {
    let mut keys: BTreeMap<&Key, Vec<usize>> = BTreeMap::new();
    for (i, span) in history.spans().iter().enumerate() {
        keys.entry(&span.call.key).or_default().push(i);
    }
    let one = |(key, calls): (_, Vec<usize>)| {
        let judged = measure(history, &calls);
        (key, One { calls, judged })
    };
    let keys: Vec<_> = keys.into_iter().collect();
    keys.into_par_iter().map(one).collect()
}

type Measured = (Staleness, Option<[usize; 2]>, Vec<usize>);

/// The staleness of one key; who was behind most, the read and the write that it missed; and the calls that prove that.
fn measure(history: &History<Register>, calls: &[usize]) -> Result<Measured, Unclear> {
    let ordered = clusters::clusters(&clusters::ops(history, calls, by_position))?;
    let timed = clusters::clusters(&clusters::ops(history, calls, by_clock))?;
    let behind = seconds::behind(&timed);
    let (pair, proof) = match behind {
        Some(behind) => told(&timed, behind),
        None => (None, Vec::new()),
    };
    let found = Staleness {
        versions: versions::versions(&ordered),
        behind: Duration::from_nanos(behind.map_or(0, |b| b.by as u64)),
    };
    Ok((found, pair, proof))
}

/// The stale read and the call that proves the newer value; and all calls that set the limits of the two clusters.
fn told(clusters: &[Cluster], behind: Behind) -> (Option<[usize; 2]>, Vec<usize>) {
    let mut calls = Vec::new();
    let mut limits = |i: usize| {
        let cluster = &clusters[i];
        let last = cluster.last_read().map(|read| read.call);
        let first = cluster.reads.iter().find(|read| read.end == cluster.end);
        let first = first.map(|read| read.call).or(cluster.writer);
        calls.extend([cluster.writer, last, first].into_iter().flatten());
        (last, first)
    };
    let stale = limits(behind.stale).0;
    limits(behind.newer);
    calls.sort_unstable();
    calls.dedup();
    let pair = stale.zip(clusters[behind.newer].writer);
    (pair.map(|(read, write)| [read, write]), calls)
}

impl Checker<Register> for BoundedStaleness {
    fn name(&self) -> &str {
        "staleness"
    }

    fn decides(&self) -> String {
        let versions = self.k.map(|k| format!("one of the last {k} values"));
        let time = self
            .delta
            .map(|d| format!("what was current at most {} before", duration(d)));
        match [versions, time].into_iter().flatten().collect::<Vec<_>>() {
            promises if promises.is_empty() => "how far reads were behind".to_owned(),
            promises => format!("every read returns {}", promises.join(", and ")),
        }
    }

    fn limits(&self) -> &'static str {
        "sound where no value is written twice: it fails only what no order allows, and is unknown where more than two versions \
         or repeated values leave it open"
    }

    fn check(&self, history: &History<Register>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "bounded-staleness");
        let (mut keys, mut unclear) = (0, Vec::new());
        let mut undecided = None;
        let mut worst = Staleness {
            versions: Versions {
                at_least: 1,
                at_most: 1,
            },
            behind: Duration::ZERO,
        };
        for (key, one) in judge(history) {
            keys += 1;
            let (found, pair, proof) = match one.judged {
                Ok(judged) => judged,
                Err(Unclear::Repeated) => {
                    unclear.push(key);
                    continue;
                }
                Err(Unclear::Unfounded(call)) => {
                    findings.add("unfounded-read", &[call], || unfounded(history, key, call));
                    continue;
                }
            };
            worst.behind = worst.behind.max(found.behind);
            let versions = &mut worst.versions;
            versions.at_least = versions.at_least.max(found.versions.at_least);
            versions.at_most = versions.at_most.max(found.versions.at_most);
            if self.delta.is_some_and(|delta| found.behind > delta) {
                findings.add("stale-read", &proof, || {
                    late(history, key, found.behind, pair)
                });
            }
            match self.k {
                Some(k) if found.versions.at_least > k => {
                    let (calls, minimal) = few(history, &one.calls, k);
                    findings.add("versions-behind", &calls, || Told {
                        title: format!("read more than {k} versions old on key {key}"),
                        explanation: format!(
                            "In every order of these calls that respects real time, some read of key {key} returns none \
                             of the last {k} values written."
                        ),
                        key: Some(key.clone()),
                        confidence: CERTAIN,
                        minimal,
                    });
                }
                Some(k) if found.versions.at_most > k => {
                    undecided = undecided.or(Some((key, found)))
                }
                _ => {}
            }
        }
        findings.or_else(|| {
            if let Some((key, found)) = undecided {
                return Verdict::Unknown(Cause {
                    code: "staleness/undecided".to_owned(),
                    text: format!(
                        "on key {key}, at least the last {} values had to be allowed, and {} were enough; what lies \
                         between was not decided",
                        found.versions.at_least, found.versions.at_most
                    ),
                    remedy: "expect fewer or more versions, or a time".to_owned(),
                });
            }
            if let Some(first) = unclear.first()
                && (unclear.len() == keys || self.k.is_some() || self.delta.is_some())
            {
                return Verdict::Unknown(Cause {
                    code: "staleness/repeated-values".to_owned(),
                    text: format!(
                        "{} of {keys} keys had a value written twice, key {first} among them, so it is not known which \
                         of them a read returned",
                        unclear.len()
                    ),
                    remedy: "let the workload write each value once to a key".to_owned(),
                });
            }
            let mut notes = vec![match worst.behind {
                Duration::ZERO => "no read was behind".to_owned(),
                behind => format!("no read was more than {} behind", duration(behind)),
            }];
            if worst.versions.at_most > 1 {
                notes.push(format!(
                    "every read returned one of the last {} values written",
                    worst.versions.at_most
                ));
            }
            if !unclear.is_empty() {
                notes.push(format!("{} keys with repeated values were not measured", unclear.len()));
            }
            let judged = (keys - unclear.len()) as u64;
            Verdict::Pass(evidence([("keys measured", judged)], notes))
        })
    }
}

fn unfounded(history: &History<Register>, key: &Key, call: usize) -> Told {
    Told {
        title: format!("read from nowhere on key {key}"),
        explanation: format!(
            "{} Nobody had tried to write that by then.",
            Words(history).call(call)
        ),
        key: Some(key.clone()),
        confidence: CERTAIN,
        minimal: true,
    }
}

fn late(
    history: &History<Register>,
    key: &Key,
    behind: Duration,
    pair: Option<[usize; 2]>,
) -> Told {
    let words = Words(history);
    let what = pair.map_or(String::new(), |[read, write]| {
        format!(
            " {} What it returned had been replaced before: {}",
            words.call(read),
            words.call(write)
        )
    });
    Told {
        title: format!("read {} behind on key {key}", duration(behind)),
        explanation: format!(
            "These calls are possible only if a read may return what was current {} before it began.{what}",
            duration(behind)
        ),
        key: Some(key.clone()),
        confidence: CERTAIN,
        minimal: true,
    }
}

/// How many clusters may be looked at while a witness is made smaller.
const EFFORT: usize = 4_000_000;

/// Few calls that are already beyond `k` versions, and whether no value can be left out. Leaving out a value with its
/// reads never makes others staler, so halves, quarters and so on are tried.
fn few(history: &History<Register>, calls: &[usize], k: u64) -> (Vec<usize>, bool) {
    let ops = clusters::ops(history, calls, by_position);
    let mut left = clusters::clusters(&ops).unwrap_or_default();
    let mut effort = 0;
    let mut size = left.len().div_ceil(2);
    let mut minimal = true;
    while size > 0 && minimal {
        let mut at = 0;
        while at < left.len() {
            effort += left.len();
            if effort > EFFORT {
                minimal = false;
                break;
            }
            let until = (at + size).min(left.len());
            let rest: Vec<Cluster> = [&left[..at], &left[until..]].concat();
            match versions::versions(&rest).at_least > k {
                true => left = rest,
                false => at = until,
            }
        }
        size /= 2;
    }
    let mut calls: Vec<usize> = (left.iter())
        .flat_map(|c| c.writer.into_iter().chain(c.reads.iter().map(|r| r.call)))
        .collect();
    calls.sort_unstable();
    calls.dedup();
    (calls, minimal)
}
