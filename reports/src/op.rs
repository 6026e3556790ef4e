//! One call of a run: what it was, what was made just before and after it, what was done to the cluster meanwhile, and what
//! is said of it.

use chrono::{DateTime, Utc};
use history::{Codec, History, Index, Nanos, Span};
use serde::Serialize;

use crate::{
    During, LogLine, LogRow, OpRow, Report,
    finding::during,
    number::{count, grouped, nanos},
    terminal::{Ink, Style, finish, wrap},
    text::{GLOSS, INDENT, rows, section},
};

/// How many calls are shown before it, and after it.
const BESIDE: usize = 5;
/// How far from it a line of a log may be.
const NEAR: Nanos = Nanos(500_000_000);
/// How many lines of logs are shown.
const MAX_LINES: usize = 20;

/// One call with what is around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpView {
    /// The call.
    pub op: OpRow,
    /// Index of its completion in the record, if it has one.
    pub completed: Option<u32>,
    /// How long it took; `None` if it never ended, or no time is known.
    pub took: Option<Nanos>,
    /// The wall clock when it was sent.
    pub wall: Option<DateTime<Utc>>,
    /// The calls that were made just before it, itself, and those just after.
    pub beside: Vec<OpRow>,
    /// The faults that may have been in force.
    pub faults: Vec<During>,
    /// The findings whose proof it is part of.
    pub findings: Vec<Naming>,
    /// What the nodes wrote at about that time.
    pub logs: Vec<LogLine>,
    /// How many lines more there are.
    pub more_logs: usize,
}

/// A finding that names a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Naming {
    /// Its number, from 1.
    pub number: usize,
    /// Its code.
    pub code: String,
    /// Its title.
    pub title: String,
}

/// Why there is no such call: which there are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchOp {
    /// There is none at all.
    #[error("no call was recorded")]
    Nothing,
    /// The record has no event of this number.
    #[error("the record has no event {}; its {} are numbered from {} to {}", grouped(*.wanted), count(*.calls, "call", "calls"), grouped(*.first), grouped(*.last))]
    Outside {
        /// What was asked for.
        wanted: u64,
        /// How many calls there are.
        calls: u64,
        /// The number of the first.
        first: u64,
        /// The number of the last.
        last: u64,
    },
    /// It has such an event, but that is no part of a call.
    #[error("event {} is no part of a call; the next call is {}", grouped(*.wanted), grouped(*.next))]
    Between {
        /// What was asked for.
        wanted: u64,
        /// The nearest call after it, or the last one.
        next: u64,
    },
}

impl OpView {
    /// The call that begins, or ends, with event `number` of the record.
    pub fn new<O: Codec>(
        report: &Report,
        history: &History<O>,
        number: u64,
    ) -> Result<Self, NoSuchOp> {
        let spans = history.spans();
        let at = find(spans, number)?;
        let span = &spans[at];
        let row = |span: &Span<O>| OpRow::new(history, span, report.timed);
        let op = row(span);
        let until = span.end.unwrap_or(report.series.until.max(span.start));
        let near = at.saturating_sub(BESIDE)..(at + BESIDE + 1).min(spans.len());
        let (logs, more_logs) = lines(report, span.start, until);
        Ok(Self {
            completed: span.completed.map(|Index(end)| end),
            took: span
                .end
                .filter(|_| report.timed)
                .map(|end| Nanos(end.0.saturating_sub(span.start.0))),
            wall: report.meta.zero.map(|zero| {
                zero + chrono::Duration::nanoseconds(i64::try_from(span.start.0).unwrap_or(0))
            }),
            beside: spans[near].iter().map(row).collect(),
            faults: report
                .faults
                .iter()
                .enumerate()
                .filter(|(_, fault)| report.timed && fault.span.overlaps(span.start, until))
                .map(|(i, fault)| during(i + 1, fault, std::slice::from_ref(&op.node)))
                .collect(),
            findings: report
                .findings
                .iter()
                .filter(|view| view.finding.witness.contains(&span.invoked))
                .map(|view| Naming {
                    number: view.number,
                    code: view.finding.code.clone(),
                    title: view.finding.title.clone(),
                })
                .collect(),
            op,
            logs,
            more_logs,
        })
    }

    /// For a terminal.
    pub fn card(&self, report: &Report, style: Style) -> String {
        let mut out = String::new();
        let op = &self.op;
        let title = format!("call {}: {}", grouped(op.index.into()), op.text);
        out.push_str(&format!("  {}\n", style.ink(Ink::Bold, &title)));
        wrap(&mut out, &self.ending(), INDENT, style);
        if op.outcome.word() == "info" {
            wrap(&mut out, GLOSS, INDENT, style);
        }
        let asked = match op.node.as_str() {
            "?" => format!(
                "Process {} made it; of which node is not known.",
                op.process
            ),
            node => format!("Process {} made it, of {node}.", op.process),
        };
        wrap(&mut out, &asked, INDENT, style);
        if op.timed {
            wrap(&mut out, &self.when(), INDENT, style);
        }

        out.push('\n');
        section(&mut out, style, "Findings");
        for Naming { number, title, .. } in &self.findings {
            wrap(&mut out, &format!("{number}  {title}"), INDENT, style);
        }
        if self.findings.is_empty() {
            wrap(&mut out, "none names it", INDENT, style);
        }

        out.push('\n');
        section(&mut out, style, "Faults that may have been in force");
        for fault in &self.faults {
            let line = format!("{}  {}", fault.number, fault.sentence);
            wrap(&mut out, &line, INDENT, style);
        }
        if self.faults.is_empty() {
            let none = match (report.meta.imported || !report.timed, self.op.end) {
                (true, _) => "not known for this time",
                (false, _) => "none was on record then",
            };
            wrap(&mut out, none, INDENT, style);
        }

        out.push('\n');
        section(&mut out, style, "Calls made just before and after");
        rows(&mut out, &self.beside, Some(op.index));

        if !self.logs.is_empty() {
            out.push('\n');
            section(&mut out, style, "What nodes wrote within half a second");
            for line in &self.logs {
                let at = line.at.and_then(|at| u64::try_from(at).ok());
                let at = at.map_or_else(|| "before".to_owned(), |at| Nanos(at).to_string());
                wrap(
                    &mut out,
                    &format!("{at}  {}  {}", line.node, line.text),
                    INDENT,
                    style,
                );
            }
            if self.more_logs > 0 {
                let more = format!(
                    "{} of {}; the others are in the run's nodes/",
                    self.logs.len(),
                    count((self.logs.len() + self.more_logs) as u64, "line", "lines")
                );
                wrap(&mut out, &more, INDENT, style);
            }
        }
        finish(out, style)
    }

    /// How it ended, in a sentence.
    fn ending(&self) -> String {
        let took = self
            .took
            .map_or_else(String::new, |t| format!(" after {}", nanos(t)));
        let word = self.op.outcome.word();
        let because = match self.op.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        match self.completed {
            Some(end) => format!(
                "Ended {word}{took}, as event {}{because}",
                grouped(end.into())
            ),
            None => "Nobody saw it end.".to_owned(),
        }
    }

    /// When, on the run's clock and on the wall.
    fn when(&self) -> String {
        let wall = self.wall.map_or_else(String::new, |wall| {
            format!(", sent {}", wall.format("%Y-%m-%d %H:%M:%S%.3f UTC"))
        });
        format!("{}{wall}", self.op.when())
    }
}

/// The call that begins, or ends, with this event.
fn find<O: Codec>(spans: &[Span<O>], number: u64) -> Result<usize, NoSuchOp> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Err(NoSuchOp::Nothing);
    };
    let wanted = u32::try_from(number).ok().map(Index);
    let begins = |index| spans.binary_search_by_key(&index, |span| span.invoked);
    let ends = |index| spans.iter().position(|span| span.completed == Some(index));
    let found = wanted.map(|index| (begins(index), ends(index)));
    let end = spans.iter().filter_map(|span| span.completed).max();
    match found {
        Some((Ok(at), _)) | Some((_, Some(at))) => Ok(at),
        Some((Err(next), None)) if wanted > Some(first.invoked) && wanted < end => {
            let next = spans.get(next).unwrap_or(last);
            Err(NoSuchOp::Between {
                wanted: number,
                next: next.invoked.0.into(),
            })
        }
        _ => Err(NoSuchOp::Outside {
            wanted: number,
            calls: spans.len() as u64,
            first: first.invoked.0.into(),
            last: last.invoked.0.into(),
        }),
    }
}

/// What nodes wrote from a little before until a little after, and how many lines more than are shown.
fn lines(report: &Report, from: Nanos, until: Nanos) -> (Vec<LogLine>, usize) {
    let signed = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
    let from = signed(from.0).saturating_sub(signed(NEAR.0));
    let until = signed(until.0).saturating_add(signed(NEAR.0));
    let rows = report.logs.iter().flat_map(|logs| &logs.rows);
    let near = rows.filter_map(|row| match row {
        LogRow::Line(line) => Some(line),
        LogRow::Fault { .. } | LogRow::Finding { .. } => None,
    });
    let mut near: Vec<LogLine> = near
        .filter(|line| line.at.is_some_and(|at| (from..=until).contains(&at)))
        .cloned()
        .collect();
    let more = near.len().saturating_sub(MAX_LINES);
    near.truncate(MAX_LINES);
    (near, more)
}

#[cfg(test)]
mod tests {
    use history::{Register, dsl};

    use super::*;
    use crate::RunMeta;

    /// Events 0 and 2 are a write of process 0, 1 and 3 a read of process 1.
    fn history() -> History<Register> {
        dsl::parse::<Register>(
            "
            p0: |-write x 1-|
            p1:    |-read x -> 1-|
        ",
        )
        .expect("a drawing")
    }

    fn view(number: u64) -> Result<OpView, NoSuchOp> {
        let history = history();
        let report = Report::new(RunMeta::default(), &history, Vec::new(), Vec::new());
        OpView::new(&report, &history, number)
    }

    #[test]
    fn a_call_is_found_by_its_beginning_and_by_its_end() {
        let by_beginning = view(1).unwrap();
        assert_eq!(by_beginning.op.process, 1);
        let end = by_beginning.completed.unwrap();
        assert_eq!(view(end.into()).unwrap(), by_beginning);
        assert_eq!(by_beginning.beside.len(), 2);
    }

    #[test]
    fn a_number_that_is_none_is_told_with_those_that_are() {
        assert_eq!(
            view(u64::MAX).unwrap_err().to_string(),
            "the record has no event 18,446,744,073,709,551,615; its 2 calls are numbered from 0 to 1"
        );
        let outside = view(4).unwrap_err().to_string();
        assert!(outside.contains("from 0 to 1"), "{outside}");
        let empty: History<Register> = dsl::parse("").unwrap_or_else(|_| {
            History::new(history::Nodes::default(), []).expect("nothing contradicts itself")
        });
        let report = Report::new(RunMeta::default(), &empty, Vec::new(), Vec::new());
        assert_eq!(OpView::new(&report, &empty, 0), Err(NoSuchOp::Nothing));
    }
}
