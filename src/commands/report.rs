//! `schism report`: the pages of runs that are over, written anew from what was found. Nothing is judged.

use reports::VerdictFile;
use runner::store::{RunDir, VERDICT};
use serde_json::Value;

use super::check;
use crate::{
    args::{Loudness, OnUnknown, Progress, ReportArgs},
    exit::{Exit, Failure},
    pages::{self, PAGE},
    subject::Judged,
    terminal::Terminal,
    ui::Ui,
    wreck,
};

/// Writes them, and says where.
pub(crate) fn report(args: &ReportArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let ui = Ui::new(terminal, Progress::None, Loudness::Usual, false);
    let mut worst = Exit::Pass;
    for what in &args.what {
        let dir = terminal.store()?.resolve(what)?;
        worst = worst.worst(render(&dir, terminal, &ui)?);
        terminal.print(&format!("{}\n", dir.path().join(PAGE).display()));
    }
    Ok(worst)
}

fn render(dir: &RunDir, terminal: &Terminal, ui: &Ui) -> Result<Exit, Failure> {
    match ended(dir)? {
        Ended::Broken(failure) => {
            wreck::tell(dir, &failure.message, ui);
            pages::publish_broken(dir, &pages::broken(Some(dir), &failure), ui);
            Ok(Exit::Pass)
        }
        Ended::Judged(found) => {
            let report = of_found(dir, &found, terminal)?.report;
            pages::render(dir, &report, Exit::Pass, OnUnknown::default(), ui)
        }
    }
}

/// What there is to say of a run that is over, without judging it again.
pub(super) fn of_run(dir: &RunDir, terminal: &Terminal) -> Result<Judged, Failure> {
    match ended(dir)? {
        Ended::Broken(failure) => Err(failure),
        Ended::Judged(found) => of_found(dir, &found, terminal),
    }
}

fn of_found(dir: &RunDir, found: &VerdictFile, terminal: &Terminal) -> Result<Judged, Failure> {
    let told = found.checks.iter().all(|check| !check.decides.is_empty());
    // An older schism did not write down which finding is whose.
    check::told(dir, told.then(|| found.judged()), terminal)
}

/// How a run ended, by its `verdict.json`.
enum Ended {
    Judged(Box<VerdictFile>),
    Broken(Failure),
}

fn ended(dir: &RunDir) -> Result<Ended, Failure> {
    let path = dir.path().join(VERDICT);
    let bad = |e: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "{}: {e}; schism check {} judges what was recorded",
            path.display(),
            dir.id()
        ))
    };
    let text = std::fs::read(&path).map_err(|e| bad(&e))?;
    let verdict: Value = serde_json::from_slice(&text).map_err(|e| bad(&e))?;
    if verdict["verdict"] == "error" {
        let code = verdict["exit_code"]
            .as_u64()
            .and_then(|n| n.try_into().ok());
        return Ok(Ended::Broken(Failure {
            exit: code.map_or(Exit::Infrastructure, Exit::of_case),
            message: verdict["error"].as_str().unwrap_or_default().to_owned(),
        }));
    }
    serde_json::from_value(verdict)
        .map(|verdict| Ended::Judged(Box::new(verdict)))
        .map_err(|e| bad(&e))
}
