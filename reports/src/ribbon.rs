//! What was done to each node when: a ribbon a node, on the time axis of the other charts.

use history::Nanos;

use crate::{
    FaultView, Report,
    charts::{LEFT, RIGHT, WIDTH},
    escape::markup,
    lanes::short,
};

/// How many nodes get a ribbon.
pub(crate) const MAX_NODES: usize = 30;
const MAX_BARS: usize = 200;
const ROW: usize = 26;

/// Draws the ribbons; `None` without nodes or without a fault that was ever applied.
pub(crate) fn drawing(report: &Report) -> Option<String> {
    let nodes = &report.meta.nodes[..report.meta.nodes.len().min(MAX_NODES)];
    let applied: Vec<(usize, &FaultView)> = report
        .faults
        .iter()
        .enumerate()
        .filter(|(_, f)| f.span.overlaps(Nanos(0), Nanos(u64::MAX)))
        .collect();
    if nodes.is_empty() || applied.is_empty() || !report.timed {
        return None;
    }
    let until = report.series.until.as_secs_f64();
    let room = f64::from(WIDTH - LEFT - RIGHT);
    let x = |at: Nanos| f64::from(LEFT) + (at.as_secs_f64() / until).min(1.0) * room;
    let height = nodes.len() * ROW + 4;
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"What was done to each node, over time\" class=\"plot ribbon\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    for (i, node) in nodes.iter().enumerate() {
        let y = i * ROW + 4;
        svg.push_str(&format!(
            "<text class=\"lane\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"up\" x=\"{LEFT}\" y=\"{y}\" width=\"{room}\" height=\"20\" rx=\"3\"/>\n",
            LEFT - 8,
            y + 14,
            markup(&short(node, 9))
        ));
        let hits = applied
            .iter()
            .filter_map(|(at, f)| Some((at + 1, f, state(f, node)?)));
        for (number, fault, (word, class)) in hits.take(MAX_BARS) {
            let from = x(fault.span.began);
            let width = (x(fault.end(report.series.until)) - from).max(3.0);
            let seen = match fault.span.took_effect() {
                true => "",
                false => " unverified",
            };
            svg.push_str(&format!(
                "<g class=\"state {class}{seen}\"><title>{}</title><rect x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" \
                 height=\"20\" rx=\"3\"/>",
                markup(&format!("{node}: {word}, fault {number}: {}", fault.label))
            ));
            let fits = (width / 6.4) as usize;
            if fits >= 5 {
                svg.push_str(&format!(
                    "<text x=\"{:.1}\" y=\"{}\">{}</text>",
                    from + 5.0,
                    y + 14,
                    markup(&short(word, fits))
                ));
            }
            svg.push_str("</g>\n");
        }
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// What a fault makes of a node, in a word and in a class; `None` if it leaves it alone.
fn state<'a>(fault: &'a FaultView, node: &str) -> Option<(&'a str, &'static str)> {
    let span = &fault.span;
    if span.sides.len() > 1 {
        let all: usize = span.sides.iter().map(Vec::len).sum();
        let side = span.sides.iter().find(|s| s.iter().any(|n| n == node))?;
        return Some(match side.len() * 2 > all {
            true => ("majority side", "most"),
            false => ("cut off", "cut"),
        });
    }
    if !span.nodes.iter().any(|n| n == node) {
        return None;
    }
    Some(match span.kind.as_str() {
        "kill" => ("killed", "down"),
        "pause" => ("paused", "down"),
        kind => (kind, "cut"),
    })
}
