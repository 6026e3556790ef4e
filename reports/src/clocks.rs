//! How wrong each node's clock was, as it was measured, drawn with plotters: a lane a node that was struck, on the time axis
//! of the other charts.

use std::collections::{BTreeMap, BTreeSet};

use history::{ClockReading, Nanos};
use plotters::prelude::{
    Circle, Color, IntoDrawingArea, LabelAreaPosition, LineSeries, PathElement, SVGBackend,
};

use crate::{
    FaultView, Report,
    charts::{self, LEFT, RIGHT, WIDTH},
    escape::markup,
    lanes::short,
    number::nanos,
};

/// How many nodes get a lane.
pub(crate) const MAX_NODES: usize = 12;
/// How many measurements are told.
pub(crate) const MAX_READINGS: usize = 200;
const LANE: u32 = 62;
const BOTTOM: u32 = 26;

/// All measurements, in order of time.
pub(crate) fn readings(report: &Report) -> Vec<&ClockReading> {
    let all = report.faults.iter().flat_map(|fault| &fault.span.clocks);
    let mut all: Vec<&ClockReading> = all.collect();
    all.sort_by_key(|reading| reading.at);
    all
}

/// How many nodes get no lane.
pub(crate) fn left_out(readings: &[&ClockReading]) -> usize {
    let nodes: BTreeSet<&str> = readings.iter().map(|r| &*r.node).collect();
    nodes.len().saturating_sub(MAX_NODES)
}

/// `+20.6 s`, `-14 ms`, `0 ms`.
pub(crate) fn offset(reading: &ClockReading) -> String {
    let size = nanos(Nanos(reading.offset.unsigned_abs()));
    match reading.offset {
        0 => size,
        1.. => format!("+{size}"),
        _ => format!("-{size}"),
    }
}

/// Draws them; `None` if no clock was looked at.
pub(crate) fn drawing(report: &Report) -> Option<String> {
    let mut by_node: BTreeMap<&str, Vec<&FaultView>> = BTreeMap::new();
    for fault in &report.faults {
        let mut nodes: Vec<&str> = fault.span.clocks.iter().map(|r| &*r.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        for node in nodes {
            by_node.entry(node).or_default().push(fault);
        }
    }
    if by_node.is_empty() || !report.timed {
        return None;
    }
    let lanes = by_node.len().min(MAX_NODES) as u32;
    let height = lanes * LANE + BOTTOM;
    let mut svg = String::new();
    let mut labels = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        for (i, (node, faults)) in by_node.into_iter().take(MAX_NODES).enumerate() {
            let top = i as u32 * LANE;
            let last = i as u32 + 1 == lanes;
            let area = root.clone().shrink(
                (0, top as i32),
                (WIDTH, if last { LANE + BOTTOM } else { LANE }),
            );
            labels.push_str(&format!(
                "<text class=\"lane\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                LEFT - 8,
                top + LANE / 2 + 4,
                markup(&short(node, 9))
            ));
            lane(report, node, &faults, &area, last, &mut labels);
        }
        root.present().expect(charts::MEMORY);
    }
    let name = "By how much the clock of each node was wrong, as measured, over time";
    Some(charts::themed(&svg, name, &labels))
}

type Area<'a> = plotters::drawing::DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn lane(
    report: &Report,
    node: &str,
    faults: &[&FaultView],
    area: &Area<'_>,
    last: bool,
    labels: &mut String,
) {
    let until = report.series.until;
    let seconds = |nanos: i64| nanos as f64 / 1e9;
    let of_node = |fault: &&FaultView| -> Vec<ClockReading> {
        let all = fault.span.clocks.iter();
        all.filter(|r| r.node == node).cloned().collect()
    };
    let all: Vec<ClockReading> = faults.iter().flat_map(of_node).collect();
    let offsets = || all.iter().map(|r| seconds(r.offset));
    let (low, high) = (offsets().fold(0.0, f64::min), offsets().fold(0.0, f64::max));
    // A clock that was never seen to be wrong has a line of its own, too.
    let room = ((high - low) * 0.6).max(0.001);
    let (low, high) = (low - room, high + room);
    let mut chart = plotters::prelude::ChartBuilder::on(area)
        .margin_right(RIGHT)
        .set_label_area_size(LabelAreaPosition::Bottom, if last { BOTTOM } else { 0 })
        .set_label_area_size(LabelAreaPosition::Left, LEFT)
        .build_cartesian_2d(0.0..until.as_secs_f64(), low..high)
        .expect(charts::MEMORY);
    if last {
        charts::time_axis(&mut chart);
    }
    charts::bands_of(&mut chart, faults.iter().copied(), until, low, high);
    let right = [(0.0, 0.0), (until.as_secs_f64(), 0.0)];
    chart
        .draw_series(LineSeries::new(right, charts::GRID.stroke_width(1)))
        .expect(charts::MEMORY);
    let (mut free, mut at_row) = (0, 0);
    for fault in faults {
        let readings = of_node(fault);
        if let Some(wrong) = readings.iter().find(|r| r.during) {
            let from = fault.span.began.as_secs_f64();
            let to = fault.end(until).as_secs_f64();
            let high = seconds(wrong.offset);
            let step = vec![(from, 0.0), (from, high), (to, high), (to, 0.0)];
            chart
                .draw_series([PathElement::new(step, charts::INK.stroke_width(1))])
                .expect(charts::MEMORY);
        }
        for reading in readings {
            let (x, y) = (reading.at.as_secs_f64(), seconds(reading.offset));
            let give = reading.uncertainty.as_secs_f64();
            let bar = vec![(x, y - give), (x, y + give)];
            chart
                .draw_series([PathElement::new(bar, charts::INK.stroke_width(2))])
                .expect(charts::MEMORY);
            chart
                .draw_series([Circle::new((x, y), 3, charts::INK.filled())])
                .expect(charts::MEMORY);
            let (px, py) = chart.plotting_area().map_coordinate(&(x, y));
            let text = offset(&reading);
            let width = text.chars().count() as i32 * 7 + 10;
            if !reading.during || (px < free && (py - at_row).abs() < 14) {
                continue;
            }
            let x = (px - 4).min((WIDTH - RIGHT) as i32 - width);
            (free, at_row) = (x + width, py);
            labels.push_str(&format!(
                "<text class=\"share\" x=\"{x}\" y=\"{}\">{}</text>\n",
                // Away from the line, on its outer side.
                if reading.offset < 0 { py + 15 } else { py - 7 },
                markup(&text)
            ));
        }
    }
}
