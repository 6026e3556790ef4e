//! `schism check`: judges records again, runs' or files'.

use std::path::Path;

use checkers::Budget;
use history::foreign::{Keys, Nil};
use reports::{Report, RunMeta, VerdictFile, text};
use runner::store::{RunDir, RunState, VERDICT};
use serde_json::json;

use crate::{
    args::{CheckArgs, KeysAre, NilMeans, OnUnknown},
    exit::{Exit, Failure},
    judge::Circumstances,
    record::Record,
    subject::{self, Ask, Judged, Subject},
    terminal::Terminal,
};

/// Judges.
pub(crate) fn check(args: &CheckArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    // A name that nobody knows is told before anything is read.
    let told = match (&args.workload, args.model.as_deref()) {
        (Some(name), _) => Some(subject::named(name)?),
        (None, None | Some("auto")) => None,
        (None, Some(model)) => Some(subject::of_model(model)?),
    };
    match &args.what[..] {
        [one] => {
            let Judged { report, told } = judge(one, args, told, terminal)?;
            for line in told {
                terminal.say(&format!("{line}\n"));
            }
            let exit = exit_of(&report, args);
            if args.json {
                let verdict = VerdictFile::new(&report, exit.code()).to_json();
                terminal.print(&format!("{}\n", verdict.trim_end()));
            } else {
                terminal.print(&text::summary(&report, terminal.report_style(), &[]));
            }
            Ok(exit)
        }
        several => {
            let mut worst = Exit::Pass;
            let width = several.iter().map(|w| w.chars().count()).max().unwrap_or(0);
            for what in several {
                let exit = match judge(what, args, told, terminal) {
                    Ok(judged) => told_in_a_line(what, &judged.report, width, args, terminal),
                    Err(failure) => {
                        broken(what, &failure, args.json, terminal);
                        failure.exit
                    }
                };
                worst = worst.worst(exit);
            }
            if args.json {
                let last = json!({ "type": "verdict", "exit": worst.code(), "of": several.len() });
                terminal.print(&format!("{last}\n"));
            }
            Ok(worst)
        }
    }
}

fn exit_of(report: &Report, args: &CheckArgs) -> Exit {
    match Exit::of_verdict(report.conclusion.word()) {
        Exit::Unknown if args.on_unknown == OnUnknown::Pass => Exit::Pass,
        exit => exit,
    }
}

fn judge(
    what: &str,
    args: &CheckArgs,
    told: Option<&'static Subject>,
    terminal: &Terminal,
) -> Result<Judged, Failure> {
    let path = Path::new(what);
    if path.is_file() {
        return file(path, args, told);
    }
    let options = [
        ("--workload", args.workload.is_some()),
        ("--model", args.model.is_some()),
        ("--expect", args.expect.is_some()),
        ("--initial", args.initial.is_some()),
        ("--nil", args.nil.is_some()),
        ("--keys", args.keys.is_some()),
    ];
    let dir = terminal.store()?.resolve(what)?;
    if let Some((option, _)) = options.iter().find(|(_, given)| *given) {
        let history = dir.path().join(runner::store::HISTORY);
        return Err(Failure::usage(format!(
            "a run is judged as it was told to be, and {option} is for files; its history is {}",
            history.display()
        )));
    }
    run(&dir, terminal)
}

/// Judges a history file by its calls alone, in whatever notation it is.
fn file(path: &Path, args: &CheckArgs, told: Option<&'static Subject>) -> Result<Judged, Failure> {
    let mut said = Vec::new();
    let subject = match told {
        Some(subject) => subject,
        None => {
            let (subject, why) = subject::recognize(path)?;
            said.push(why);
            subject
        }
    };
    let expect = subject.expectation(args.expect.as_deref())?;
    let meta = RunMeta {
        run: path.display().to_string(),
        workload: subject.name.to_owned(),
        expectation: expect.to_owned(),
        imported: true,
        ..RunMeta::default()
    };
    let ask = Ask {
        expect,
        initial: args.initial,
        nil: args.nil.map(|nil| match nil {
            NilMeans::Unknown => Nil::Unknown,
            NilMeans::Value => Nil::Absent,
        }),
        keys: args.keys.map(|keys| match keys {
            KeysAre::Pairs => Keys::InValue,
            KeysAre::None => Keys::InField,
        }),
        circumstances: Circumstances {
            meta,
            faults: Vec::new(),
        },
        budget: Budget::default(),
    };
    let mut judged = subject.judge(path, &ask)?;
    said.append(&mut judged.told);
    judged.told = said;
    Ok(judged)
}

/// Judges a run as it was judged when it ended; one that was killed is marked as interrupted.
pub(crate) fn run(dir: &RunDir, terminal: &Terminal) -> Result<Judged, Failure> {
    let Record { faults, mut meta } = Record::read(dir.path())?;
    let mut said = Vec::new();
    if !dir.path().join(VERDICT).exists() {
        let running = terminal
            .store()?
            .list()?
            .iter()
            .any(|e| e.path == dir.path() && e.state == RunState::Running);
        if running {
            said.push("this run is still running: what it recorded so far is judged as if it had been interrupted".to_owned());
        }
        meta.interrupted = true;
    }
    let mut judged = subject::run(dir.path(), Circumstances { meta, faults })?;
    said.append(&mut judged.told);
    judged.told = said;
    Ok(judged)
}

/// One of several: `✗ fail  a.edn  list-append serializable  120 calls  lost update on key 3`.
fn told_in_a_line(
    what: &str,
    report: &Report,
    width: usize,
    args: &CheckArgs,
    terminal: &Terminal,
) -> Exit {
    let word = report.conclusion.word();
    let exit = exit_of(report, args);
    if args.json {
        let verdict = serde_json::to_string(&VerdictFile::new(report, exit.code()));
        terminal.print(&format!("{}\n", verdict.expect("it is plain data")));
        return exit;
    }
    let about = match (report.findings.as_slice(), report.causes.first()) {
        ([], Some(cause)) => format!("{}: {}", cause.code, cause.text),
        ([], None) => "no violation found".to_owned(),
        ([first], _) => first.finding.title.clone(),
        ([first, rest @ ..], _) => format!("{} (+{} more)", first.finding.title, rest.len()),
    };
    let case = format!("{}, {}", report.meta.workload, report.meta.expectation);
    terminal.print(&format!(
        "{}  {:<width$}  {case}  {} calls  {about}\n",
        terminal.verdict(word).trim_end(),
        reports::escape::inert(what, 200),
        report.stats.counts.total(),
    ));
    exit
}

fn broken(what: &str, failure: &Failure, json: bool, terminal: &Terminal) {
    let text = reports::escape::inert(&failure.message, 2000);
    if json {
        let line = json!({ "run": what, "verdict": "error", "exit_code": failure.exit.code(), "error": text });
        terminal.print(&format!("{line}\n"));
    } else {
        terminal.print(&format!(
            "{}  {}  {text}\n",
            terminal.verdict("error").trim_end(),
            reports::escape::inert(what, 200)
        ));
    }
}
