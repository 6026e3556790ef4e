//! `schism check`: judges records again, runs' or files'.

use std::path::Path;

use checkers::{Budget, Check};
use reports::{Report, RunMeta, VerdictFile, text};
use runner::store::{HISTORY, RunDir, RunState, VERDICT};
use serde_json::json;

use crate::{
    args::{CheckArgs, Loudness, OnUnknown, Progress},
    baseline,
    commands::{certificate, minimal},
    exit::{Exit, Failure},
    flow::META,
    judge::Circumstances,
    logs, pages,
    record::Record,
    subject::{self, Ask, Judged, Reading, Subject},
    terminal::Terminal,
    ui::Ui,
};

/// Judges.
pub(crate) fn check(args: &CheckArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    // A name that nobody knows is told before anything is read.
    let told = match args.model.as_deref() {
        None => args.reading.subject()?,
        Some("auto") => None,
        Some(model) => Some(subject::of_model(model)?),
    };
    if args.what.len() > 1 {
        let alone = [
            ("--finding", args.finding.is_some()),
            ("--certify", args.certify),
            ("--verify", args.verify.is_some()),
        ];
        if let Some((option, _)) = alone.iter().find(|(_, given)| *given) {
            return Err(Failure::usage(format!(
                "{option} is about one history; give one"
            )));
        }
    }
    match &args.what[..] {
        [one] if args.verify.is_some() => {
            let path = Path::new(one);
            let subject = match told {
                Some(subject) => subject,
                None => subject::recognize(path)?.0,
            };
            let found = args.verify.as_deref().unwrap_or(path);
            certificate::verify(path, subject, &args.reading.told(), found, terminal)
        }
        [one] => {
            let judged = judge(one, args, told, terminal)?;
            let certified = match args.certify {
                true => certificate::certify(Path::new(one), &judged)?,
                false => String::new(),
            };
            for line in &judged.told {
                terminal.say(&format!("{line}\n"));
            }
            let report = &judged.report;
            let (exit, known) = exit_of(report, args, terminal)?;
            let style = terminal.report_style();
            if args.json {
                let verdict = VerdictFile::new(report, exit.code()).untimed().to_json();
                terminal.print(&format!("{}\n", verdict.trim_end()));
            } else if let Some(number) = args.finding {
                let card = text::card(report, number, style);
                let card = card.ok_or_else(|| no_finding(one, number, report))?;
                match &args.minimal {
                    Some(to) => minimal::minimal(one, &judged, number, to, terminal)?,
                    None => terminal.print(&card),
                }
            } else {
                terminal.print(&text::summary(report, style, &[]));
            }
            terminal.say(&known);
            terminal.say(&certified);
            Ok(exit)
        }
        several => {
            let mut worst = Exit::Pass;
            let width = several.iter().map(|w| w.chars().count()).max().unwrap_or(0);
            for what in several {
                let exit = judge(what, args, told, terminal)
                    .and_then(|judged| told_in_a_line(what, &judged.report, width, args, terminal));
                let exit = match exit {
                    Ok(exit) => exit,
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

/// What to say where there is no finding of this number.
pub(crate) fn no_finding(what: &str, number: usize, report: &Report) -> Failure {
    Failure::usage(format!(
        "{what} has no finding {number}; it has {}",
        report.findings.len()
    ))
}

/// The exit code, and what the baseline says of the findings of a run.
fn exit_of(
    report: &Report,
    args: &CheckArgs,
    terminal: &Terminal,
) -> Result<(Exit, String), Failure> {
    match Exit::of_verdict(report.conclusion.word()) {
        Exit::Unknown => Ok(match args.on_unknown {
            OnUnknown::Fail => (Exit::Unknown, String::new()),
            OnUnknown::Warn => (Exit::Pass, "⚠ not enough evidence to pass\n".to_owned()),
            OnUnknown::Pass => (Exit::Pass, String::new()),
        }),
        Exit::Fail if !report.meta.imported => {
            let known = baseline::look_up(&terminal.store()?, terminal.baseline(), report)?;
            Ok(known.map_or((Exit::Fail, String::new()), |known| {
                let lines = known.lines.iter().map(|line| format!("{line}\n")).collect();
                (known.apply(Exit::Fail, false), lines)
            }))
        }
        exit => Ok((exit, String::new())),
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
    let dir = terminal.store()?.resolve(what)?;
    let own = [
        ("--model", args.model.is_some()),
        ("--expect", args.expect.is_some()),
    ];
    let own = own
        .iter()
        .find(|(_, given)| *given)
        .map(|(option, _)| *option);
    if let Some(option) = args.reading.given().or(own) {
        let history = dir.path().join(runner::store::HISTORY);
        return Err(Failure::usage(format!(
            "a run is judged as it was told to be, and {option} is for files; its history is {}",
            history.display()
        )));
    }
    sealed(&dir, args, terminal)
}

/// Judges a run, and seals it where whoever ran it died before that.
fn sealed(dir: &RunDir, args: &CheckArgs, terminal: &Terminal) -> Result<Judged, Failure> {
    let runs = terminal.store()?.list()?;
    let entry = runs.into_iter().find(|run| run.path == dir.path());
    // Of a run that goes on, or that was copied here from elsewhere, the verdict is others' to write.
    if entry.is_none_or(|run| run.state != RunState::Interrupted) {
        return run(dir, terminal);
    }
    if !dir.path().join(META).exists() {
        return Err(Failure::usage(format!(
            "{} was killed before it said what it would do: there is nothing to judge",
            dir.id()
        )));
    }
    let exit = |report: &Report| Ok(exit_of(report, args, terminal)?.0);
    let ui = Ui::new(terminal, Progress::None, Loudness::Quiet, false);
    let mut judged = judge_and_seal(dir, &exit, args.on_unknown, terminal, &ui)?;
    judged.told.push(format!(
        "{} was not judged when it ended: now it is, and sealed",
        dir.id()
    ));
    Ok(judged)
}

/// Seals a run that was stopped before it was judged, and ended with this.
pub(super) fn seal(
    dir: &RunDir,
    exit: Exit,
    on_unknown: OnUnknown,
    terminal: &Terminal,
    ui: &Ui,
) -> Result<Judged, Failure> {
    judge_and_seal(dir, &|_| Ok(exit), on_unknown, terminal, ui)
}

fn judge_and_seal(
    dir: &RunDir,
    exit: &dyn Fn(&Report) -> Result<Exit, Failure>,
    on_unknown: OnUnknown,
    terminal: &Terminal,
    ui: &Ui,
) -> Result<Judged, Failure> {
    if !dir.path().join(HISTORY).exists() {
        // Ended before anything was asked of the target: a record all the same, of no call.
        dir.write_text(HISTORY, "")?;
    }
    let judged = run(dir, terminal)?;
    let exit = exit(&judged.report)?;
    let store = terminal.store()?;
    pages::publish(&store, dir, &judged.report, exit, on_unknown, ui)?;
    Ok(judged)
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
    let reading = args.reading.told();
    let meta = RunMeta {
        run: path.display().to_string(),
        workload: subject.name.to_owned(),
        expectation: expect.to_owned(),
        imported: true,
        argv: again(path, subject, args.expect.as_deref(), &reading),
        ..RunMeta::default()
    };
    let ask = Ask {
        expect,
        reading,
        circumstances: Circumstances {
            meta,
            ..Circumstances::default()
        },
        budget: Budget::default(),
    };
    let mut judged = subject.judge(path, &ask)?;
    said.append(&mut judged.told);
    judged.told = said;
    Ok(judged)
}

/// The command that judges a file in the same way, whatever it looks like.
pub(super) fn again(
    path: &Path,
    subject: &Subject,
    expect: Option<&str>,
    reading: &Reading,
) -> Vec<String> {
    let path = path.display().to_string();
    let told = ["schism", "check", &path, subject.option, subject.name];
    let expect = expect.into_iter().flat_map(|level| ["--expect", level]);
    let told = told.into_iter().chain(expect).map(str::to_owned);
    told.chain(reading.options()).collect()
}

/// Judges a run as it was judged when it ended; one that was killed is marked as interrupted.
pub(crate) fn run(dir: &RunDir, terminal: &Terminal) -> Result<Judged, Failure> {
    told(dir, None, terminal)
}

/// What is to be said of a run by what was found, or, without that, by what is found now.
pub(super) fn told(
    dir: &RunDir,
    found: Option<Vec<Check>>,
    terminal: &Terminal,
) -> Result<Judged, Failure> {
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
    let mut judged = subject::run(
        dir.path(),
        Circumstances {
            meta,
            faults,
            logs: logs::read(dir.path()),
            judged: found,
        },
    )?;
    said.append(&mut judged.told);
    judged.told = said;
    Ok(judged)
}

/// One of several.
fn told_in_a_line(
    what: &str,
    report: &Report,
    width: usize,
    args: &CheckArgs,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let (exit, known) = exit_of(report, args, terminal)?;
    if args.json {
        let verdict = serde_json::to_string(&VerdictFile::new(report, exit.code()).untimed());
        terminal.print(&format!("{}\n", verdict.expect("it is plain data")));
        return Ok(exit);
    }
    terminal.print(&line(what, report, width, terminal));
    terminal.say(&known);
    Ok(exit)
}

/// `✗ fail  a.edn  list-append, serializable  120 calls  lost update on key 3`
pub(super) fn line(what: &str, report: &Report, width: usize, terminal: &Terminal) -> String {
    let about = match (report.findings.as_slice(), report.causes.first()) {
        ([], Some(cause)) => format!("{}: {}", cause.code, cause.text),
        ([], None) => "no violation found".to_owned(),
        ([first], _) => first.finding.title.clone(),
        ([first, rest @ ..], _) => format!("{} (+{} more)", first.finding.title, rest.len()),
    };
    format!(
        "{}  {:<width$}  {}, {}  {} calls  {about}\n",
        terminal.verdict(report.conclusion.word()).trim_end(),
        reports::escape::inert(what, 200),
        report.meta.workload,
        report.meta.expectation,
        report.stats.counts.total(),
    )
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
