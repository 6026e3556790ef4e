//! `schism check`: judges a record again, a run's or a file's.

use std::path::Path;

use checkers::Budget;
use history::journal::Torn;
use reports::{Report, RunMeta, VerdictFile, text};
use runner::store::{RunDir, RunState, VERDICT};

use crate::{
    args::CheckArgs,
    exit::{Exit, Failure},
    judge::{self, Circumstances},
    record::{self, Record},
    terminal::Terminal,
};

/// Judges.
pub(crate) fn check(args: &CheckArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let path = Path::new(&args.what);
    let report = if path.is_file() {
        file(path, terminal)?
    } else {
        run(&terminal.store()?.resolve(&args.what)?, terminal)?
    };
    let exit = Exit::of_verdict(report.conclusion.word());
    if args.json {
        terminal.print(&format!(
            "{}\n",
            VerdictFile::new(&report, exit.code()).to_json().trim_end()
        ));
    } else {
        terminal.print(&text::summary(&report, terminal.report_style(), &[]));
    }
    Ok(exit)
}

/// Judges a history file by its calls alone, in whatever notation it is.
fn file(path: &Path, terminal: &Terminal) -> Result<Report, Failure> {
    let meta = RunMeta {
        run: path.display().to_string(),
        workload: "register".to_owned(),
        expectation: "linearizable".to_owned(),
        imported: true,
        ..RunMeta::default()
    };
    let (history, initial) = match record::foreign_file(path)? {
        Some(foreign) => {
            for line in foreign.told {
                terminal.say(&format!("{line}\n"));
            }
            (foreign.history, foreign.initial)
        }
        None => {
            let journal = record::history_file(path)?;
            mention_torn(journal.torn.as_ref(), terminal);
            (journal.history, None)
        }
    };
    let circumstances = Circumstances {
        meta,
        faults: Vec::new(),
        initial,
    };
    Ok(judge::registers(&history, circumstances, Budget::default()))
}

/// Judges a run as it was judged when it ended; one that was killed is marked as interrupted.
pub(crate) fn run(dir: &RunDir, terminal: &Terminal) -> Result<Report, Failure> {
    let Record {
        journal,
        faults,
        mut meta,
    } = Record::read(dir.path())?;
    mention_torn(journal.torn.as_ref(), terminal);
    if !dir.path().join(VERDICT).exists() {
        let running = terminal
            .store()?
            .list()?
            .iter()
            .any(|e| e.path == dir.path() && e.state == RunState::Running);
        if running {
            terminal.say("this run is still running: what it recorded so far is judged as if it had been interrupted\n");
        }
        meta.interrupted = true;
    }
    Ok(judge::registers(
        &journal.history,
        Circumstances {
            meta,
            faults,
            initial: None,
        },
        Budget::default(),
    ))
}

fn mention_torn(torn: Option<&Torn>, terminal: &Terminal) {
    if let Some(Torn { line, bytes }) = torn {
        terminal.say(&format!(
            "line {line} was torn off after {bytes} bytes, and is left out\n"
        ));
    }
}
