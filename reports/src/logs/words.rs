//! What the page says about logs as such.

use history::Nanos;

use super::{LogLine, LogRow, LogsView, NodeLines};
use crate::number::{count, grouped, nanos};

/// What is known of a node's clock.
pub(crate) fn clock(node: &NodeLines) -> String {
    let Some(clock) = node.clock else {
        return "not measured; taken for right".to_owned();
    };
    let off = match (
        clock.offset,
        clock.offset.unsigned_abs() <= clock.uncertainty.0,
    ) {
        (_, true) => "right".to_owned(),
        (1.., _) => format!("{} ahead", nanos(Nanos(clock.offset.unsigned_abs()))),
        _ => format!("{} behind", nanos(Nanos(clock.offset.unsigned_abs()))),
    };
    format!("{off}, give or take {}", nanos(clock.uncertainty))
}

/// How many lines are told, and which.
pub(crate) fn picked(logs: &LogsView, dated: bool) -> String {
    let lines: u64 = logs.nodes.iter().map(|n| n.lines).sum();
    let shown: u64 = logs.nodes.iter().map(|n| n.shown).sum();
    let undated: u64 = logs.nodes.iter().map(|n| n.undated).sum();
    let mut text = format!(
        "{} of {} are told below: what broke, who led, what a node wrote within half a second of a finding or of \
         the edge of a fault, and warnings.",
        grouped(shown),
        count(lines, "line", "lines")
    );
    if !dated && lines > 0 {
        text.push_str(
            " When the run began is not on record, so the lines are in the order of each log and not in that of time.",
        );
    } else if undated > 0 {
        text.push_str(&format!(
            " {} no time of {} own and stand with the line before.",
            count(undated, "line has", "lines have"),
            if undated == 1 { "its" } else { "their" }
        ));
    }
    if logs
        .rows
        .iter()
        .any(|row| matches!(row, LogRow::Line(line) if line.corrected))
    {
        text.push_str(
            " A time with ≈ was written by a clock that a fault had made wrong, and is corrected by what was measured.",
        );
    }
    text
}

/// Lines before the start have a sign.
pub(crate) fn time(line: &LogLine) -> String {
    let Some(at) = line.at else {
        return "–".to_owned();
    };
    let about = if line.corrected { "≈ " } else { "" };
    let sign = if at < 0 { "-" } else { "" };
    format!("{about}{sign}{}", Nanos(at.unsigned_abs()))
}
