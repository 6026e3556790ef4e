//! What a terminal shows: the summary at the end of a run, and the card of one finding.

use history::Nanos;

pub use crate::terminal::Style;
use crate::{
    Conclusion, FindingView, OpRow, Report, RunMeta,
    number::{count, grouped, nanos, percent},
    terminal::{Ink, finish, row, width, wrap},
};

/// How many findings the summary prints.
const MAX_FINDINGS: usize = 3;
pub(crate) const INDENT: usize = 5;

/// The end of a run: verdict, findings, checks, faults, ops, and at last where the `places` are
/// (`("report", "runs/latest/report.html (1.1 MB)")`).
pub fn summary(report: &Report, style: Style, places: &[(&str, String)]) -> String {
    let mut out = String::new();
    headline(&mut out, report, style);
    for view in report.findings.iter().take(MAX_FINDINGS) {
        out.push('\n');
        finding(&mut out, report, view, style);
    }
    let more = report.findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        out.push_str(&format!("\n  + {more} more: {}\n", all(&report.meta)));
    }
    for cause in &report.causes {
        out.push('\n');
        let word = style.ink(Ink::Verdict(Conclusion::Unknown), &cause.code);
        out.push_str(&format!("  {word}\n"));
        wrap(&mut out, &cause.text, INDENT, style);
        wrap(&mut out, &format!("→ {}", cause.remedy), INDENT, style);
    }
    out.push('\n');
    // A run has a page with all of this; a file has nothing but what is said here.
    let file = report.meta.imported;
    if file && !report.meta.expectation.is_empty() {
        row(&mut out, style, "expected", &report.meta.expectation);
    }
    row(&mut out, style, "checks", &checks_line(report, style));
    if file {
        for note in report.checks.iter().flat_map(|c| &c.evidence.notes) {
            row(&mut out, style, "note", note);
        }
    } else {
        row(&mut out, style, "faults", &faults_line(report));
    }
    row(&mut out, style, "ops", &ops_line(report));
    for (what, place) in places {
        row(&mut out, style, what, place);
    }
    finish(out, style)
}

/// The card of finding `number` (from 1): everything about it, every call of its proof. `None` if there is none.
pub fn card(report: &Report, number: usize, style: Style) -> Option<String> {
    let view = report.findings.iter().find(|f| f.number == number)?;
    let mut out = String::new();
    title(&mut out, view, style);
    wrap(&mut out, &view.finding.explanation, INDENT, style);

    out.push('\n');
    section(&mut out, style, "When");
    wrap(&mut out, &view.when, INDENT, style);
    for during in &view.during {
        wrap(
            &mut out,
            &format!("During: {}", during.sentence),
            INDENT,
            style,
        );
    }

    out.push('\n');
    section(&mut out, style, "Smallest proof");
    wrap(
        &mut out,
        &format!("{}.", view.size(report.stats.counts)),
        INDENT,
        style,
    );
    proof(&mut out, view, style);
    if view.rows.iter().any(|r| r.outcome.word() == "info") {
        wrap(&mut out, GLOSS, INDENT, style);
    }

    out.push('\n');
    section(&mut out, style, "Could it be the test?");
    for doubt in &view.doubts {
        let mark = if doubt.settled { "✓" } else { "!" };
        wrap(&mut out, &format!("{mark} {}", doubt.text), INDENT, style);
    }

    out.push('\n');
    section(&mut out, style, "Again");
    for (command, does) in &view.again {
        out.push_str(&format!("     {command}\n"));
        wrap(&mut out, does, INDENT + 2, style);
    }
    Some(finish(out, style))
}

/// What `info` means, on its first use on every surface.
pub(crate) const GLOSS: &str = "info = outcome unknown, may or may not have happened";

pub(crate) fn faults_line(report: &Report) -> String {
    let n = report.fault_counts;
    if n.planned == 0 {
        return "none".to_owned();
    }
    format!(
        "{} planned, {} injected, {} verified, {} healed",
        grouped(n.planned),
        grouped(n.injected),
        grouped(n.verified),
        grouped(n.healed)
    )
}

pub(crate) fn ops_line(report: &Report) -> String {
    let c = report.stats.counts;
    if c.total() == 0 {
        return "0".to_owned();
    }
    let mut line = format!(
        "{}: ok {} · fail {} · info {}",
        grouped(c.total()),
        percent(c.ok, c.total()),
        percent(c.fail, c.total()),
        percent(c.info, c.total())
    );
    if c.info > 0 {
        line.push_str(" (outcome unknown, may or may not have happened)");
    }
    if let Some([_, p99, _]) = report.stats.latency {
        line.push_str(&format!(" · p99 {}", nanos(p99)));
    }
    if let Some((node, w)) = report.stats.longest_silence()
        && w.until.since(w.from).as_secs_f64() >= 1.0
    {
        line.push_str(&format!(
            " · longest silence {} ({node})",
            crate::number::span(w.until.since(w.from))
        ));
    }
    line
}

fn headline(out: &mut String, report: &Report, style: Style) {
    let word = format!("{} {}", report.conclusion.glyph(), report.conclusion.loud());
    out.push_str(&style.ink(Ink::Verdict(report.conclusion), &word));
    out.push_str(&format!("  {}", style.ink(Ink::Bold, &report.meta.case())));
    let mut facts = Vec::new();
    match report.findings.len() {
        0 if report.conclusion == Conclusion::Pass => facts.push(format!(
            "no violation found in {}",
            count(report.stats.counts.total(), "op", "ops")
        )),
        0 => {}
        n => facts.push(count(n as u64, "finding", "findings")),
    }
    if report.timed || report.meta.duration > Nanos(0) {
        facts.push(nanos(report.meta.duration));
    }
    if let Some(seed) = &report.meta.seed {
        facts.push(format!("seed {seed}"));
    }
    if report.meta.interrupted {
        facts.push("interrupted".to_owned());
    }
    let mut column = width(out);
    for fact in facts {
        column += 3 + width(&fact);
        if column > style.columns {
            out.push_str("\n  ");
            column = 2 + width(&fact);
        } else {
            out.push_str("   ");
        }
        out.push_str(&fact);
    }
    out.push('\n');
}

fn title(out: &mut String, view: &FindingView, style: Style) {
    let f = &view.finding;
    out.push_str(&format!(
        "  {}  {}   {}\n",
        view.number,
        style.ink(Ink::Verdict(Conclusion::Fail), &f.title),
        style.ink(Ink::Dim, &format!("not {} [{}]", f.property, f.code))
    ));
}

fn finding(out: &mut String, report: &Report, view: &FindingView, style: Style) {
    title(out, view, style);
    wrap(out, &view.finding.explanation, INDENT, style);
    let during: Vec<&str> = view.during.iter().map(|d| d.sentence.as_str()).collect();
    match during.as_slice() {
        [] if report.meta.imported => {}
        [] => wrap(out, "No fault was on record then.", INDENT, style),
        some => {
            for sentence in some.iter().take(2) {
                wrap(out, &format!("During: {sentence}"), INDENT, style);
            }
            if some.len() > 2 {
                wrap(
                    out,
                    &format!("and {} more faults", some.len() - 2),
                    INDENT,
                    style,
                );
            }
        }
    }
    let mut size = format!("{}.", view.size(report.stats.counts));
    if view.finding.more > 0 {
        size.push_str(&format!(" {} more like this.", grouped(view.finding.more)));
    }
    wrap(out, &size, INDENT, style);
    for doubt in view.doubts.iter().filter(|d| !d.settled) {
        wrap(out, &format!("! {}", doubt.text), INDENT, style);
    }
    let commands: Vec<&str> = view
        .again
        .iter()
        .map(|(c, _)| c.as_str())
        .filter(|c| c.starts_with("schism show") || c.starts_with("schism check"))
        .collect();
    if !commands.is_empty() {
        // Side by side where there is room; a command is never broken, as it is there to be copied.
        let joined = commands.join("   ·   ");
        let fits = INDENT + width(&joined) <= style.columns;
        for line in if fits {
            vec![joined.as_str()]
        } else {
            commands
        } {
            out.push_str(&format!("     {}\n", style.ink(Ink::Dim, line)));
        }
    }
}

/// Calls in a table, one of them marked if that is wanted.
pub(crate) fn rows(out: &mut String, all: &[OpRow], marked: Option<u32>) {
    let cells: Vec<[String; 6]> = all
        .iter()
        .map(|r| {
            let outcome = match r.reason.as_str() {
                "" => r.outcome.word().to_owned(),
                reason => format!("{} ({reason})", r.outcome.word()),
            };
            [
                grouped(r.index.into()),
                format!("p{}", r.process),
                r.node.clone(),
                r.text.clone(),
                r.when(),
                outcome,
            ]
        })
        .collect();
    let width = |i: usize| {
        cells
            .iter()
            .map(|c| c[i].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    for (row, c) in all.iter().zip(&cells) {
        let mark = if Some(row.index) == marked { ">" } else { " " };
        let line = format!(
            "   {mark} {:>w0$}  {:<w1$}  {:<w2$}  {:<w3$}  {:<w4$}  {}",
            c[0],
            c[1],
            c[2],
            c[3],
            c[4],
            c[5],
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3].min(60),
            w4 = widths[4],
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn proof(out: &mut String, view: &FindingView, style: Style) {
    rows(out, &view.rows, None);
    if view.missing > 0 {
        wrap(
            out,
            &format!(
                "{} of the proof not in this history",
                count(view.missing, "call is", "calls are")
            ),
            INDENT,
            style,
        );
    }
}

fn checks_line(report: &Report, style: Style) -> String {
    if report.checks.is_empty() {
        return "none".to_owned();
    }
    report
        .checks
        .iter()
        .map(|c| {
            let word = match c.conclusion {
                Conclusion::Fail => "FAIL",
                other => other.word(),
            };
            format!("{} {}", c.name, style.ink(Ink::Verdict(c.conclusion), word))
        })
        .collect::<Vec<_>>()
        .join(" · ")
}

pub(crate) fn section(out: &mut String, style: Style, name: &str) {
    out.push_str(&format!("  {}\n", style.ink(Ink::Bold, name)));
}

/// The command that shows all findings.
pub(crate) fn all(meta: &RunMeta) -> String {
    match meta.run.as_str() {
        _ if meta.imported => format!(
            "{} --finding {}",
            meta.judging().unwrap_or_default(),
            MAX_FINDINGS + 1
        ),
        "" => "schism show latest".to_owned(),
        run => format!("schism show {run}"),
    }
}
