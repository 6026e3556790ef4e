//! `schism check --finding N --minimal`: the calls of a finding alone, judged again. What proves a violation must prove it
//! without the rest of the history.

use std::path::Path;

use checkers::Budget;
use reports::RunMeta;

use crate::{
    commands::{check, export},
    exit::{Exit, Failure},
    judge::Circumstances,
    subject::{Ask, Judged, Notation},
    terminal::Terminal,
};

/// Writes them to a file, reads them back, and judges them as the whole was judged.
pub(super) fn minimal(
    what: &str,
    judged: &Judged,
    number: usize,
    to: &Path,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let Judged {
        report,
        subject,
        history,
        ..
    } = judged;
    let found = report.findings.iter().find(|view| view.number == number);
    let found = found.ok_or_else(|| check::no_finding(what, number, report))?;
    if export::is_same(to, Path::new(what)) {
        return Err(Failure::usage(format!(
            "{} is the history itself; give another name: --minimal=FILE",
            to.display()
        )));
    }
    let part = history.part(&found.finding.witness);
    export::save(&*part, Notation::Journal, to)?;
    let reading = subject.reading(history.assumed(), Notation::Journal);
    let expect = subject.expectation(Some(&report.meta.expectation))?;
    let usual = subject.expectation(None)?;
    let argv = check::again(to, subject, (expect != usual).then_some(expect), &reading);
    let meta = RunMeta {
        run: to.display().to_string(),
        workload: subject.name.to_owned(),
        expectation: expect.to_owned(),
        imported: true,
        argv,
        ..RunMeta::default()
    };
    let command = meta.judging().unwrap_or_default();
    let ask = Ask {
        expect,
        reading,
        circumstances: Circumstances {
            meta,
            ..Circumstances::default()
        },
        budget: Budget::default(),
    };
    let again = subject.judge(to, &ask)?.report;
    let name = to.display().to_string();
    let width = what.chars().count().max(name.chars().count());
    for (what, report) in [(what, report), (&name, &again)] {
        terminal.print(&check::line(what, report, width, terminal));
    }
    terminal.say(&format!("to judge it again: {command}\n"));
    let found = &found.finding;
    let shown = || again.findings.iter().map(|view| &view.finding);
    if shown().any(|finding| finding.code == found.code) {
        return Ok(());
    }
    if shown().any(|finding| finding.property == found.property) {
        terminal.say(&format!(
            "alone they are as impossible; that it is {} is told by other calls\n",
            found.code
        ));
        return Ok(());
    }
    let (exit, why) = match found.minimal {
        true => (Exit::Bug, "please report this as a bug"),
        false => (Exit::Unknown, "its proof needs more calls than are listed"),
    };
    let code = &found.code;
    Err(Failure {
        exit,
        message: format!("finding {number} is {code}, and {name} does not show that; {why}"),
    })
}
