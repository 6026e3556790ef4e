//! `verdict.json`: small, and written last, so that its presence says that a run is complete.

use checkers::{Cause, Evidence};
use history::{Index, Key, Nanos};
use serde::{Deserialize, Serialize};

use crate::{Conclusion, Counts, FaultCounts, Report};

/// The version of [`VerdictFile`] that this program writes.
pub const VERDICT_SCHEMA: u32 = 1;

/// The content of `verdict.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictFile {
    /// Version of this structure, [`VERDICT_SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run: String,
    /// The case.
    pub case: String,
    /// The workload.
    #[serde(default)]
    pub workload: String,
    /// What was expected.
    #[serde(default)]
    pub expectation: String,
    /// The verdict.
    pub verdict: Conclusion,
    /// What the process that judged it exits with.
    pub exit_code: u8,
    /// Whether the run was stopped before it was over.
    pub interrupted: bool,
    /// The run in a paragraph.
    pub story: String,
    /// Why the verdict is `unknown`; empty otherwise.
    pub causes: Vec<Cause>,
    /// The violations.
    pub findings: Vec<FindingEntry>,
    /// Each checker's verdict.
    pub checks: Vec<CheckEntry>,
    /// How the calls ended.
    pub ops: Counts,
    /// How far the faults came.
    pub faults: FaultCounts,
    /// The seed.
    pub seed: Option<String>,
    /// How long the run took.
    pub duration: Nanos,
}

/// A violation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingEntry {
    /// Its number, for `schism show RUN/N`.
    pub number: usize,
    /// Name of the anomaly.
    pub code: String,
    /// In words.
    pub title: String,
    /// The property violated.
    pub property: String,
    /// What happened.
    pub explanation: String,
    /// The object concerned.
    pub key: Option<Key>,
    /// Invocations of the calls that prove it.
    pub witness: Vec<Index>,
    /// From here …
    pub from: Nanos,
    /// … to here.
    pub until: Nanos,
    /// Whether the witness is minimal.
    pub minimal: bool,
    /// How sure we are.
    pub confidence: String,
    /// How many more of the same kind.
    pub more: u64,
    /// Faults that may have been in force.
    pub during: Vec<String>,
}

/// A checker's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckEntry {
    /// The checker.
    pub name: String,
    /// Its verdict.
    pub verdict: Conclusion,
    /// What a pass rests on, and its limits.
    #[serde(default)]
    pub evidence: Evidence,
    /// Why there is none.
    pub cause: Option<Cause>,
}

impl VerdictFile {
    /// Of a report; the exit code is the program's to choose.
    pub fn new(report: &Report, exit_code: u8) -> Self {
        let findings = report
            .findings
            .iter()
            .map(|view| {
                let f = view.finding.clone();
                FindingEntry {
                    number: view.number,
                    code: f.code,
                    title: f.title,
                    property: f.property,
                    explanation: f.explanation,
                    key: f.key,
                    witness: f.witness,
                    from: f.from,
                    until: f.until,
                    minimal: f.minimal,
                    confidence: f.confidence,
                    more: f.more,
                    during: view.during.iter().map(|d| d.label.clone()).collect(),
                }
            })
            .collect();
        Self {
            schema: VERDICT_SCHEMA,
            run: report.meta.run.clone(),
            case: report.meta.case(),
            workload: report.meta.workload.clone(),
            expectation: report.meta.expectation.clone(),
            verdict: report.conclusion,
            exit_code,
            interrupted: report.meta.interrupted,
            story: report.story.clone(),
            causes: report.causes.clone(),
            findings,
            checks: report
                .checks
                .iter()
                .map(|c| CheckEntry {
                    name: c.name.clone(),
                    verdict: c.conclusion,
                    evidence: c.evidence.clone(),
                    cause: c.cause.clone(),
                })
                .collect(),
            ops: report.stats.counts,
            faults: report.fault_counts,
            seed: report.meta.seed.clone(),
            duration: report.meta.duration,
        }
    }

    /// As the bytes of the file: indented JSON with a line end.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("plain data always has a JSON form");
        text.push('\n');
        text
    }
}
