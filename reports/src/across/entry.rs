//! A run in one line: what `runs/index.jsonl` keeps of it, computed from the files of its directory alone.
//!
//! The index is append-only and the last line of a run counts, as a run may be judged again. Lines that cannot be read are
//! counted, never fatal: the directories are the truth, and the index can be made anew from them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use history::{Nanos, fault::FaultSpan};
use serde::{Deserialize, Serialize};

use crate::{
    Counts, FaultCounts, RunMeta,
    across::{Campaigns, Fingerprint},
    escape::{VALUE, inert},
};

/// The version of [`Entry`] that this program writes.
pub const INDEX_SCHEMA: u32 = 1;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// No violation found, in enough evidence.
    Pass,
    /// No violation found, and not enough evidence.
    Unknown,
    /// The harness or its access to the cluster broke.
    Error,
    /// A property is violated.
    Fail,
}

impl Ending {
    /// All four, the worst first.
    pub const ALL: [Self; 4] = [Self::Fail, Self::Error, Self::Unknown, Self::Pass];

    /// `pass`, `unknown`, `error`, `fail`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }

    /// `✓`, `?`, `!`, `✗`.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Pass => "✓",
            Self::Unknown => "?",
            Self::Error => "!",
            Self::Fail => "✗",
        }
    }
}

/// A finding, as far as other runs can show the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its name across runs.
    pub fingerprint: Fingerprint,
    /// Its number in its run.
    pub number: usize,
    /// Name of the anomaly.
    pub code: String,
    /// In words.
    pub title: String,
    /// The property violated.
    pub property: String,
    /// The kinds of fault that were in force, and seen to be.
    pub faults: Vec<String>,
    /// How many calls prove it.
    pub calls: usize,
}

/// How fast a run was, in four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// Median latency of `ok` calls.
    pub p50: Nanos,
    /// Their 99th percentile.
    pub p99: Nanos,
    /// `ok` calls a second.
    pub rate: f64,
    /// The longest stretch without an `ok` call on any node.
    pub outage: Nanos,
}

/// A run in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this structure, [`INDEX_SCHEMA`].
    pub v: u32,
    /// The run.
    pub id: String,
    /// What was run against what: `register-etcd`.
    pub case: String,
    /// Under which faults: `partition+kill`.
    pub faults: String,
    /// When it was started.
    pub started: DateTime<Utc>,
    /// How it ended.
    pub verdict: Ending,
    /// Whether it was stopped before it was over.
    #[serde(default)]
    pub interrupted: bool,
    /// The target.
    #[serde(default)]
    pub target: String,
    /// Its version, as it says itself.
    #[serde(default)]
    pub target_version: Option<String>,
    /// The seed.
    #[serde(default)]
    pub seed: Option<String>,
    /// How long it took.
    #[serde(default)]
    pub duration: Nanos,
    /// What it found.
    #[serde(default)]
    pub findings: Vec<Seen>,
    /// Why it is `unknown`, by code; or what broke, in a few words.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// How far its faults came.
    #[serde(default)]
    pub fault_counts: FaultCounts,
    /// The kinds of fault that were seen to bite.
    #[serde(default)]
    pub verified: Vec<String>,
    /// How its calls ended.
    #[serde(default)]
    pub ops: Counts,
    /// How fast it was, where its history could be read.
    #[serde(default)]
    pub brief: Option<Brief>,
    /// Whether its directory was deleted; its line stays, for rates need every run that there was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// What a run's directory says.
#[derive(Debug, Clone)]
pub struct RunFiles<'a> {
    /// The name of the directory.
    pub id: &'a str,
    /// The name of the directory above the one above.
    pub case: &'a str,
    /// The name of the directory above.
    pub faults: &'a str,
    /// When it was started.
    pub started: DateTime<Utc>,
    /// `verdict.json`.
    pub verdict: &'a serde_json::Value,
    /// `meta.json`, empty where there is none.
    pub meta: RunMeta,
    /// `faults.jsonl`.
    pub spans: &'a [FaultSpan],
    /// Of `history.jsonl`.
    pub brief: Option<Brief>,
}

/// What is asked of a verdict, whichever version of this program wrote it, and also where there is none but an error.
#[derive(Deserialize)]
struct Sealed {
    verdict: Ending,
    #[serde(default)]
    interrupted: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    findings: Vec<Found>,
    #[serde(default)]
    causes: Vec<Code>,
    #[serde(default)]
    ops: Counts,
    #[serde(default)]
    faults: FaultCounts,
}

#[derive(Deserialize)]
struct Found {
    number: usize,
    code: String,
    title: String,
    property: String,
    from: Nanos,
    until: Nanos,
    #[serde(default)]
    witness: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

impl Entry {
    /// Of a run that has a verdict; `None` where the verdict is not one.
    pub fn new(files: RunFiles<'_>) -> Option<Self> {
        let sealed: Sealed = serde_json::from_value(files.verdict.clone()).ok()?;
        let biting: Vec<&FaultSpan> = files.spans.iter().filter(|s| s.took_effect()).collect();
        let findings = sealed.findings.into_iter().map(|found| {
            let during = biting
                .iter()
                .filter(|s| s.overlaps(found.from, found.until));
            let faults = kinds(during.copied());
            let of = faults.iter().map(String::as_str);
            Seen {
                fingerprint: Fingerprint::new(files.case, &found.property, &found.code, of),
                number: found.number,
                code: found.code,
                title: found.title,
                property: found.property,
                calls: found.witness.len(),
                faults,
            }
        });
        let mut reasons: Vec<String> = sealed.causes.into_iter().map(|c| c.code).collect();
        reasons.extend(sealed.error.as_deref().map(class_of_error));
        reasons.sort_unstable();
        reasons.dedup();
        let mut entry = Self {
            v: INDEX_SCHEMA,
            id: files.id.to_owned(),
            case: files.case.to_owned(),
            faults: files.faults.to_owned(),
            started: files.started,
            verdict: sealed.verdict,
            interrupted: sealed.interrupted,
            target: files.meta.target,
            target_version: files.meta.target_version,
            seed: files.meta.seed,
            duration: files.meta.duration,
            findings: findings.collect(),
            reasons,
            fault_counts: sealed.faults,
            verified: kinds(biting.iter().copied()),
            ops: sealed.ops,
            brief: files.brief,
            gone: false,
        };
        entry.clean();
        Some(entry)
    }

    /// `register-etcd × partition+kill`.
    pub fn case_and_faults(&self) -> String {
        format!("{} × {}", self.case, self.faults)
    }

    /// Where its directory is, below that of the index.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.case, self.faults, self.id)
    }

    /// Whether it could have shown a violation under these faults: it ran to its end, and they were seen to bite.
    pub fn could_see(&self, faults: &[String]) -> bool {
        self.verdict != Ending::Error
            && !self.interrupted
            && faults.iter().all(|kind| self.verified.contains(kind))
    }

    /// Whether it shows a finding.
    pub fn shows(&self, fingerprint: &Fingerprint) -> bool {
        self.findings.iter().any(|f| f.fingerprint == *fingerprint)
    }

    /// Everything that others wrote, made inert. Names of directories that are none of ours lead nowhere.
    fn clean(&mut self) {
        for name in [&mut self.id, &mut self.case, &mut self.faults] {
            name.retain(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
            if name.starts_with('.') || name.is_empty() {
                name.insert(0, '-');
            }
        }
        let line = |text: &mut String| *text = inert(text, VALUE);
        line(&mut self.target);
        self.target_version.iter_mut().for_each(line);
        self.seed.iter_mut().for_each(line);
        self.reasons.iter_mut().for_each(line);
        self.verified.iter_mut().for_each(line);
        for found in &mut self.findings {
            line(&mut found.code);
            line(&mut found.title);
            line(&mut found.property);
            found.faults.iter_mut().for_each(line);
        }
    }
}

fn kinds<'a>(spans: impl Iterator<Item = &'a FaultSpan>) -> Vec<String> {
    let mut kinds: Vec<String> = spans.map(|s| s.kind.clone()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// An error's first line without its numbers, so that the same mishap on two ports is one.
fn class_of_error(text: &str) -> String {
    let mut class = String::new();
    for c in text.lines().next().unwrap_or_default().chars().take(100) {
        match c {
            '0'..='9' if class.ends_with('#') => {}
            '0'..='9' => class.push('#'),
            c => class.push(c),
        }
    }
    class
}

/// The runs of a store, and how many lines of its index could not be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// One entry a run, the oldest first.
    pub entries: Vec<Entry>,
    /// Lines that are none of ours, or torn.
    pub unreadable: usize,
    /// Which runs were made together. The text of the index says nothing of it: campaigns have records of their own.
    pub campaigns: Campaigns,
}

impl Index {
    /// Of the text of `index.jsonl`.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let mut unreadable = 0;
        let entries = lines.filter_map(|line| match serde_json::from_str::<Entry>(line) {
            Ok(mut entry) if entry.v <= INDEX_SCHEMA => {
                entry.clean();
                Some(entry)
            }
            _ => {
                unreadable += 1;
                None
            }
        });
        let entries = entries.collect::<Vec<_>>();
        Self {
            unreadable,
            ..Self::new(entries)
        }
    }

    /// Of these runs; of several with one id the last counts.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let by_id: BTreeMap<String, Entry> =
            entries.into_iter().map(|e| (e.id.clone(), e)).collect();
        let mut entries: Vec<Entry> = by_id.into_values().collect();
        entries.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
        Self {
            entries,
            unreadable: 0,
            campaigns: Campaigns::default(),
        }
    }

    /// As the text of `index.jsonl`.
    pub fn to_jsonl(&self) -> String {
        let line = |e: &Entry| serde_json::to_string(e).expect("plain data always has a JSON form");
        self.entries.iter().map(|e| line(e) + "\n").collect()
    }
}
