//! What can be wrong with registers that may be behind, but not further than was promised.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    let row = |code, name, words, example, causes, source| Row {
        code,
        name,
        words,
        example,
        excluded_by: vec!["bounded-staleness"],
        causes,
        source,
    };
    vec![
        row(
            "stale-read",
            "read too far behind in time",
            "a read returned a value that had been replaced for longer than was promised",
            "write 1, write 2 ok · 3 s later read → 1, where 1 s was promised",
            "a replica that lags more than expected, or was cut off and still answers",
            "Golab, Li & Shah 2011 (Δ-atomicity)",
        ),
        row(
            "versions-behind",
            "read too many versions behind",
            "a read returned a value older than the last k that it could have returned",
            "write 1, write 2, write 3 ok · read → 1, where two versions were promised",
            "a replica that lags more than expected; quorums that do not intersect",
            "Golab, Hurwitz & Li 2013 (k-atomicity)",
        ),
        row(
            "unfounded-read",
            "value from nowhere",
            "a read returned a value that nobody had tried to write when it ended, or that only a failed call wrote",
            "read → 7, and no write of 7",
            "corruption, a wrong decoding, data left from an earlier run",
            "Golab, Li & Shah 2011 (Δ-atomicity)",
        ),
    ]
}
