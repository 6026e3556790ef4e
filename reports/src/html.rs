//! `report.html`: one static file that opens from anywhere, with everything inside and nothing to fetch or to run.
//!
//! Its policy forbids scripts and every kind of loading, so that text which escaped its escaping still could not do
//! anything. The template only places what [`Report`] already says.

use std::borrow::Borrow;

use askama::Template;
use history::Nanos;

use crate::{
    Conclusion, FindingView, Report, Window, charts,
    finding::rerun,
    lanes,
    number::{count, grouped, list, nanos, percent, span},
    text, timeline,
};

/// How many findings get a full card; the others are named in rows.
pub const MAX_CARDS: usize = 50;
/// How many calls of a proof a card shows.
pub const MAX_PROOF: usize = 40;
/// How many faults a card names.
pub const MAX_DURING: usize = 8;
/// How many of the findings without a card are named.
pub const MAX_REST: usize = 1_000;
/// How many faults the table shows.
pub const MAX_FAULTS: usize = 500;

/// Renders the page.
pub fn page(report: &Report) -> String {
    Page {
        r: report,
        cards: report
            .findings
            .iter()
            .take(MAX_CARDS)
            .map(|f| card(report, f))
            .collect(),
        rest: report.findings.iter().skip(MAX_CARDS).collect(),
        lanes: lanes::drawing(report),
        throughput: charts::throughput(report),
        latency: charts::latency(report),
        rerun: rerun(&report.meta).map(|(command, _)| command),
    }
    .render()
    .expect("the template writes to memory")
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    r: &'a Report,
    cards: Vec<Card<'a>>,
    rest: Vec<&'a FindingView>,
    lanes: String,
    throughput: String,
    latency: String,
    rerun: Option<String>,
}

struct Card<'a> {
    view: &'a FindingView,
    drawing: Option<String>,
    size: String,
}

fn card<'a>(report: &Report, view: &'a FindingView) -> Card<'a> {
    Card {
        view,
        drawing: timeline::drawing(view, &report.faults).filter(|_| report.timed),
        size: view.size(report.stats.counts),
    }
}

/// What the template asks for.
impl Page<'_> {
    fn css_class(&self, c: &Conclusion) -> &'static str {
        match c {
            Conclusion::Pass => "pass",
            Conclusion::Unknown => "unknown",
            Conclusion::Fail => "bad",
        }
    }

    fn n(&self, n: impl Borrow<u64>) -> String {
        grouped(*n.borrow())
    }

    fn len<T>(&self, items: &[T]) -> String {
        grouped(items.len() as u64)
    }

    fn share(&self, part: &u64, whole: u64) -> String {
        percent(*part, whole)
    }

    fn time(&self, n: &Nanos) -> String {
        nanos(*n)
    }

    fn started(&self) -> Option<String> {
        self.r
            .meta
            .started
            .map(|t| t.format("%-d %B %Y, %H:%M:%S UTC").to_string())
    }

    fn under_test(&self) -> String {
        let meta = &self.r.meta;
        match &meta.target_version {
            Some(version) => format!("{} {version}", meta.target),
            None => meta.target.clone(),
        }
    }

    /// In a sentence under the headline.
    fn gist(&self) -> String {
        match self.r.conclusion {
            Conclusion::Pass => format!(
                "No violation found in {}",
                count(self.r.stats.counts.total(), "call", "calls")
            ),
            Conclusion::Unknown => "No violation found, not enough evidence to pass".to_owned(),
            Conclusion::Fail => {
                let mut properties: Vec<&str> = self
                    .r
                    .findings
                    .iter()
                    .map(|f| f.finding.property.as_str())
                    .collect();
                properties.sort_unstable();
                properties.dedup();
                format!(
                    "{}, not {}",
                    count(self.r.findings.len() as u64, "violation", "violations"),
                    list(&properties)
                )
            }
        }
    }

    /// Of the history in a file nobody says what faults there were.
    fn knows_faults(&self) -> bool {
        !self.r.meta.imported || !self.r.faults.is_empty()
    }

    fn all(&self) -> String {
        text::all(&self.r.meta)
    }

    fn faults_line(&self) -> String {
        text::faults_line(self.r)
    }

    fn evidence(&self, check: &crate::CheckView) -> String {
        check
            .evidence
            .counts
            .iter()
            .map(|(what, n)| format!("{} {what}", grouped(*n)))
            .collect::<Vec<_>>()
            .join(" · ")
    }

    fn silence(&self, w: &Window) -> String {
        format!("{} (from {})", span(w.until.since(w.from)), w.from)
    }

    fn faults_shown(&self) -> &[crate::FaultView] {
        &self.r.faults[..self.r.faults.len().min(MAX_FAULTS)]
    }

    fn dots_note(&self) -> Option<String> {
        let s = &self.r.series;
        let shown = s.points.len() as u64;
        let mut parts = Vec::new();
        if shown < s.points_of {
            parts.push(format!(
                "{} of {} calls are drawn, each outcome thinned out by itself, with the slowest ok call of every {}",
                grouped(shown),
                grouped(s.points_of),
                nanos(s.width)
            ));
        }
        if s.unended > 0 {
            parts.push(format!(
                "{} never ended and so {} no latency",
                count(s.unended, "call", "calls"),
                if s.unended == 1 { "has" } else { "have" }
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}
