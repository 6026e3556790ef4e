//! Everything a reader may be told about a run, as plain data. The last place that sees typed operations.

use checkers::{Cause, Check, Evidence, Verdict, cap::Card};
use history::{Codec, History, Nanos, fault::FaultSpan};
use serde::{Deserialize, Serialize};

use crate::{
    FaultCounts, FaultView, FindingView, LogsView, Matrix, Packed, RunMeta, Series,
    SideUseOverTime, Stats, Window, cap,
    escape::{DOCUMENT, PROSE, VALUE, inert, inert_lines},
    matrix::Known,
    models::Family,
    packed::{self, Beside},
    story,
};

/// The verdict on a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// No violation found, in enough evidence.
    Pass,
    /// No violation found, and not enough evidence.
    Unknown,
    /// A property is violated.
    Fail,
}

impl Conclusion {
    /// `pass`, `unknown`, `fail`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// `PASS`, `UNKNOWN`, `FAIL`.
    pub fn loud(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Unknown => "UNKNOWN",
            Self::Fail => "FAIL",
        }
    }

    /// `✓`, `?`, `✗`: a verdict is never told by colour alone.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Pass => "✓",
            Self::Unknown => "?",
            Self::Fail => "✗",
        }
    }
}

/// One checker's conclusion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// What it decides, in a sentence.
    pub decides: String,
    /// What it concluded.
    pub conclusion: Conclusion,
    /// What a pass rests on; empty otherwise.
    pub evidence: Evidence,
    /// Why there is no conclusion.
    pub cause: Option<Cause>,
    /// The numbers of its findings in the report.
    pub findings: Vec<usize>,
    /// How long it took.
    pub took: Nanos,
}

/// Everything about a run, as plain data. All text in it is inert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was run.
    pub meta: RunMeta,
    /// The verdict.
    pub conclusion: Conclusion,
    /// Why it is `unknown`; empty otherwise.
    pub causes: Vec<Cause>,
    /// The run in a paragraph.
    pub story: String,
    /// The findings, worst first as the checkers ordered them.
    pub findings: Vec<FindingView>,
    /// The checkers, in the order in which they ran.
    pub checks: Vec<CheckView>,
    /// The faults, in the order in which they were planned.
    pub faults: Vec<FaultView>,
    /// How far they came.
    pub fault_counts: FaultCounts,
    /// Counts of calls, latencies, errors, nodes.
    pub stats: Stats,
    /// The run over time.
    pub series: Series,
    /// The models of consistency against what was going on.
    pub matrix: Matrix,
    /// What each side of each partition was given, if that was judged; see [`Report::with_cap`].
    pub cap: Option<Card>,
    /// What the nodes wrote, if it was fetched; see [`Report::with_logs`].
    pub logs: Option<LogsView>,
    /// What each side of each partition was given over time; see [`Report::with_sides`].
    pub sides: Vec<SideUseOverTime>,
    /// All calls, for the explorer of the page; none after [`Report::without_calls`].
    #[serde(skip)]
    pub calls: Packed,
    /// Whether any event has a time; histories of others may have none.
    pub timed: bool,
}

impl Report {
    /// Renders everything to plain data. O(n log n) in the number of calls, plus O(calls during faults).
    pub fn new<O: Codec>(
        meta: RunMeta,
        history: &History<O>,
        checks: Vec<Check>,
        faults: Vec<FaultSpan>,
    ) -> Self {
        let mut report = Self::without_calls(meta, history, checks, faults);
        let beside = Beside {
            meta: &report.meta,
            faults: &report.faults,
            findings: &report.findings,
            timed: report.timed,
        };
        report.calls = Packed::new(history, &beside, packed::BUDGET);
        report
    }

    /// The same for those who make no page of it. Packing all calls for the page's explorer takes longer than most
    /// checkers take to judge them.
    pub fn without_calls<O: Codec>(
        meta: RunMeta,
        history: &History<O>,
        checks: Vec<Check>,
        faults: Vec<FaultSpan>,
    ) -> Self {
        let mut meta = clean(meta);
        if meta.nodes.is_empty() {
            meta.nodes = history
                .nodes()
                .iter()
                .map(|(_, n)| inert(n, VALUE))
                .collect();
        }
        let faults: Vec<FaultView> = faults
            .into_iter()
            .map(|f| FaultView::new(f, history))
            .collect();
        let series = Series::new(history, meta.duration);
        let zero = |time: Option<Nanos>| time.is_none_or(|time| time == Nanos(0));
        let mut spans = history.spans().iter();
        let timed = !spans.all(|span| zero(Some(span.start)) && zero(span.end));
        if meta.duration == Nanos(0) && timed {
            meta.duration = series.until;
        }
        let workload = meta.phases.workload.unwrap_or(Window {
            from: Nanos(0),
            until: series.until,
        });
        let mut findings = Vec::new();
        let checks: Vec<CheckView> = checks
            .into_iter()
            .map(|check| view(check, &mut findings, history, &faults, &meta, timed))
            .collect();
        let causes = causes(&checks, &meta);
        let family = Family::of(checks.iter().map(|c| c.name.as_str()));
        for finding in &mut findings {
            finding.place(family);
        }
        let matrix = Matrix::new(
            &Known {
                family,
                findings: &findings,
                checks: &checks,
                faults: &faults,
                meta: &meta,
            },
            history,
        );
        let conclusion = if !findings.is_empty() {
            Conclusion::Fail
        } else if !causes.is_empty() {
            Conclusion::Unknown
        } else {
            Conclusion::Pass
        };
        let mut report = Self {
            conclusion,
            causes: if conclusion == Conclusion::Unknown {
                causes
            } else {
                Vec::new()
            },
            story: String::new(),
            findings,
            checks,
            fault_counts: FaultCounts::of(&faults),
            faults,
            stats: in_order(Stats::new(history, workload, timed), &meta.nodes),
            series,
            matrix,
            cap: None,
            logs: None,
            sides: Vec::new(),
            calls: Packed::default(),
            timed,
            meta,
        };
        report.story = story::paragraph(&report);
        report
    }

    /// The same, with what each side of each partition was given.
    pub fn with_cap(mut self, card: Card) -> Self {
        self.cap = Some(cap::clean(card));
        self
    }

    /// The headline: `✗ FAIL register × partition × etcd — 1 finding`.
    pub fn title(&self) -> String {
        let mut title = format!(
            "{} {} {}",
            self.conclusion.glyph(),
            self.conclusion.loud(),
            self.meta.case()
        );
        if !self.findings.is_empty() {
            title.push_str(" — ");
            title.push_str(&crate::number::count(
                self.findings.len() as u64,
                "finding",
                "findings",
            ));
        }
        title
    }
}

/// Nodes as the run names them, rather than as they were first asked.
fn in_order(mut stats: Stats, nodes: &[String]) -> Stats {
    let place = |name: &String| nodes.iter().position(|node| node == name);
    stats
        .nodes
        .sort_by_key(|node| place(&node.name).unwrap_or(usize::MAX));
    stats
}

fn view<O: Codec>(
    check: Check,
    findings: &mut Vec<FindingView>,
    history: &History<O>,
    faults: &[FaultView],
    meta: &RunMeta,
    timed: bool,
) -> CheckView {
    let mut view = CheckView {
        name: inert(&check.name, VALUE),
        decides: inert(&check.decides, PROSE),
        conclusion: Conclusion::Pass,
        evidence: Evidence::default(),
        cause: None,
        findings: Vec::new(),
        took: Nanos(u64::try_from(check.took.as_nanos()).unwrap_or(u64::MAX)),
    };
    match check.verdict {
        Verdict::Pass(evidence) => {
            view.evidence = Evidence {
                counts: evidence
                    .counts
                    .into_iter()
                    .map(|(what, n)| (inert(&what, VALUE), n))
                    .collect(),
                notes: evidence.notes.iter().map(|n| inert(n, PROSE)).collect(),
            };
        }
        Verdict::Fail(found) => {
            view.conclusion = Conclusion::Fail;
            for finding in found {
                let number = findings.len() + 1;
                view.findings.push(number);
                findings.push(FindingView::new(
                    number, finding, history, faults, meta, timed,
                ));
            }
        }
        Verdict::Unknown(cause) => {
            view.conclusion = Conclusion::Unknown;
            view.cause = Some(Cause {
                code: inert(&cause.code, VALUE),
                text: inert(&cause.text, PROSE),
                remedy: inert(&cause.remedy, PROSE),
            });
        }
    }
    view
}

fn causes(checks: &[CheckView], meta: &RunMeta) -> Vec<Cause> {
    let mut causes = Vec::new();
    if meta.interrupted {
        causes.push(Cause {
            code: "interrupted".to_owned(),
            text: "the run was stopped before it was over; what was recorded until then was judged"
                .to_owned(),
            remedy: "run it again and let it finish".to_owned(),
        });
    }
    if checks.is_empty() {
        causes.push(Cause {
            code: "coverage/no-checks".to_owned(),
            text: "no checker judged this run".to_owned(),
            remedy: "schism check judges a recorded run".to_owned(),
        });
    }
    for cause in checks.iter().filter_map(|c| c.cause.as_ref()) {
        if !causes.contains(cause) {
            causes.push(cause.clone());
        }
    }
    causes
}

pub(crate) fn clean(mut meta: RunMeta) -> RunMeta {
    let all = |v: Vec<String>, max| -> Vec<String> { v.iter().map(|s| inert(s, max)).collect() };
    let one = |s: &String| inert(s, VALUE);
    meta.run = one(&meta.run);
    meta.workload = one(&meta.workload);
    meta.faults = all(meta.faults, VALUE);
    meta.target = one(&meta.target);
    meta.target_version = meta.target_version.as_ref().map(one);
    meta.nodes = all(meta.nodes, VALUE);
    meta.expectation = one(&meta.expectation);
    meta.seed = meta.seed.as_ref().map(one);
    meta.argv = all(meta.argv, PROSE);
    meta.config = inert_lines(&meta.config, DOCUMENT);
    meta.caveats = all(meta.caveats, PROSE);
    meta.ended = all(meta.ended, VALUE);
    meta.host = one(&meta.host);
    meta.kernel = one(&meta.kernel);
    meta.schism = one(&meta.schism);
    meta
}
