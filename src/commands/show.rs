//! `schism show`: a run's result, one of its findings, or one of its calls.

use std::path::Path;

use reports::{VerdictFile, text};

use crate::{
    args::ShowArgs,
    commands::check,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// What is to be shown of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// How it ended.
    Whole,
    /// The finding of this number.
    Finding(usize),
    /// The call that has this number in the record.
    Op(u64),
}

/// Shows.
pub(crate) fn show(args: &ShowArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let (run, part) = part(&args.what)?;
    let dir = terminal.store()?.resolve(run)?;
    // Judging is cheap and always agrees with the record; a stored rendering may not agree with this program.
    let judged = check::run(&dir, terminal)?;
    let report = &judged.report;
    let style = terminal.report_style();
    match part {
        Part::Op(number) => {
            let op = judged.history.op(report, number);
            let op = op.map_err(|e| Failure::usage(format!("{run}: {e}")))?;
            terminal.print(&match args.json {
                true => format!(
                    "{}\n",
                    serde_json::to_string(&op).expect("it is plain data")
                ),
                false => op.card(report, style),
            });
        }
        _ if args.json => {
            let exit = Exit::of_verdict(report.conclusion.word());
            let verdict = VerdictFile::new(report, exit.code()).untimed().to_json();
            terminal.print(&format!("{}\n", verdict.trim_end()));
        }
        Part::Whole => {
            let page = dir.path().join("report.html");
            let places = page
                .exists()
                .then(|| ("report", page.display().to_string()));
            terminal.print(&text::summary(report, style, places.as_slice()));
        }
        Part::Finding(number) => match text::card(report, number, style) {
            Some(card) => terminal.print(&card),
            None => return Err(check::no_finding(run, number, report)),
        },
    }
    Ok(Exit::Pass)
}

/// `latest/op/27413` is a call of `latest`, by the number that proofs give it.
fn part(what: &str) -> Result<(&str, Part), Failure> {
    if !Path::new(what).is_dir()
        && let Some((run, number)) = what.rsplit_once("/op/")
    {
        let digits = number.replace([',', '_'], "");
        return match digits.parse() {
            Ok(number) => Ok((run, Part::Op(number))),
            Err(_) => Err(Failure::usage(format!(
                "{number:?} is no number of a call; findings name them in the first column of their proof: schism show {run}/1"
            ))),
        };
    }
    Ok(match split(what) {
        (run, Some(number)) => (run, Part::Finding(number)),
        (run, None) => (run, Part::Whole),
    })
}

/// `latest/1` is the first finding of `latest`. A path has other things after its slashes, and is a directory.
pub(crate) fn split(what: &str) -> (&str, Option<usize>) {
    if Path::new(what).is_dir() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_a_finding_and_a_call_are_told_apart() {
        assert_eq!(part("latest").unwrap(), ("latest", Part::Whole));
        assert_eq!(part("latest/2").unwrap(), ("latest", Part::Finding(2)));
        assert_eq!(part("-2/op/27413").unwrap(), ("-2", Part::Op(27_413)));
        // As proofs write it.
        assert_eq!(part("ab/op/27,413").unwrap(), ("ab", Part::Op(27_413)));
        let wrong = part("latest/op/x").unwrap_err();
        assert!(
            wrong.message.contains("schism show latest/1"),
            "{}",
            wrong.message
        );
    }
}
