//! `schism gc`: deletes old runs. Their lines stay in the index, for rates need every run that there was.

use std::{collections::BTreeSet, io::IsTerminal};

use chrono::{DateTime, TimeDelta, Utc};
use reports::across::{Board, Index};
use runner::store::{RunEntry, RunState};

use crate::{
    args::GcArgs,
    baseline, campaign,
    exit::{Exit, Failure},
    index,
    terminal::Terminal,
};

/// Deletes, or says what it would delete.
pub(crate) fn gc(args: &GcArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let runs = store.list()?;
    let board = Board::new(&index::read(&store)?);
    let proofs = board.rows.iter().map(|row| row.shortest.run.clone());
    let doomed = doomed(&runs, args, &proofs.collect(), Utc::now());
    let really = !args.dry_run && (args.yes || std::io::stdin().is_terminal());
    let mut freed = 0;
    for run in &doomed {
        freed += size(&run.path);
        terminal.print(&format!(
            "{} {}  {} × {}\n",
            if really { "deleted" } else { "would delete" },
            run.id,
            run.case,
            run.faults
        ));
        if really {
            store.remove(run)?;
        }
    }
    if really && !doomed.is_empty() {
        let gone: BTreeSet<&str> = doomed.iter().map(|run| run.id.as_str()).collect();
        store.replace_index(|text| {
            let mut index = Index::parse(&text);
            for entry in &mut index.entries {
                entry.gone |= gone.contains(entry.id.as_str());
            }
            index.to_jsonl()
        })?;
        for suite in campaign::forget(&store)? {
            terminal.print(&format!("deleted suite {suite}: all of its runs are\n"));
        }
        index::render(&store, &baseline::read(terminal.baseline())?)?;
    }
    terminal.print(&format!(
        "{} of {} runs, {:.1} MB{}\n",
        doomed.len(),
        runs.len(),
        freed as f64 / 1e6,
        if really || doomed.is_empty() {
            ""
        } else {
            "; nothing was deleted: say --yes"
        }
    ));
    Ok(Exit::Pass)
}

/// What may go: neither among the newest, nor a violation of late, nor the shortest proof of a finding, nor still running.
/// The newest come first.
fn doomed<'a>(
    runs: &'a [RunEntry],
    args: &GcArgs,
    proofs: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Vec<&'a RunEntry> {
    let failing = TimeDelta::from_std(args.keep_failing.0).unwrap_or(TimeDelta::MAX);
    runs.iter()
        .skip(args.keep)
        .filter(|run| run.state != RunState::Running)
        .filter(|run| !(run.failed() && now - run.started < failing))
        .filter(|run| !proofs.contains(&run.id))
        .collect()
}

/// Bytes of all files in it; links are not followed.
fn size(path: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |m| m.len()),
        _ => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run(day: i64, verdict: Option<&str>, state: RunState) -> RunEntry {
        RunEntry {
            id: format!("run{day}"),
            case: "register".to_owned(),
            faults: "kill".to_owned(),
            started: DateTime::UNIX_EPOCH + TimeDelta::days(day),
            verdict: verdict.map(str::to_owned),
            state,
            phase: None,
            path: std::path::PathBuf::new(),
        }
    }

    #[test]
    fn the_newest_the_failing_the_proofs_and_the_running_stay() {
        let done = RunState::Complete;
        let runs = [
            run(99, Some("pass"), done),
            run(98, Some("pass"), done),
            run(97, Some("fail"), done),
            run(96, None, RunState::Running),
            run(95, None, RunState::Interrupted),
            run(10, Some("fail"), done),
            run(9, Some("fail"), done),
        ];
        let args = GcArgs {
            keep: 1,
            keep_failing: Age(Duration::from_secs(86_400 * 30)),
            dry_run: true,
            yes: false,
        };
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let proofs = BTreeSet::from(["run9".to_owned()]);
        let ids: Vec<&str> = doomed(&runs, &args, &proofs, now)
            .iter()
            .map(|r| r.id.as_str())
            .collect();
        assert_eq!(ids, ["run98", "run95", "run10"]);
    }

    use crate::args::Age;
}
