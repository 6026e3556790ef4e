//! Throughput and latency over a run, drawn with plotters into SVG text; [`lanes`](crate::lanes) has the same time axis.
//!
//! The colours written by plotters are markers; [`themed`] replaces them by CSS variables, so that the page's light and
//! dark palettes apply. Dots are one path an outcome instead of one element a call: fifty times smaller.

use history::Nanos;
use plotters::{
    coord::types::RangedCoordf64,
    prelude::{
        Cartesian2d, ChartBuilder, ChartContext, Color, IntoDrawingArea, IntoLogRange, LineSeries,
        RGBColor, Rectangle, SVGBackend,
    },
    style::IntoTextStyle,
};

use crate::{FaultView, OutcomeKind, Report, Series, escape::markup, number::nanos};

pub(crate) const WIDTH: u32 = 1040;
pub(crate) const LEFT: u32 = 68;
pub(crate) const RIGHT: u32 = 16;

pub(crate) const INK: RGBColor = RGBColor(1, 1, 1);
pub(crate) const GRID: RGBColor = RGBColor(2, 2, 2);
const FAULT: RGBColor = RGBColor(3, 3, 3);
pub(crate) const OK: RGBColor = RGBColor(4, 4, 4);
pub(crate) const FAIL: RGBColor = RGBColor(5, 5, 5);
const INFO: RGBColor = RGBColor(6, 6, 6);

/// Replaces the markers by the page's colours, and gives the drawing a name for those who cannot see it.
pub(crate) fn themed(svg: &str, name: &str, extra: &str) -> String {
    let mut out = svg.replacen(
        "<svg ",
        &format!(
            "<svg role=\"img\" aria-label=\"{}\" class=\"plot\" ",
            markup(name)
        ),
        1,
    );
    for (marker, variable) in [
        ("#010101", "var(--muted)"),
        ("#020202", "var(--grid)"),
        ("#030303", "var(--fault)"),
        ("#040404", "var(--ok)"),
        ("#050505", "var(--opfail)"),
        ("#060606", "var(--info)"),
    ] {
        out = out.replace(marker, variable);
    }
    let end = out.rfind("</svg>").unwrap_or(out.len());
    out.insert_str(end, extra);
    out
}

fn colour(kind: OutcomeKind) -> RGBColor {
    match kind {
        OutcomeKind::Ok => OK,
        OutcomeKind::Fail => FAIL,
        OutcomeKind::Info => INFO,
    }
}

/// Calls that ended, per second, stacked by outcome.
pub(crate) fn throughput(report: &Report) -> String {
    let series = &report.series;
    let seconds = series.width.as_secs_f64();
    let top = series
        .buckets
        .iter()
        .map(|b| b.counts.total() as f64 / seconds)
        .fold(1.0, f64::max)
        * 1.08;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, 200)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(10)
            .margin_right(RIGHT)
            .set_label_area_size(plotters::prelude::LabelAreaPosition::Bottom, 26)
            .set_label_area_size(plotters::prelude::LabelAreaPosition::Left, LEFT)
            .build_cartesian_2d(0.0..series.until.as_secs_f64(), 0.0..top)
            .expect(MEMORY);
        mesh(&mut chart, &|y| rate(*y));
        bands(&mut chart, &report.faults, series.until, 0.0, top);
        // What is rare must not be invisible.
        let least = top * 0.012;
        for (i, bucket) in series.buckets.iter().enumerate() {
            let from = i as f64 * seconds;
            let until = (from + seconds * 0.92).min(series.until.as_secs_f64());
            let mut floor = 0.0;
            for kind in OutcomeKind::ALL {
                let n = bucket.counts.of(kind);
                if n == 0 {
                    continue;
                }
                let height = (n as f64 / seconds).max(least);
                chart
                    .draw_series([Rectangle::new(
                        [(from, floor + height), (until, floor)],
                        colour(kind).mix(0.9).filled(),
                    )])
                    .expect(MEMORY);
                floor += height;
            }
        }
        root.present().expect(MEMORY);
    }
    themed(&svg, "Calls that ended per second, by outcome", "")
}

/// Latency of single calls on a logarithmic axis, with the median and the 99th percentile of the `ok` ones.
pub(crate) fn latency(report: &Report) -> String {
    let series = &report.series;
    let in_ms = |n: Nanos| (n.0 as f64 / 1e6).max(0.001);
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for point in &series.points {
        low = low.min(in_ms(point.latency));
        high = high.max(in_ms(point.latency));
    }
    if !low.is_finite() {
        (low, high) = (0.1, 10.0);
    }
    let low = 10_f64.powf(low.log10().floor());
    let high = 10_f64.powf(high.log10().ceil()).max(low * 10.0);
    let mut svg = String::new();
    let mut dots: Vec<(i32, i32, OutcomeKind)> = Vec::with_capacity(series.points.len());
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, 260)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(10)
            .margin_right(RIGHT)
            .set_label_area_size(plotters::prelude::LabelAreaPosition::Bottom, 26)
            .set_label_area_size(plotters::prelude::LabelAreaPosition::Left, LEFT)
            .build_cartesian_2d(0.0..series.until.as_secs_f64(), (low..high).log_scale())
            .expect(MEMORY);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(GRID.mix(0.0))
            .axis_style(GRID)
            .label_style(label_style())
            .x_labels(12)
            .y_labels(6)
            .x_label_formatter(&|x| clock(*x))
            .y_label_formatter(&|y| nanos(Nanos((*y * 1e6).round() as u64)).replace(".0 ", " "))
            .draw()
            .expect(MEMORY);
        bands(&mut chart, &report.faults, series.until, low, high);
        for (rank, strength) in [(0, 2), (1, 1)] {
            for run in quantile_runs(series, rank) {
                let line = run.into_iter().map(|(x, y)| (x, in_ms(y)));
                chart
                    .draw_series(LineSeries::new(line, INK.stroke_width(strength)))
                    .expect(MEMORY);
            }
        }
        let area = chart.plotting_area();
        for point in &series.points {
            let (x, y) = area.map_coordinate(&(point.at.as_secs_f64(), in_ms(point.latency)));
            dots.push((x, y, point.outcome));
        }
        root.present().expect(MEMORY);
    }
    let extra: String = OutcomeKind::ALL
        .into_iter()
        .map(|kind| marks(&dots, kind))
        .collect();
    themed(
        &svg,
        "Latency of calls over time, on a logarithmic axis, by outcome",
        &extra,
    )
}

/// Drawing into a string has no way to fail.
pub(crate) const MEMORY: &str = "an SVG in memory can always be drawn";
/// How many faults the charts show; the table has all.
pub(crate) const MAX_FAULTS: usize = 300;

pub(crate) type Linear<'a> =
    ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The time axis alone.
pub(crate) fn time_axis(chart: &mut Linear<'_>) {
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_y_axis()
        .axis_style(GRID)
        .label_style(label_style())
        .x_labels(12)
        .x_label_formatter(&|x| clock(*x))
        .draw()
        .expect(MEMORY);
}

fn mesh(chart: &mut Linear<'_>, y: &dyn Fn(&f64) -> String) {
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(GRID.mix(0.0))
        .axis_style(GRID)
        .label_style(label_style())
        .x_labels(12)
        .y_labels(5)
        .x_label_formatter(&|x| clock(*x))
        .y_label_formatter(y)
        .draw()
        .expect(MEMORY);
}

fn label_style() -> plotters::style::TextStyle<'static> {
    ("system-ui", 12, &INK).into_text_style(&(WIDTH, 200))
}

/// Where a fault may have been in force.
pub(crate) fn bands<Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, Y>>,
    faults: &[FaultView],
    until: Nanos,
    low: f64,
    high: f64,
) where
    Y: plotters::coord::ranged1d::Ranged<ValueType = f64>,
{
    bands_of(chart, faults.iter(), until, low, high);
}

/// The same, of some faults.
pub(crate) fn bands_of<'f, Y>(
    chart: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, Y>>,
    faults: impl Iterator<Item = &'f FaultView>,
    until: Nanos,
    low: f64,
    high: f64,
) where
    Y: plotters::coord::ranged1d::Ranged<ValueType = f64>,
{
    let in_force = faults.filter(|f| f.span.injected.is_some());
    for fault in in_force.take(MAX_FAULTS) {
        let from = fault.span.began.as_secs_f64();
        let to = fault.end(until).as_secs_f64().min(until.as_secs_f64());
        chart
            .draw_series([Rectangle::new(
                [(from, high), (to, low)],
                FAULT.mix(0.13).filled(),
            )])
            .expect(MEMORY);
    }
}

/// Stretches of neighbouring buckets that have a value: where there is none the line has a gap.
fn quantile_runs(series: &Series, rank: usize) -> Vec<Vec<(f64, Nanos)>> {
    let width = series.width.as_secs_f64();
    let mut runs = vec![Vec::new()];
    for (i, bucket) in series.buckets.iter().enumerate() {
        match bucket.latency {
            Some(l) => {
                let x = ((i as f64 + 0.5) * width).min(series.until.as_secs_f64());
                if let Some(run) = runs.last_mut() {
                    run.push((x, l[rank]));
                }
            }
            None => runs.push(Vec::new()),
        }
    }
    runs.retain(|r| !r.is_empty());
    runs
}

/// All dots of one outcome as a path: `ok` a dot, `fail` a cross, `info` an open angle.
fn marks(dots: &[(i32, i32, OutcomeKind)], kind: OutcomeKind) -> String {
    let mut path = String::new();
    for (x, y, _) in dots.iter().filter(|d| d.2 == kind) {
        let one = match kind {
            OutcomeKind::Ok => format!("M{x} {y}h0"),
            OutcomeKind::Fail => {
                format!("M{} {}l5 5m0-5l-5 5", x - 2, y - 2)
            }
            OutcomeKind::Info => format!("M{} {}l4 3l-4 3", x - 2, y - 3),
        };
        path.push_str(&one);
    }
    if path.is_empty() {
        return path;
    }
    format!("<path class=\"dots {}\" d=\"{path}\"/>\n", kind.word())
}

/// `0:31` on the time axis; with tenths where the run is short.
fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round().max(0.0) as u64;
    let (minutes, rest) = (tenths / 600, tenths % 600);
    if rest.is_multiple_of(10) {
        format!("{minutes}:{:02}", rest / 10)
    } else {
        format!("{minutes}:{:02}.{}", rest / 10, rest % 10)
    }
}

fn rate(y: f64) -> String {
    if y < 10.0 && y.fract() != 0.0 {
        format!("{y:.1}/s")
    } else {
        format!("{}/s", crate::number::grouped(y.round() as u64))
    }
}
