//! What was done to each node when: a ribbon a node, on the time axis of the other charts.

use history::Nanos;

use crate::{
    FaultView, LogKind, NodeLines, Report,
    charts::{LEFT, RIGHT, WIDTH},
    escape::markup,
    lanes::short,
};

/// How many nodes get a ribbon.
pub(crate) const MAX_NODES: usize = 30;
const MAX_BARS: usize = 200;
const ROW: usize = 26;
/// The room for what a node wrote.
const MARKS: usize = 14;

/// Draws the ribbons; `None` without nodes or without a fault that was ever applied.
pub(crate) fn drawing(report: &Report) -> Option<String> {
    let nodes = &report.meta.nodes[..report.meta.nodes.len().min(MAX_NODES)];
    let applied: Vec<(usize, &FaultView)> = report
        .faults
        .iter()
        .enumerate()
        .filter(|(_, f)| f.span.overlaps(Nanos(0), Nanos(u64::MAX)))
        .collect();
    let logs = report.logs.iter().flat_map(|logs| &logs.nodes);
    let marked: Vec<&NodeLines> = logs.filter(|node| !node.marks.is_empty()).collect();
    if nodes.is_empty() || (applied.is_empty() && marked.is_empty()) || !report.timed {
        return None;
    }
    let until = report.series.until.as_secs_f64();
    let room = f64::from(WIDTH - LEFT - RIGHT);
    let x = |at: Nanos| f64::from(LEFT) + (at.as_secs_f64() / until).min(1.0) * room;
    let beneath = if marked.is_empty() { 0 } else { MARKS };
    let lanes: Vec<(&String, Vec<Vec<Bar<'_>>>)> = nodes
        .iter()
        .map(|node| (node, rows(node, &applied, report, &x)))
        .collect();
    let tall = |rows: &Vec<Vec<Bar<'_>>>| rows.len().max(1) * ROW + beneath;
    let height = lanes.iter().map(|(_, rows)| tall(rows)).sum::<usize>() + 4;
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"What was done to each node, over time\" class=\"plot ribbon\" width=\"{WIDTH}\" \
         height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    let mut y = 4;
    for (node, rows) in &lanes {
        let bars = rows.len().max(1) * ROW;
        svg.push_str(&format!(
            "<text class=\"lane\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"up\" x=\"{LEFT}\" y=\"{y}\" width=\"{room}\" height=\"{}\" rx=\"3\"/>\n",
            LEFT - 8,
            y + 14,
            markup(&short(node, 9)),
            bars - 6
        ));
        for (row, bar) in rows
            .iter()
            .enumerate()
            .flat_map(|(i, row)| row.iter().map(move |bar| (i, bar)))
        {
            bar.draw(&mut svg, node, y + row * ROW);
        }
        for said in marked.iter().filter(|said| said.node == **node) {
            marks(&mut svg, said, y + bars + 6, &x);
        }
        y += bars + beneath;
    }
    svg.push_str("</svg>");
    Some(svg)
}

/// One fault, as long as it may have been in force on one node.
struct Bar<'a> {
    number: usize,
    fault: &'a FaultView,
    word: &'a str,
    class: &'static str,
    from: f64,
    width: f64,
}

/// The faults of a node, those that overlap in rows of their own.
fn rows<'a>(
    node: &str,
    applied: &[(usize, &'a FaultView)],
    report: &Report,
    x: &dyn Fn(Nanos) -> f64,
) -> Vec<Vec<Bar<'a>>> {
    let mut rows: Vec<Vec<Bar<'a>>> = Vec::new();
    let hits = applied
        .iter()
        .filter_map(|(at, fault)| Some((at + 1, *fault, state(fault, node)?)));
    for (number, fault, (word, class)) in hits.take(MAX_BARS) {
        let from = x(fault.span.began);
        let width = (x(fault.end(report.series.until)) - from).max(3.0);
        let bar = Bar {
            number,
            fault,
            word,
            class,
            from,
            width,
        };
        let free = |row: &&mut Vec<Bar<'_>>| row.last().is_none_or(|b| b.from + b.width <= from);
        match rows.iter_mut().find(free) {
            Some(row) => row.push(bar),
            None => rows.push(vec![bar]),
        }
    }
    rows
}

impl Bar<'_> {
    fn draw(&self, svg: &mut String, node: &str, y: usize) {
        let Self {
            number,
            fault,
            word,
            class,
            from,
            width,
        } = self;
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

/// What a node wrote, as signs; the most telling are drawn last, over the others.
fn marks(svg: &mut String, said: &NodeLines, y: usize, x: &dyn Fn(Nanos) -> f64) {
    for kind in LogKind::ALL.into_iter().rev() {
        let at: Vec<f64> = said
            .marks
            .iter()
            .filter(|(_, k)| *k == kind)
            .map(|(at, _)| x(*at))
            .collect();
        let path: String = at.iter().map(|x| sign(kind, *x, y as f64)).collect();
        if !path.is_empty() {
            svg.push_str(&format!(
                "<path class=\"log {}\" d=\"{path}\"><title>{}</title></path>\n",
                kind.word(),
                markup(&format!("{}: {} × {}", said.node, kind.word(), at.len()))
            ));
        }
    }
}

/// A cross, an exclamation mark, a diamond, a triangle, a stroke.
fn sign(kind: LogKind, x: f64, y: f64) -> String {
    match kind {
        LogKind::Panic => format!("M{:.1} {:.1}l8 8m0-8l-8 8", x - 4.0, y - 4.0),
        LogKind::Error => format!("M{x:.1} {:.1}v5m0 2v1.5", y - 4.0),
        LogKind::Leader => format!("M{x:.1} {:.1}l4 4l-4 4l-4-4z", y - 4.0),
        LogKind::Start => format!("M{:.1} {:.1}l6 4l-6 4z", x - 1.0, y - 4.0),
        LogKind::Warning | LogKind::Plain => format!("M{x:.1} {:.1}v6", y - 3.0),
    }
}

/// What a fault makes of a node, in a word and in a class; `None` if it leaves it alone.
fn state<'a>(fault: &'a FaultView, node: &str) -> Option<(&'a str, &'static str)> {
    let span = &fault.span;
    if span.sides.len() > 1 {
        let all: usize = span.sides.iter().map(Vec::len).sum();
        let side = span.sides.iter().find(|s| s.iter().any(|n| n == node))?;
        let mut names: Vec<&String> = span.sides.iter().flatten().collect();
        names.sort_unstable();
        let overlapping = names.windows(2).any(|pair| pair[0] == pair[1]);
        return Some(match side.len() * 2 > all {
            true => ("majority side", "most"),
            false if overlapping => ("sees only some", "off"),
            false => ("cut off", "off"),
        });
    }
    if !span.nodes.iter().any(|n| n == node) {
        return None;
    }
    Some(match span.kind.as_str() {
        "kill" => ("killed", "down"),
        "pause" => ("paused", "down"),
        kind => (kind, "off"),
    })
}
