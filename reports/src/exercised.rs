//! What a run looked at, as the checker of coverage counted it.

use crate::{Doubt, Report, number::grouped};

/// How many lines say so.
const MAX_LINES: usize = 40;

/// What the run looked at, and what it did not: a pass rests on no more than this.
pub(crate) fn lines(report: &Report) -> Vec<Doubt> {
    let Some(check) = report.checks.iter().find(|c| c.name == "coverage") else {
        return Vec::new();
    };
    let counts = check.evidence.counts.iter().map(|(what, n)| Doubt {
        settled: *n > 0,
        text: format!("{} {what}", grouped(*n)),
    });
    let notes = check.evidence.notes.iter().map(|note| Doubt {
        settled: true,
        text: note.clone(),
    });
    let cause = check.cause.iter().map(|cause| Doubt {
        settled: false,
        text: format!(
            "{}, so a pass would mean little: {}",
            cause.text, cause.remedy
        ),
    });
    let mut all: Vec<Doubt> = cause.chain(counts).chain(notes).collect();
    let left_out = all.len().saturating_sub(MAX_LINES);
    if left_out > 0 {
        all.truncate(MAX_LINES);
        all.push(Doubt {
            settled: true,
            text: format!(
                "and {} more, in the table of checks",
                grouped(left_out as u64)
            ),
        });
    }
    all
}
