//! `report.html`: one file that opens from anywhere, with everything inside and nothing to fetch.
//!
//! Everything but the timeline explorer is static. The page's policy forbids every kind of loading, and every script but
//! the one whose hash it names, so that text which escaped its escaping still could not do anything. The template only
//! places what [`Report`] already says.

use std::borrow::Borrow;

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use checkers::cap::Partition;
use history::{ClockReading, Nanos};
use sha2::{Digest, Sha256};

use crate::{
    Cell, Conclusion, Doubt, FindingView, LogLine, LogRow, LogsView, NodeLines, Report, Row,
    Window, availability, brief, cap, charts, circle, clocks, exercised,
    finding::rerun,
    glossary, lanes, logs,
    number::{count, grouped, list, nanos, percent, span},
    ribbon, text, timeline,
};

/// The page's only script: the explorer and the switch of colours.
const SCRIPT: &str = concat!(
    "\"use strict\";(() => {\n",
    include_str!("../templates/explorer/data.js"),
    include_str!("../templates/explorer/lanes.js"),
    include_str!("../templates/explorer/draw.js"),
    include_str!("../templates/explorer/main.js"),
    "})();"
);

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
/// How many partitions the table of sides shows.
pub const MAX_PARTITIONS: usize = 50;

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
        ribbon: ribbon::drawing(report),
        availability: availability::drawing(report),
        clocks: clocks::drawing(report),
        readings: clocks::readings(report),
        script: SCRIPT,
        policy: policy(),
    }
    .render()
    .expect("the template writes to memory")
}

/// What the page allows itself, as it says and as a server should: nothing is loaded, one script runs.
pub fn policy() -> String {
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT)
    )
}

/// A script's name in a policy.
pub(crate) fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
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
    ribbon: Option<String>,
    availability: Option<String>,
    clocks: Option<String>,
    readings: Vec<&'a ClockReading>,
    script: &'static str,
    policy: String,
}

struct Card<'a> {
    view: &'a FindingView,
    drawing: Option<String>,
    circle: Option<String>,
    /// The steps of the circle: `T1 before T2`, `ww`, why.
    steps: Vec<(String, &'static str, &'a str)>,
    size: String,
}

fn card<'a>(report: &Report, view: &'a FindingView) -> Card<'a> {
    let order = &view.finding.order;
    let name = |i: usize| format!("T{}", i % order.len() + 1);
    Card {
        view,
        circle: circle::drawing(view).filter(|_| report.timed),
        steps: order
            .iter()
            .enumerate()
            .map(|(i, step)| {
                let names = format!("{} before {}", name(i), name(i + 1));
                (names, step.kind.code(), step.because.as_str())
            })
            .collect(),
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

    /// What a finding breaks, what is impossible because of it, and what it leaves open.
    fn model(&self, view: &FindingView) -> String {
        let property = view.finding.property.as_str();
        let expected = &self.r.meta.expectation;
        let mut text = property.replace('-', " ");
        if !expected.is_empty() && expected == property {
            text.push_str(", which is what this target was expected to be");
        }
        text.push('.');
        let reach = &view.models;
        let others = |models: &[String]| -> Vec<String> {
            let others = models.iter().filter(|m| m.replace(' ', "-") != property);
            others.cloned().collect()
        };
        let broken = others(&reach.broken);
        if !broken.is_empty() {
            text.push_str(&format!(
                " It breaks {} already, and whatever is stronger.",
                list(&broken)
            ));
        } else if !reach.impossible.is_empty() {
            text.push_str(&format!(" Also impossible: {}.", list(&reach.impossible)));
        }
        if !reach.open.is_empty() {
            text.push_str(&format!(" Not ruled out by this: {}.", list(&reach.open)));
        }
        text
    }

    fn calls(&self, n: &u64) -> String {
        count(*n, "call", "calls")
    }

    fn cell_class(&self, row: &Row, cell: &Cell) -> &'static str {
        match cell {
            Cell::Broken(_) | Cell::Implied(_) if row.promised => "c-broken",
            Cell::Broken(_) | Cell::Implied(_) => "c-allowed",
            Cell::Clear(_) => "c-clear",
            Cell::Untold | Cell::Inconclusive => "c-untold",
            Cell::NotTested => "c-none",
        }
    }

    fn cell_text(&self, cell: &Cell) -> String {
        match cell {
            Cell::Clear(n) => format!(" {}", grouped(*n)),
            Cell::Implied(_) => " implied".to_owned(),
            _ => String::new(),
        }
    }

    /// Where a finding stands on the page.
    fn place(&self, number: &usize) -> String {
        match *number <= MAX_CARDS {
            true => format!("f{number}"),
            false => "findings".to_owned(),
        }
    }

    fn any_promise(&self) -> bool {
        self.r.matrix.rows.iter().any(|r| r.promised)
    }

    fn exercised(&self) -> Vec<Doubt> {
        exercised::lines(self.r)
    }

    fn sides(&self, partition: &Partition) -> Vec<cap::SideRow> {
        cap::rows(partition)
    }

    /// What the explorer leaves out.
    fn thinned(&self) -> Option<String> {
        let calls = &self.r.calls;
        (calls.shown < calls.of).then(|| {
            format!(
                "Showing {} of {} calls: all that did not end ok and all around the findings, the others thinned out \
                 evenly. history.jsonl in the run's directory has all, and schism serve shows them, at history/{}.",
                grouped(calls.shown),
                grouped(calls.of),
                self.r.meta.run
            )
        })
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

    /// How long a step of the chart of sides is.
    fn step(&self) -> &Nanos {
        self.r.sides.first().map_or(&Nanos(0), |side| &side.width)
    }

    fn clocks_left_out(&self) -> usize {
        clocks::left_out(&self.readings)
    }

    fn has_marks(&self) -> bool {
        let logs = self.r.logs.iter();
        logs.flat_map(|logs| &logs.nodes)
            .any(|node| !node.marks.is_empty())
    }

    fn of_kind(&self, node: &NodeLines, kind: &str) -> String {
        let all = node.counts.iter().filter(|(k, _)| k.word() == kind);
        grouped(all.map(|(_, n)| n).sum())
    }

    fn clock_of(&self, node: &NodeLines) -> String {
        logs::clock(node)
    }

    fn picked(&self, logs: &LogsView) -> String {
        logs::picked(logs, self.r.meta.zero.is_some())
    }

    fn log_time(&self, line: &LogLine) -> String {
        logs::time(line)
    }

    /// Whether anything is known of how it was run.
    fn has_facts(&self) -> bool {
        let meta = &self.r.meta;
        let words = [&meta.target, &meta.expectation, &meta.run];
        words.iter().any(|word| !word.is_empty())
            || self.r.timed
            || meta.started.is_some()
            || meta.seed.is_some()
    }

    fn meanings(&self) -> Vec<glossary::Entry> {
        brief::meanings(self.r)
    }

    fn sure(&self) -> String {
        brief::sure(self.r)
    }

    fn next(&self) -> Vec<(String, String)> {
        brief::next(self.r)
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
