//! What the nodes wrote into their logs, on the time axis of the run and beside what was done to them.
//!
//! A log may have millions of lines and a reader has a minute: what broke, who led, what was said around findings and
//! faults is picked out ([`pick`]); how many lines there are is said, and where they are.

mod align;
mod line;
mod pick;
mod words;

use std::collections::BTreeMap;

use history::Nanos;
use serde::Serialize;

pub(crate) use self::words::{clock, picked, time};
use self::{align::Alignment, line::Line};
pub use self::{align::NodeClock, line::LogKind};
use crate::{
    Report,
    escape::{VALUE, inert},
};

/// How many lines of one node are told.
pub(crate) const MAX_LINES: usize = 40;
/// How many nodes' lines are told.
pub(crate) const MAX_NODES: usize = 30;
/// How many marks a node gets in the drawing.
const MAX_MARKS: usize = 400;
/// How many findings stand between the lines.
const MAX_FINDINGS: usize = 20;
/// How many faults stand between the lines.
const MAX_FAULTS: usize = 60;

/// A log as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLog {
    /// Whose.
    pub node: String,
    /// The file, from the run's directory on: `nodes/n1/etcd.log`.
    pub file: String,
    /// What is in it, or in its end.
    pub text: String,
    /// How many bytes before that are left out.
    pub left_out: u64,
    /// The node's clock when it was fetched, if it was measured.
    pub clock: Option<NodeClock>,
}

/// One line, or several that say the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogLine {
    /// The node that wrote it.
    pub node: String,
    /// Nanoseconds since the run began; `None` if it has no time that could be read.
    pub at: Option<i64>,
    /// Whether a clock that a fault made wrong was corrected for.
    pub corrected: bool,
    /// Whether it has no time of its own, and so goes on with what the line before it said.
    pub continues: bool,
    /// What it tells.
    pub kind: LogKind,
    /// What it says.
    pub text: String,
    /// How many more lines say the same, later.
    pub more: u64,
}

/// What stands in the table, in order of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum LogRow {
    /// A node wrote this.
    Line(LogLine),
    /// Something was done to the cluster.
    Fault {
        /// Its number on the page.
        number: usize,
        /// When.
        at: Nanos,
        /// `injected`, `healed`.
        step: &'static str,
        /// What it was.
        label: String,
    },
    /// A finding's last call.
    Finding {
        /// Its number.
        number: usize,
        /// When.
        at: Nanos,
        /// Its title.
        title: String,
    },
}

impl LogRow {
    fn at(&self) -> i64 {
        let signed = |at: &Nanos| i64::try_from(at.0).unwrap_or(i64::MAX);
        match self {
            Self::Line(line) => line.at.unwrap_or(i64::MAX),
            Self::Fault { at, .. } | Self::Finding { at, .. } => signed(at),
        }
    }
}

/// What is known of one node's logs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeLines {
    /// The node.
    pub node: String,
    /// Its files.
    pub files: Vec<String>,
    /// How many lines they have, as far as they were read.
    pub lines: u64,
    /// How many bytes were not read.
    pub left_out: u64,
    /// How many lines are told, those included that say the same.
    pub shown: u64,
    /// How many there are of each telling kind.
    pub counts: BTreeMap<LogKind, u64>,
    /// How many lines have no time that could be read.
    pub undated: u64,
    /// Its clock.
    pub clock: Option<NodeClock>,
    /// Where the drawing has a mark.
    #[serde(skip)]
    pub(crate) marks: Vec<(Nanos, LogKind)>,
}

/// All nodes' logs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogsView {
    /// The nodes.
    pub nodes: Vec<NodeLines>,
    /// What they said, and what was done to them.
    pub rows: Vec<LogRow>,
    /// How many nodes' logs are not told.
    pub nodes_left_out: usize,
}

impl Report {
    /// The same, with what the nodes wrote. O(bytes of the logs).
    pub fn with_logs(mut self, logs: &[NodeLog]) -> Self {
        self.logs = (!logs.is_empty()).then(|| view(&self, logs));
        self
    }
}

fn view(report: &Report, logs: &[NodeLog]) -> LogsView {
    let mut by_node: BTreeMap<&str, Vec<&NodeLog>> = BTreeMap::new();
    for log in logs {
        by_node.entry(&log.node).or_default().push(log);
    }
    let nodes_left_out = by_node.len().saturating_sub(MAX_NODES);
    let mut rows = events(report);
    let mut nodes = Vec::new();
    for (node, logs) in by_node.into_iter().take(MAX_NODES) {
        let (summary, lines) = of_node(report, node, &logs);
        nodes.push(summary);
        rows.extend(lines.into_iter().map(LogRow::Line));
    }
    rows.sort_by_key(LogRow::at);
    LogsView {
        nodes,
        rows,
        nodes_left_out,
    }
}

/// What was done and found, as rows; nothing where lines have no place in time.
fn events(report: &Report) -> Vec<LogRow> {
    if report.meta.zero.is_none() {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let applied = report.faults.iter().enumerate();
    let applied = applied.filter(|(_, fault)| fault.span.injected.is_some());
    for (i, fault) in applied.take(MAX_FAULTS) {
        let row = |at, step| LogRow::Fault {
            number: i + 1,
            at,
            step,
            label: fault.label.clone(),
        };
        rows.push(row(fault.span.began, "injected"));
        rows.extend(fault.span.healed.map(|at| row(at, "healed")));
    }
    let findings = report.findings.iter().take(MAX_FINDINGS);
    rows.extend(
        findings
            .filter(|_| report.timed)
            .map(|view| LogRow::Finding {
                number: view.number,
                at: view.finding.until,
                title: view.finding.title.clone(),
            }),
    );
    rows
}

fn of_node(report: &Report, node: &str, logs: &[&NodeLog]) -> (NodeLines, Vec<LogLine>) {
    let name = inert(node, VALUE);
    let zero = report.meta.zero.and_then(|zero| zero.timestamp_nanos_opt());
    let mut all: Vec<LogLine> = Vec::new();
    let mut undated = 0;
    for log in logs {
        let mut alignment = zero.map(|zero| Alignment::new(&name, zero, log.clock, &report.faults));
        let begin = all.len();
        for raw in log.text.lines().filter(|raw| !raw.trim().is_empty()) {
            let line = Line::read(raw);
            undated += u64::from(line.stamp.is_none());
            let placed = alignment
                .as_mut()
                .zip(line.stamp)
                .map(|(alignment, stamp)| alignment.place(stamp));
            all.push(LogLine {
                node: name.clone(),
                at: placed.map(|(at, _)| at),
                corrected: placed.is_some_and(|(_, corrected)| corrected),
                continues: line.stamp.is_none() && line.kind == LogKind::Plain,
                kind: line.kind,
                text: inert(&line.text, VALUE),
                more: 0,
            });
        }
        borrow_times(&mut all[begin..]);
    }
    let mut counts = BTreeMap::new();
    for line in all.iter().filter(|line| line.kind != LogKind::Plain) {
        *counts.entry(line.kind).or_default() += 1;
    }
    let marks = marks(&all, report.series.until);
    let lines = all.len() as u64;
    let told = pick::pick(all, report);
    let summary = NodeLines {
        node: name,
        files: logs.iter().map(|log| inert(&log.file, VALUE)).collect(),
        lines,
        left_out: logs.iter().map(|log| log.left_out).sum(),
        shown: told.iter().map(|line| line.more + 1).sum(),
        counts,
        undated,
        clock: logs.iter().find_map(|log| log.clock),
        marks,
    };
    (summary, told)
}

/// A line without a time of its own belongs to the one before it (the trace of a panic), or, where a process begins, to the
/// one after it.
fn borrow_times(lines: &mut [LogLine]) {
    let mut next = None;
    for line in lines.iter_mut().rev() {
        match line.at {
            Some(at) => next = Some(at),
            None if line.kind == LogKind::Start => line.at = next,
            None => {}
        }
    }
    let mut last = None;
    for line in lines {
        line.at = line.at.or(last);
        last = line.at;
    }
}

fn marks(lines: &[LogLine], until: Nanos) -> Vec<(Nanos, LogKind)> {
    let mut marks: Vec<(Nanos, LogKind)> = lines
        .iter()
        .filter(|line| line.kind != LogKind::Plain)
        .filter_map(|line| Some((Nanos(u64::try_from(line.at?).ok()?), line.kind)))
        .filter(|(at, _)| *at <= until)
        .collect();
    // What tells most is drawn, in whatever order it came.
    marks.sort_by_key(|(_, kind)| *kind);
    marks.truncate(MAX_MARKS);
    marks
}
