//! `schism check --certify` and `--verify`: orders of calls that prove that a history is linearizable, and their replay.

use std::{fs, path::Path};

use checkers::{Budget, linear::Certificate};

use crate::{
    commands::check,
    exit::{Exit, Failure},
    judge::Circumstances,
    subject::{Ask, Judged, Reading, Subject},
    terminal::Terminal,
};

fn asking(subject: &Subject, reading: &Reading) -> Result<Ask, Failure> {
    Ok(Ask {
        expect: subject.expectation(None)?,
        reading: *reading,
        circumstances: Circumstances::default(),
        budget: Budget::default(),
    })
}

/// Writes the certificate of a history that passed beside its file. What to say of it.
pub(super) fn certify(path: &Path, judged: &Judged) -> Result<String, Failure> {
    let at = path.display();
    if !path.is_file() {
        return Err(Failure::usage(format!(
            "certificates stand beside files, and {at} is none; give the run's history file"
        )));
    }
    let Judged {
        subject, history, ..
    } = judged;
    let ask = asking(subject, &Reading::default())?;
    let Some(certificate) = history.certify(&ask)? else {
        return Ok("no certificate: no order of its calls was found\n".to_owned());
    };
    let to = format!("{at}.cert.json");
    let mut text = serde_json::to_string(&certificate).expect("numbers and keys are JSON");
    text.push('\n');
    fs::write(&to, text).map_err(|e| Failure::usage(format!("cannot write {to}: {e}")))?;
    let calls: usize = certificate.objects.iter().map(|o| o.calls.len()).sum();
    let told = Reading {
        initial: history.assumed().told,
        ..Reading::default()
    };
    let mut argv = check::again(path, subject, None, &told);
    argv.extend(["--verify".to_owned(), to.clone()]);
    let command = shlex::try_join(argv.iter().map(String::as_str)).unwrap_or_default();
    Ok(format!(
        "{to}: an order of {calls} calls; to replay it: {command}\n"
    ))
}

/// Replays the order in a certificate.
pub(super) fn verify(
    path: &Path,
    subject: &'static Subject,
    reading: &Reading,
    found: &Path,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let at = found.display();
    let text = fs::read(found).map_err(|e| Failure::usage(format!("cannot read {at}: {e}")))?;
    let certificate: Certificate = serde_json::from_slice(&text).map_err(|e| {
        let why = e.to_string();
        let why = why.split(" at line ").next().unwrap_or(&why);
        Failure::usage(format!("{at}:{}:{}: {why}", e.line(), e.column()))
    })?;
    let history = subject.open(path, reading)?;
    for line in history.told() {
        terminal.say(&format!("{line}\n"));
    }
    let refusal = history
        .verify(&asking(subject, reading)?, &certificate)?
        .err();
    let (word, exit) = match refusal {
        None => ("pass", Exit::Pass),
        Some(_) => ("unknown", Exit::Unknown),
    };
    let why = match refusal {
        None => format!("the order in {at} is possible"),
        Some(refusal) => format!("{at} proves nothing: {refusal}"),
    };
    terminal.print(&format!(
        "{}  {}  {}, linearizable  {} calls  {}\n",
        terminal.verdict(word).trim_end(),
        reports::escape::inert(&path.display().to_string(), 200),
        subject.name,
        history.calls(),
        reports::escape::inert(&why, 500),
    ));
    Ok(exit)
}
