//! The drawing of a circle of transactions: who must come before whom, in real time. Layout by us, no Graphviz.
//!
//! One lane a process, x is real time with idle stretches cut out as in [`timeline`](crate::timeline). A transaction is a
//! box that lists its steps, as wide as its words need, and a bar beneath it that says when it really was. An arrow goes
//! from each transaction to the one that must come after it; its two letters and its dash say why (Adya 1999; Elle,
//! Kingsbury & Alvaro 2020, figure 3), never its colour alone.

use checkers::{Dependency, Precedence};
use history::Index;

use crate::{
    FindingView, OpRow,
    escape::markup,
    lanes::short,
    timeline::{Axis, LEFT, RIGHT, WIDTH},
};

/// How many transactions are drawn; a larger circle is told in words.
pub(crate) const MAX_BOXES: usize = 12;
const CHAR: f64 = 6.7;
const LINE: f64 = 16.0;
const MAX_STEPS: usize = 6;
const GAP: f64 = 58.0;

/// Draws the circle of a finding; `None` if it has none, or one that is too large.
pub(crate) fn drawing(view: &FindingView) -> Option<String> {
    let names = names(view);
    if view.finding.order.len() < 2 || names.len() > MAX_BOXES || view.missing > 0 {
        return None;
    }
    let rows = view.rows.as_slice();
    let axis = Axis::new(rows)?;
    let (boxes, height) = layout(rows, (&names, view.finding.order.len()), &axis);
    let find = |index: Index| boxes.iter().find(|b| b.index == index.0);
    let arrows: Vec<Arrow<'_>> = view
        .finding
        .order
        .iter()
        .enumerate()
        .filter_map(|(nth, step)| {
            Some(Arrow::new(nth, step, find(step.before)?, find(step.after)?))
        })
        .collect();
    let number = view.number;
    // Arrows within the lowest lane hang below it.
    let hanging = arrows.iter().any(|arrow| arrow.label.1 + 9.0 > height);
    let height = height + if hanging { 60.0 } else { 30.0 };
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"The circle of finding {number}: which transaction must come before which\" \
         class=\"drawing circle\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<defs><marker id=\"arrow{number}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" \
         markerUnits=\"userSpaceOnUse\" markerWidth=\"11\" markerHeight=\"11\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\"/></marker></defs>\n"
    );
    let mut lanes: Vec<(u32, f64)> = boxes.iter().map(|b| (b.process, b.lane)).collect();
    lanes.dedup();
    for (process, y) in lanes {
        svg.push_str(&format!(
            "<text class=\"who\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">p{process}</text>\
             <path class=\"rail\" d=\"M{LEFT} {y:.1}H{}\"/>\n",
            LEFT - 12.0,
            y + 4.0,
            WIDTH - RIGHT
        ));
    }
    for b in &boxes {
        b.draw(&mut svg);
    }
    // The letters last, so that no line crosses them.
    svg.extend(arrows.iter().map(|arrow| arrow.line(number)));
    svg.extend(arrows.iter().map(Arrow::letters));
    axis.draw(&mut svg, 8.0, height - 30.0);
    svg.push_str("</svg>");
    Some(svg)
}

/// What each call of the witness is called: first those of the circle, in its order, then the others.
pub(crate) fn names(view: &FindingView) -> Vec<(u32, String)> {
    let circle: Vec<u32> = view.finding.order.iter().map(|p| p.before.0).collect();
    let others = view.rows.iter().map(|r| r.index);
    let others: Vec<u32> = others.filter(|i| !circle.contains(i)).collect();
    let all = circle.into_iter().chain(others).enumerate();
    all.map(|(i, index)| (index, format!("T{}", i + 1)))
        .collect()
}

struct Transaction {
    index: u32,
    process: u32,
    name: String,
    lines: Vec<String>,
    title: String,
    /// Where it really was.
    bar: (f64, f64),
    /// The height at which its bar runs.
    lane: f64,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    in_circle: bool,
}

fn layout(
    rows: &[OpRow],
    (names, circle): (&[(u32, String)], usize),
    axis: &Axis,
) -> (Vec<Transaction>, f64) {
    let mut processes: Vec<u32> = Vec::new();
    for row in rows {
        if !processes.contains(&row.process) {
            processes.push(row.process);
        }
    }
    let mut boxes = Vec::new();
    let mut y = 14.0;
    for process in processes {
        let mine: Vec<&OpRow> = rows.iter().filter(|r| r.process == process).collect();
        let mut placed: Vec<Transaction> = mine
            .iter()
            .map(|row| transaction(row, (names, circle), axis, mine.len()))
            .collect();
        // From the right, each box leaves room for those after it.
        let mut free = WIDTH - RIGHT;
        for b in placed.iter_mut().rev() {
            b.x = b.x.min(free - b.width).max(LEFT);
            free = b.x - 10.0;
        }
        // From the left, none lies on the one before it.
        let mut free = LEFT;
        for b in &mut placed {
            b.x = b.x.max(free);
            free = b.x + b.width + 10.0;
        }
        let tallest = placed.iter().map(|b| b.height).fold(0.0, f64::max);
        for b in &mut placed {
            b.y = y + tallest - b.height;
            b.lane = y + tallest + 8.0;
        }
        y += tallest + 16.0 + GAP;
        boxes.extend(placed);
    }
    (boxes, y - GAP + 6.0)
}

/// One of `of_lane` boxes in its lane; the first `circle` of the names are in the circle.
fn transaction(
    row: &OpRow,
    (names, circle): (&[(u32, String)], usize),
    axis: &Axis,
    of_lane: usize,
) -> Transaction {
    let most = ((WIDTH - LEFT - RIGHT) / of_lane as f64 / CHAR) as usize;
    let steps: Vec<&str> = row.text.split(", ").collect();
    let mut lines: Vec<String> = steps
        .iter()
        .take(MAX_STEPS)
        .map(|s| short(s, most.clamp(8, 34)))
        .collect();
    if steps.len() > MAX_STEPS {
        lines.push(format!("… {} more", steps.len() - MAX_STEPS));
    }
    let at = names.iter().position(|(index, _)| *index == row.index);
    let name = at.map_or(String::new(), |at| names[at].1.clone());
    let head = format!("{name} · {}", short(&row.node, 9));
    let longest = lines
        .iter()
        .chain([&head])
        .map(|l| l.chars().count())
        .max()
        .unwrap_or(0);
    let end = row.end.unwrap_or(row.start);
    let start = axis.x(row.start);
    Transaction {
        index: row.index,
        process: row.process,
        name: head,
        title: format!("{} ({}) {}", row.text, row.outcome.word(), row.when()),
        bar: (start, axis.x(end).max(start + 3.0)),
        lane: 0.0,
        x: start,
        y: 0.0,
        width: longest as f64 * CHAR + 18.0,
        height: (lines.len() + 1) as f64 * LINE + 10.0,
        lines,
        in_circle: at.is_some_and(|at| at < circle),
    }
}

impl Transaction {
    fn draw(&self, svg: &mut String) {
        svg.push_str(&format!(
            "<g class=\"txn{}\"><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>\
             <path class=\"bar\" d=\"M{:.1} {:.1}H{:.1}\"/><text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            if self.in_circle { "" } else { " aside" },
            markup(&self.title),
            self.x,
            self.y,
            self.width,
            self.height,
            self.bar.0,
            self.lane,
            self.bar.1,
            self.x + 9.0,
            self.y + 17.0,
            markup(&self.name)
        ));
        for (i, line) in self.lines.iter().enumerate() {
            svg.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                self.x + 9.0,
                self.y + 17.0 + (i + 1) as f64 * LINE,
                markup(line)
            ));
        }
        svg.push_str("</g>\n");
    }

    fn middle(&self, shift: f64) -> f64 {
        (self.x + self.width / 2.0 + shift).clamp(self.x + 8.0, self.x + self.width - 8.0)
    }
}

/// A step of the circle, and where it is drawn.
struct Arrow<'a> {
    nth: usize,
    kind: Dependency,
    because: &'a str,
    path: String,
    /// Where its letters stand.
    label: (f64, f64),
}

impl<'a> Arrow<'a> {
    fn new(nth: usize, step: &'a Precedence, from: &Transaction, to: &Transaction) -> Self {
        // Arrows there and back between the same two keep apart.
        let shift = if nth.is_multiple_of(2) { 26.0 } else { -26.0 };
        let (x1, x2) = (from.middle(shift), to.middle(shift));
        let across = |y1: f64, y2: f64| {
            let middle = (y1 + y2) / 2.0;
            let path =
                format!("M{x1:.1} {y1:.1}C{x1:.1} {middle:.1} {x2:.1} {middle:.1} {x2:.1} {y2:.1}");
            (path, ((x1 + x2) / 2.0, middle))
        };
        let (path, label) = if from.lane < to.lane {
            across(from.lane + 5.0, to.y - 2.0)
        } else if from.lane > to.lane {
            across(from.y - 2.0, to.lane + 5.0)
        } else {
            let (y, low) = (from.lane + 5.0, from.lane + 35.0);
            let path = format!("M{x1:.1} {y:.1}C{x1:.1} {low:.1} {x2:.1} {low:.1} {x2:.1} {y:.1}");
            (path, ((x1 + x2) / 2.0, y + 22.0))
        };
        Self {
            nth,
            kind: step.kind,
            because: &step.because,
            path,
            label,
        }
    }

    fn line(&self, number: usize) -> String {
        format!(
            "<g class=\"edge {}\"><title>{}</title><path d=\"{}\" marker-end=\"url(#arrow{number})\"/></g>\n",
            self.kind.code(),
            markup(self.because),
            self.path
        )
    }

    fn letters(&self) -> String {
        let (x, y) = self.label;
        format!(
            "<g class=\"letters\"><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"36\" height=\"18\" rx=\"9\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} {}</text></g>\n",
            markup(self.because),
            x - 18.0,
            y - 9.0,
            y + 4.0,
            self.nth + 1,
            self.kind.code()
        )
    }
}
