//! What comes first where not all of it may fit into the time there is.

use reports::across::{Ending, Index};

use super::Case;

/// First the cases whose last run found a violation, then those that were run longest ago, or never. Where that does not
/// decide, the configuration's order does. No seed depends on it.
pub(crate) fn by_need(cases: &mut [Case], index: &Index) {
    let last = |case: &Case| {
        let runs = index.entries.iter();
        let runs = runs.filter(|run| run.case == case.case && run.faults == case.faults);
        runs.max_by_key(|run| run.started)
    };
    cases.sort_by_cached_key(|case| match last(case) {
        Some(run) if run.verdict == Ending::Fail => (0, None),
        Some(run) => (1, Some(run.started)),
        None => (1, None),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::case::tests::cases;

    #[test]
    fn open_findings_come_first_and_then_what_was_run_longest_ago() {
        let mut cases = cases(
            "faults: none\ncases: [{ name: new }, { name: old }, { name: lately }, { name: open }, { name: gone }]\n",
        )
        .unwrap();
        let run = |case: &str, day: u32, verdict: &str| {
            format!(
                "{{\"v\":1,\"id\":\"{case}{day}\",\"case\":\"{case}\",\"faults\":\"none\",\"started\":\"2026-11-{day:02}T00:00:00Z\",\"verdict\":\"{verdict}\"}}\n"
            )
        };
        let lines = [
            run("lately", 1, "pass"),
            run("lately", 20, "pass"),
            run("old", 3, "error"),
            run("open", 21, "fail"),
            // What was found once and not again is open no more.
            run("gone", 4, "fail"),
            run("gone", 9, "pass"),
        ];
        let index = Index::parse(&lines.concat());
        assert_eq!(index.entries.len(), 6);
        by_need(&mut cases, &index);
        let order: Vec<&str> = cases.iter().map(|c| c.case.as_str()).collect();
        assert_eq!(order, ["open", "new", "old", "gone", "lately"]);
    }
}
