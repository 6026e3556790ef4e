//! `schism list`: the runs, newest first; other files have what else there is to list.

use chrono::{DateTime, Utc};
use runner::store::{RunEntry, RunState};
use serde_json::json;

use crate::{
    args::{Age, ListArgs, Listed},
    campaign::is_called,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Lists.
pub(crate) fn list(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    refuse_foreign(args)?;
    match args.what {
        Listed::Runs => runs(args, terminal),
        Listed::Faults => super::faults::list(args, terminal),
        Listed::Cases => super::known::cases(args, terminal),
        Listed::Workloads => super::known::workloads(args, terminal),
        Listed::Checkers => super::known::checkers(args, terminal),
        Listed::Adapters => super::known::adapters(args, terminal),
    }
}

/// What is not about what is listed is refused, not ignored.
fn refuse_foreign(args: &ListArgs) -> Result<(), Failure> {
    let (target, faults) = match args.what {
        Listed::Faults => (true, true),
        Listed::Cases => (true, false),
        _ => (false, false),
    };
    let wrong = |what: &str, of: &str| Err(Failure::usage(format!("{what} is for a list of {of}")));
    match args {
        ListArgs {
            target: Some(name), ..
        } if !target => wrong(
            name,
            "faults, where it is the target, or of cases, where it is the file: schism list faults TARGET",
        ),
        _ if !faults && (args.lab.is_some() || !args.node.is_empty()) => {
            wrong("a cluster", "faults: schism list faults TARGET --lab 3")
        }
        _ if args.what == Listed::Runs => Ok(()),
        ListArgs {
            verdict: Some(_), ..
        } => wrong("--verdict", "runs"),
        ListArgs { case: Some(_), .. } => wrong("--case", "runs"),
        ListArgs { since: Some(_), .. } => wrong("--since", "runs"),
        _ => Ok(()),
    }
}

fn runs(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let mut entries = store.list()?;
    if let Some(word) = &args.verdict {
        entries.retain(|e| word_of(e) == word);
    }
    let now = Utc::now();
    if let Some(Age(longest)) = args.since {
        // What was started in the future, by another machine's clock, is not old.
        entries.retain(|e| {
            (now - e.started).to_std().is_ok_and(|age| age <= longest) || e.started > now
        });
    }
    if let Some(name) = &args.case {
        entries.retain(|e| is_called(name, &e.case, &e.faults));
    }
    if args.json {
        let runs: Vec<_> = entries
            .iter()
            .map(|e| {
                json!({
                    "id": e.id, "case": e.case, "faults": e.faults, "verdict": word_of(e),
                    "started": e.started, "path": e.path,
                })
            })
            .collect();
        terminal.print(&format!("{}\n", json!(runs)));
        return Ok(Exit::Pass);
    }
    if entries.is_empty() && (args.verdict.is_some() || args.since.is_some() || args.case.is_some())
    {
        terminal.print("no run is as was asked; schism list has all of them\n");
        return Ok(Exit::Pass);
    }
    if entries.is_empty() {
        terminal.print(&format!(
            "no runs in {}; `schism demo` makes two\n",
            store.root().display()
        ));
        return Ok(Exit::Pass);
    }
    let case = |e: &RunEntry| format!("{} × {}", e.case, e.faults);
    let width = entries
        .iter()
        .map(|e| case(e).chars().count())
        .max()
        .unwrap_or_default();
    for e in &entries {
        let word = terminal.verdict(word_of(e));
        let case = case(e);
        let gap = " ".repeat(width - case.chars().count());
        terminal.print(&format!(
            "{word}  {case}{gap}  {}  {}\n",
            e.id,
            age(now, e.started)
        ));
    }
    Ok(Exit::Pass)
}

/// The verdict, or what there is instead of one.
pub(crate) fn word_of(entry: &RunEntry) -> &str {
    match (&entry.verdict, entry.state) {
        (Some(word), _) => word,
        (None, RunState::Running) => "running",
        (None, _) => "interrupted",
    }
}

/// How long ago, in one unit.
pub(crate) fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds}s ago"),
        60..3600 => format!("{}m ago", seconds / 60),
        3600..86_400 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}
