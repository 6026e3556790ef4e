//! `schism show`: a run's result, or one of its findings.

use reports::{VerdictFile, text};

use crate::{
    args::ShowArgs,
    commands::check,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Shows.
pub(crate) fn show(args: &ShowArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let (run, finding) = split(&args.what);
    let dir = terminal.store()?.resolve(run)?;
    // Judging is cheap and always agrees with the record; a stored rendering may not agree with this program.
    let report = check::run(&dir, terminal)?.report;
    let style = terminal.report_style();
    match finding {
        _ if args.json => {
            let exit = Exit::of_verdict(report.conclusion.word());
            let verdict = VerdictFile::new(&report, exit.code()).untimed().to_json();
            terminal.print(&format!("{}\n", verdict.trim_end()));
        }
        None => {
            let page = dir.path().join("report.html");
            let places = page
                .exists()
                .then(|| ("report", page.display().to_string()));
            terminal.print(&text::summary(&report, style, places.as_slice()));
        }
        Some(number) => match text::card(&report, number, style) {
            Some(card) => terminal.print(&card),
            None => return Err(check::no_finding(run, number, &report)),
        },
    }
    Ok(Exit::Pass)
}

/// `latest/1` is the first finding of `latest`. A path has other things after its slashes, and is a directory.
pub(crate) fn split(what: &str) -> (&str, Option<usize>) {
    if std::path::Path::new(what).is_dir() {
        return (what, None);
    }
    match what.rsplit_once('/') {
        Some((run, number)) => match number.parse() {
            Ok(number) => (run, Some(number)),
            Err(_) => (what, None),
        },
        None => (what, None),
    }
}
