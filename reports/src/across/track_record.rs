//! `TRACK_RECORD.md`: what was ever found, by which version, how often, and how to see it again.

use crate::{
    across::{Board, Row},
    escape::markdown,
};

/// Renders it, the first found first.
pub fn track_record(board: &Board) -> String {
    let mut page = String::from(
        "# Track record\n\nWhat was found, and how to see it again. Written by schism whenever a run ends; a row stays \
         when its violation is gone.\n\n",
    );
    if board.rows.is_empty() {
        page.push_str("Nothing was found so far.\n");
        return page;
    }
    page.push_str(
        "| Finding | Case | First seen | Last seen | Rate | State | Again |\n|---|---|---|---|---|---|---|\n",
    );
    let mut rows: Vec<&Row> = board.rows.iter().collect();
    rows.sort_by_key(|row| (row.first.1, &row.fingerprint));
    for row in rows {
        let seen = |(_, when, version): &(_, chrono::DateTime<chrono::Utc>, Option<String>)| {
            let version = version.as_ref().map(|v| format!(" in {}", markdown(v)));
            format!("{}{}", when.format("%Y-%m-%d"), version.unwrap_or_default())
        };
        let faults = match row.last_seen.faults.as_slice() {
            [] => String::new(),
            faults => format!(" during {}", markdown(&faults.join(", "))),
        };
        page.push_str(&format!(
            "| {}{faults} ({}) | {} | {} | {} | {} | {} | `schism show {}/{}` |\n",
            markdown(&row.last_seen.title),
            row.fingerprint,
            markdown(&row.case),
            seen(&row.first),
            seen(&row.last),
            markdown(&row.rate.text()),
            if row.open { "open" } else { "not seen lately" },
            row.shortest.run,
            row.shortest.number,
        ));
    }
    page
}
