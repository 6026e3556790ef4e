//! How many of the reads and writes that each side of a partition was asked for it answered, drawn with plotters on the
//! time axis of the other charts.

use plotters::prelude::{Color, IntoDrawingArea, LabelAreaPosition, Rectangle, SVGBackend};

use crate::{
    Report,
    charts::{self, LEFT, RIGHT, WIDTH},
    number::percent,
    sides::{ROLES, Share},
};

const LANE: u32 = 36;
/// Of a lane, the rest is for the number above.
const BAR: f64 = 0.58;
const BOTTOM: u32 = 26;

/// Draws them; `None` where nobody was asked on any side of a partition.
pub(crate) fn drawing(report: &Report) -> Option<String> {
    let mut lanes: Vec<(&str, &str)> = Vec::new();
    for role in ROLES {
        for what in ["reads", "writes"] {
            let asked = report
                .sides
                .iter()
                .any(|side| side.role == role && Share::sum(steps(side, what)).of > 0);
            if asked {
                lanes.push((role, what));
            }
        }
    }
    if lanes.is_empty() {
        return None;
    }
    let until = report.series.until;
    let height = lanes.len() as u32 * LANE + BOTTOM;
    let mut svg = String::new();
    let mut labels = Labels::default();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let mut chart = plotters::prelude::ChartBuilder::on(&root)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .build_cartesian_2d(0.0..until.as_secs_f64(), 0.0..lanes.len() as f64)
            .expect(charts::MEMORY);
        charts::time_axis(&mut chart);
        let cut = report.faults.iter().filter(|f| f.span.sides.len() > 1);
        charts::bands_of(&mut chart, cut, until, 0.0, lanes.len() as f64);
        for (i, (role, what)) in lanes.iter().enumerate() {
            let floor = (lanes.len() - 1 - i) as f64;
            let top = i as u32 * LANE;
            labels.lane(top, role, what);
            for side in report.sides.iter().filter(|side| side.role == *role) {
                let steps = steps(side, what);
                let sum = Share::sum(steps);
                if sum.of == 0 {
                    continue;
                }
                let width = side.width.as_secs_f64();
                for (step, share) in steps.iter().enumerate().filter(|(_, s)| s.of > 0) {
                    let from = side.from.as_secs_f64() + step as f64 * width;
                    let to = (from + width).min(side.until.as_secs_f64());
                    let high = floor + BAR * share.ok as f64 / share.of as f64;
                    let parts = [
                        (floor, high, charts::OK.mix(0.9)),
                        (high, floor + BAR, charts::FAIL.mix(0.45)),
                    ];
                    for (low, high, colour) in parts.into_iter().filter(|(l, h, _)| h > l) {
                        let shape = Rectangle::new([(from, high), (to, low)], colour.filled());
                        chart.draw_series([shape]).expect(charts::MEMORY);
                    }
                }
                let at = chart
                    .plotting_area()
                    .map_coordinate(&(side.from.as_secs_f64(), floor + BAR));
                labels.share(at, &percent(sum.ok, sum.of));
            }
        }
        root.present().expect(charts::MEMORY);
    }
    let name = "Share of reads and writes that were ok, on each side of each partition, over time";
    Some(charts::themed(&svg, name, &labels.svg))
}

fn steps<'a>(side: &'a crate::SideUseOverTime, what: &str) -> &'a [Share] {
    match what {
        "reads" => &side.reads,
        _ => &side.writes,
    }
}

/// Text over the drawing, none over another.
#[derive(Default)]
struct Labels {
    svg: String,
    /// Where the last one ended, and in which row.
    last: (i32, i32),
}

impl Labels {
    fn lane(&mut self, top: u32, role: &str, what: &str) {
        let x = LEFT - 8;
        self.svg.push_str(&format!(
            "<text class=\"lane\" x=\"{x}\" y=\"{}\" text-anchor=\"end\">{role}</text>\
             <text class=\"lane\" x=\"{x}\" y=\"{}\" text-anchor=\"end\">{what}</text>\n",
            top + 16,
            top + 30
        ));
    }

    fn share(&mut self, (x, y): (i32, i32), text: &str) {
        let width = text.chars().count() as i32 * 7 + 6;
        let x = x.min((WIDTH - RIGHT) as i32 - width);
        if self.last.1 == y && x < self.last.0 {
            return;
        }
        self.last = (x + width, y);
        self.svg.push_str(&format!(
            "<text class=\"share\" x=\"{x}\" y=\"{}\">{text}</text>\n",
            y - 3
        ));
    }
}
