//! The small drawing of a finding: who asked what when, in real time, and which fault was in force.
//!
//! One lane a process. A call is a box from its sending to its answer; `info` is open at its right end, because it may
//! still take effect. Where idle time would squeeze the calls into slivers it is cut, and the cut is marked with its
//! length. (Space-time diagrams after Lamport 1978; boxes after Herlihy & Wing 1990, figure 1.)

use history::Nanos;

use crate::{FaultView, FindingView, OpRow, OutcomeKind, escape::markup, lanes::short, number};

pub(crate) const WIDTH: f64 = 860.0;
pub(crate) const LEFT: f64 = 120.0;
pub(crate) const RIGHT: f64 = 28.0;
const BOX: f64 = 20.0;
const CHAR: f64 = 6.9;
const CUT: f64 = 64.0;
/// How many calls are drawn; the table beside it says how many there are.
pub(crate) const MAX_ROWS: usize = 40;

/// Draws a finding's witness; `None` if it has no calls.
pub(crate) fn drawing(view: &FindingView, faults: &[FaultView]) -> Option<String> {
    let rows = &view.rows[..view.rows.len().min(MAX_ROWS)];
    let axis = Axis::new(rows)?;
    let lanes = lanes(rows, &axis);
    let bands: Vec<&FaultView> = view
        .during
        .iter()
        .filter_map(|d| faults.get(d.number - 1))
        .take(3)
        .collect();
    let top = 12.0 + bands.len() as f64 * 18.0;
    let body: f64 = lanes.iter().map(Lane::height).sum();
    let height = top + body + 34.0;
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"{}\" class=\"drawing\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\n",
        markup(&format!(
            "The calls that prove finding {}, one lane a process, in real time",
            view.number
        ))
    );
    for (i, fault) in bands.iter().enumerate() {
        band(&mut svg, fault, &axis, i, top + body);
    }
    let mut y = top;
    for lane in &lanes {
        lane.draw(&mut svg, y);
        y += lane.height();
    }
    axis.draw(&mut svg, top, y);
    svg.push_str("</svg>");
    Some(svg)
}

/// A stretch of time and where it is drawn.
struct Piece {
    from: u64,
    until: u64,
    x: f64,
    width: f64,
    cut: bool,
}

/// Real time to columns, idle stretches cut out.
pub(crate) struct Axis {
    pieces: Vec<Piece>,
}

impl Axis {
    pub(crate) fn new(rows: &[OpRow]) -> Option<Self> {
        let first = rows.iter().map(|r| r.start.0).min()?;
        let last = rows.iter().map(|r| known_end(r).0).max()?;
        let mut busy: Vec<(u64, u64)> = rows.iter().map(|r| (r.start.0, known_end(r).0)).collect();
        busy.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (from, until) in busy {
            match merged.last_mut() {
                Some(m) if from <= m.1 => m.1 = m.1.max(until),
                _ => merged.push((from, until)),
            }
        }
        let room = WIDTH - LEFT - RIGHT;
        let total = (last - first).max(1) as f64;
        // An idle stretch that would take more than its share is cut; the rest of the axis stays to scale.
        let cuts: Vec<bool> = merged
            .windows(2)
            .map(|w| (w[1].0 - w[0].1) as f64 / total * room > CUT * 2.0)
            .collect();
        let cut_width = cuts.iter().filter(|c| **c).count() as f64 * CUT;
        let cut_time: u64 = merged
            .windows(2)
            .zip(&cuts)
            .filter(|(_, cut)| **cut)
            .map(|(w, _)| w[1].0 - w[0].1)
            .sum();
        let scale = (room - cut_width).max(room * 0.2) / (total - cut_time as f64).max(1.0);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut x = LEFT + 8.0;
        let mut add = |from: u64, until: u64, cut: bool| {
            let width = if cut {
                CUT
            } else {
                (until - from) as f64 * scale
            };
            pieces.push(Piece {
                from,
                until,
                x,
                width,
                cut,
            });
            x += width;
        };
        for (i, (from, until)) in merged.iter().enumerate() {
            add(*from, *until, false);
            if let Some(next) = merged.get(i + 1) {
                add(*until, next.0, cuts[i]);
            }
        }
        let drawn: f64 = pieces.iter().map(|p| p.width).sum();
        let fit = (room - 16.0) / drawn.max(1.0);
        if fit < 1.0 {
            for piece in &mut pieces {
                piece.x = LEFT + 8.0 + (piece.x - LEFT - 8.0) * fit;
                piece.width *= fit;
            }
        }
        Some(Self { pieces })
    }

    pub(crate) fn x(&self, at: Nanos) -> f64 {
        let piece = self
            .pieces
            .iter()
            .find(|p| at.0 <= p.until)
            .or(self.pieces.last());
        let Some(p) = piece else { return LEFT };
        let share = at.0.saturating_sub(p.from) as f64 / (p.until - p.from).max(1) as f64;
        p.x + p.width * share.min(1.0)
    }

    pub(crate) fn draw(&self, svg: &mut String, top: f64, bottom: f64) {
        svg.push_str(&format!(
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{}\"/>\n",
            WIDTH - RIGHT
        ));
        let mut free = 0.0;
        for p in &self.pieces {
            if p.cut {
                let middle = p.x + p.width / 2.0;
                svg.push_str(&format!(
                    "<path class=\"cut\" d=\"M{0:.1} {top}V{bottom}\"/><path class=\"slashes\" d=\"M{1:.1} {2}l5-10m1 10l5-10\"/>\
                     <text class=\"idle\" x=\"{0:.1}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
                    middle,
                    middle - 5.5,
                    bottom + 5.0,
                    bottom + 30.0,
                    markup(&number::nanos(Nanos(p.until - p.from)))
                ));
            } else if p.x >= free {
                svg.push_str(&format!(
                    "<path class=\"axis\" d=\"M{0:.1} {bottom}v4\"/><text class=\"tick\" x=\"{0:.1}\" y=\"{1}\" \
                     text-anchor=\"middle\">{2}</text>\n",
                    p.x,
                    bottom + 17.0,
                    Nanos(p.from)
                ));
                free = p.x + 62.0;
            }
        }
    }
}

/// When a call was certainly over. One whose outcome is unknown may take effect at any later time, so when its client
/// gave up does not matter to the drawing: only its start counts.
fn known_end(row: &OpRow) -> Nanos {
    match (row.outcome, row.end) {
        (OutcomeKind::Info, _) | (_, None) => row.start,
        (_, Some(end)) => end,
    }
}

/// A call, its place, and where its words go.
struct Mark<'a> {
    row: &'a OpRow,
    from: f64,
    until: f64,
    label: String,
    label_x: f64,
    level: usize,
}

struct Lane<'a> {
    name: String,
    marks: Vec<Mark<'a>>,
    levels: usize,
}

fn lanes<'a>(rows: &'a [OpRow], axis: &Axis) -> Vec<Lane<'a>> {
    let mut lanes: Vec<(u32, Lane<'a>)> = Vec::new();
    for row in rows {
        let from = axis.x(row.start);
        let until = match (row.outcome, row.end) {
            (OutcomeKind::Info, _) | (_, None) => WIDTH - RIGHT,
            (_, Some(end)) => axis.x(end).max(from + 5.0),
        };
        let at = match lanes.iter().position(|(p, _)| *p == row.process) {
            Some(at) => at,
            None => {
                let name = format!("p{} · {}", row.process, short(&row.node, 9));
                lanes.push((
                    row.process,
                    Lane {
                        name,
                        marks: Vec::new(),
                        levels: 1,
                    },
                ));
                lanes.len() - 1
            }
        };
        lanes[at].1.push(row, from, until);
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

impl<'a> Lane<'a> {
    fn push(&mut self, row: &'a OpRow, from: f64, until: f64) {
        let label = short(&row.text, 40);
        let width = label.chars().count() as f64 * CHAR;
        let label_x = from.min(WIDTH - RIGHT - width).max(LEFT);
        let free = |level: usize| {
            self.marks.iter().filter(|m| m.level == level).all(|m| {
                let end = m.label_x + m.label.chars().count() as f64 * CHAR;
                label_x > end + 8.0 || label_x + width + 8.0 < m.label_x
            })
        };
        let level = (0..6).find(|l| free(*l)).unwrap_or(5);
        self.levels = self.levels.max(level + 1);
        self.marks.push(Mark {
            row,
            from,
            until,
            label,
            label_x,
            level,
        });
    }

    fn height(&self) -> f64 {
        self.levels as f64 * 16.0 + BOX + 16.0
    }

    fn draw(&self, svg: &mut String, y: f64) {
        let base = y + self.levels as f64 * 16.0 + 6.0;
        let middle = base + BOX / 2.0;
        svg.push_str(&format!(
            "<text class=\"who\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><path class=\"rail\" d=\"M{LEFT} {middle}H{}\"/>\n",
            LEFT - 12.0,
            middle + 4.5,
            markup(&self.name),
            WIDTH - RIGHT
        ));
        for m in &self.marks {
            let title = format!("{} ({}) {}", m.row.text, m.row.outcome.word(), m.row.when());
            let word = m.row.outcome.word();
            svg.push_str(&format!(
                "<g class=\"op {word}\"><title>{}</title>",
                markup(&title)
            ));
            if m.row.outcome == OutcomeKind::Info || m.row.end.is_none() {
                svg.push_str(&format!(
                    "<path class=\"whisker\" d=\"M{0:.1} {base}v{BOX}M{0:.1} {middle}H{1:.1}m-6-5l6 5l-6 5m-5-10l6 5l-6 5\"/>",
                    m.from,
                    m.until
                ));
            } else {
                svg.push_str(&format!(
                    "<rect x=\"{:.1}\" y=\"{base}\" width=\"{:.1}\" height=\"{BOX}\" rx=\"3\"/>",
                    m.from,
                    m.until - m.from
                ));
            }
            let label_y = base - 5.0 - m.level as f64 * 16.0;
            if m.level > 0 {
                svg.push_str(&format!(
                    "<path class=\"leader\" d=\"M{0:.1} {1:.1}V{2:.1}\"/>",
                    m.from + 1.5,
                    label_y + 3.0,
                    base
                ));
            }
            svg.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{label_y:.1}\">{}</text></g>\n",
                m.label_x,
                markup(&m.label)
            ));
        }
    }
}

fn band(svg: &mut String, fault: &FaultView, axis: &Axis, i: usize, bottom: f64) {
    let from = match axis.pieces.first() {
        Some(first) if fault.span.began.0 > first.from => axis.x(fault.span.began),
        _ => LEFT,
    };
    let until = match (fault.span.healed, axis.pieces.last()) {
        (Some(healed), Some(last)) if healed.0 < last.until => axis.x(healed),
        _ => WIDTH - RIGHT,
    };
    let y = 4.0 + i as f64 * 18.0;
    let width = (until - from).max(3.0);
    let fits = ((WIDTH - RIGHT - from - 10.0) / 6.4) as usize;
    svg.push_str(&format!(
        "<g class=\"{5}\"><title>{0}</title><rect class=\"tint\" x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" \
         height=\"{1:.1}\"/><rect class=\"edge\" x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"2\"/>\
         <text x=\"{2:.1}\" y=\"{3}\">{4}</text></g>\n",
        markup(&fault.label),
        bottom - y,
        from + 5.0,
        y + 14.0,
        markup(&short(&fault.label, fits)),
        if fault.span.took_effect() {
            "during"
        } else {
            "during unverified"
        }
    ));
}
