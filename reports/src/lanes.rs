//! Findings as markers, phases and faults as bars, on the time axis of the charts. Overlapping faults of a kind get rows of their own.

use history::Nanos;

use crate::{
    Report,
    charts::{LEFT, MAX_FAULTS, RIGHT, WIDTH},
    escape::markup,
};

const MAX_ROWS: usize = 14;

/// Phases and faults as bars on the time axis of the other charts.
pub(crate) fn drawing(report: &Report) -> String {
    let until = report.series.until.as_secs_f64();
    let room = f64::from(WIDTH - LEFT - RIGHT);
    let x = |at: Nanos| f64::from(LEFT) + (at.as_secs_f64() / until).min(1.0) * room;
    let mut rows: Vec<Row<'_>> = Vec::new();
    let phases = &report.meta.phases;
    for (name, window) in [
        ("workload", phases.workload),
        ("heal", phases.heal),
        ("final reads", phases.final_reads),
    ] {
        if let Some(w) = window {
            place(
                &mut rows,
                "phase",
                Bar::new(name, x(w.from), x(w.until), "phase"),
            );
        }
    }
    for (i, fault) in report.faults.iter().enumerate().take(MAX_FAULTS) {
        let class = if fault.span.took_effect() {
            "fault"
        } else {
            "fault unverified"
        };
        let label = format!("{} · {}", i + 1, fault.label);
        let bar = Bar::new(
            &label,
            x(fault.span.began),
            x(fault.end(report.series.until)),
            class,
        );
        place(&mut rows, &fault.span.kind, bar);
    }
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    let top = if report.findings.is_empty() { 0 } else { 22 };
    let height = top + rows.len() * 22 + 4 + if left_out > 0 { 18 } else { 0 };
    let mut svg = format!(
        "<svg role=\"group\" aria-label=\"Findings, phases and faults over time\" class=\"plot\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    let mut free = 0.0;
    for finding in report.findings.iter().take(crate::html::MAX_CARDS) {
        let at = x(finding.finding.until);
        svg.push_str(&format!(
            "<a href=\"#f{0}\"><title>{1}</title><path class=\"marker\" d=\"M{2:.1} 4l6 11h-12z\"/>",
            finding.number,
            markup(&format!("Finding {}: {}", finding.number, finding.finding.title)),
            at
        ));
        if at >= free {
            svg.push_str(&format!(
                "<text class=\"marker-n\" x=\"{:.1}\" y=\"14\">{}</text>",
                at + 8.0,
                finding.number
            ));
            free = at + 26.0;
        }
        svg.push_str("</a>\n");
    }
    if top > 0 {
        svg.push_str(&format!(
            "<text class=\"lane\" x=\"{}\" y=\"14\" text-anchor=\"end\">findings</text>\n",
            LEFT - 8
        ));
    }
    let mut last = "";
    for (i, row) in rows.iter().enumerate() {
        let y = top + i * 22 + 2;
        if row.kind != last {
            svg.push_str(&format!(
                "<text class=\"lane\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                LEFT - 8,
                y + 13,
                markup(&short(row.kind, 10))
            ));
        }
        last = row.kind;
        for (at, bar) in row.bars.iter().enumerate() {
            let free = row
                .bars
                .get(at + 1)
                .map_or(f64::from(WIDTH), |next| next.from);
            bar.draw(&mut svg, y, free);
        }
    }
    if left_out > 0 {
        svg.push_str(&format!(
            "<text class=\"lane\" x=\"{LEFT}\" y=\"{}\">and {left_out} more rows: the table of faults has all</text>\n",
            height - 4
        ));
    }
    svg.push_str("</svg>");
    svg
}

struct Row<'a> {
    kind: &'a str,
    bars: Vec<Bar>,
}

struct Bar {
    label: String,
    from: f64,
    until: f64,
    class: &'static str,
}

impl Bar {
    fn new(label: &str, from: f64, until: f64, class: &'static str) -> Self {
        Self {
            label: label.to_owned(),
            from,
            until: until.max(from + 3.0),
            class,
        }
    }

    /// The label stands in the bar where it fits, else beside it where there is room up to `free`, else it is cut.
    fn draw(&self, svg: &mut String, y: usize, free: f64) {
        let width = self.until - self.from;
        svg.push_str(&format!(
            "<g class=\"{}\"><title>{}</title><rect x=\"{:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" rx=\"3\"/>",
            self.class,
            markup(&self.label),
            self.from
        ));
        let fits = |room: f64| ((room - 10.0) / 6.5).max(0.0) as usize;
        let length = self.label.chars().count();
        let (x, text) = if length <= fits(width) {
            (self.from, self.label.clone())
        } else if length <= fits(free - self.until) {
            (self.until, self.label.clone())
        } else {
            (self.from, short(&self.label, fits(width)))
        };
        if text.chars().count() > 1 {
            svg.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{}\">{}</text>",
                x + 5.0,
                y + 13,
                markup(&text)
            ));
        }
        svg.push_str("</g>\n");
    }
}

/// Puts a bar into the first row of its kind that has room for it.
fn place<'a>(rows: &mut Vec<Row<'a>>, kind: &'a str, bar: Bar) {
    let free = |row: &&mut Row<'_>| {
        row.kind == kind && row.bars.last().is_none_or(|b| b.until <= bar.from + 0.1)
    };
    if let Some(row) = rows.iter_mut().find(free) {
        row.bars.push(bar);
        return;
    }
    let after = rows
        .iter()
        .rposition(|r| r.kind == kind)
        .map_or(rows.len(), |i| i + 1);
    rows.insert(
        after,
        Row {
            kind,
            bars: vec![bar],
        },
    );
}

/// At most `max` characters.
pub(crate) fn short(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(max.saturating_sub(1)).collect();
    out.push('…');
    out
}
