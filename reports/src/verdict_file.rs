//! `verdict.json`: small, and written last, so that its presence says that a run is complete.

use std::time::Duration;

use checkers::{Cause, Check, Evidence, Finding, Precedence, Verdict};
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
    /// Where the proof goes round in a circle: why each call must come before the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<Precedence>,
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
    /// What it decides, in a sentence.
    #[serde(default)]
    pub decides: String,
    /// The numbers of its findings.
    #[serde(default)]
    pub findings: Vec<usize>,
    /// How long it took; unset where a history is judged anew, so that the same history gets the same bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Nanos>,
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
                    order: f.order,
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
                    decides: c.decides.clone(),
                    findings: c.findings.clone(),
                    took: Some(c.took),
                })
                .collect(),
            ops: report.stats.counts,
            faults: report.fault_counts,
            seed: report.meta.seed.clone(),
            duration: report.meta.duration,
        }
    }

    /// The same without how long its checkers took.
    pub fn untimed(mut self) -> Self {
        for check in &mut self.checks {
            check.took = None;
        }
        self
    }

    /// What the checkers said, for a report to be made of it again.
    pub fn judged(&self) -> Vec<Check> {
        self.checks.iter().map(|entry| self.check(entry)).collect()
    }

    fn check(&self, entry: &CheckEntry) -> Check {
        let of_it = |finding: &&FindingEntry| entry.findings.contains(&finding.number);
        let findings = self.findings.iter().filter(of_it);
        Check {
            name: entry.name.clone(),
            decides: entry.decides.clone(),
            verdict: match (entry.verdict, &entry.cause) {
                (Conclusion::Fail, _) => Verdict::Fail(findings.map(Finding::from).collect()),
                (Conclusion::Unknown, Some(cause)) => Verdict::Unknown(cause.clone()),
                _ => Verdict::Pass(entry.evidence.clone()),
            },
            took: Duration::from_nanos(entry.took.unwrap_or_default().0),
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

impl From<&FindingEntry> for Finding {
    fn from(entry: &FindingEntry) -> Self {
        let entry = entry.clone();
        Self {
            code: entry.code,
            title: entry.title,
            property: entry.property,
            explanation: entry.explanation,
            key: entry.key,
            witness: entry.witness,
            from: entry.from,
            until: entry.until,
            minimal: entry.minimal,
            confidence: entry.confidence,
            more: entry.more,
            order: entry.order,
        }
    }
}
