//! `schism completions`: a script for a shell, which then asks this program what could come next. So runs complete, too,
//! with what became of them.

use std::{ffi::OsStr, path::Path};

use clap::{CommandFactory, ValueEnum};
use clap_complete::{
    CompleteEnv,
    engine::CompletionCandidate,
    env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh},
};
use nemesis::Kind;
use runner::store::Store;

use crate::{
    args::{Cli, RunArgs},
    campaign::{Flags, expand},
    commands::list::{age, word_of},
    config::{DEFAULT_FILE, Sources},
    exit::{Exit, Failure},
    registry,
    terminal::Terminal,
};

/// The variable by which the script says that it asks, and for which shell.
const ASKS: &str = "COMPLETE";

/// Shells that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Elvish.
    Elvish,
}

/// Prints the script.
pub(crate) fn completions(shell: Shell, terminal: &Terminal) -> Result<Exit, Failure> {
    let shell: &dyn EnvCompleter = match shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
        Shell::Elvish => &Elvish,
    };
    let mut script = Vec::new();
    shell
        .write_registration(ASKS, "schism", "schism", "schism", &mut script)
        .map_err(|e| Failure::infrastructure(format!("no script can be written: {e}")))?;
    terminal.print(&String::from_utf8_lossy(&script));
    Ok(Exit::Pass)
}

/// Answers a script that asks, and ends the program; does nothing where none asks.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Cli::command).var(ASKS).complete();
}

/// What can be run and begins so: targets, files beside us, and the cases of the usual file.
pub(crate) fn to_run(begun: &OsStr) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy().into_owned();
    let targets = registry::TARGETS
        .iter()
        .map(|t| CompletionCandidate::new(t.name).help(Some(t.about.into())));
    let args = RunArgs::default();
    let cases = match Path::new(DEFAULT_FILE).exists() {
        true => Sources::of(&args).and_then(|sources| expand(&sources, &Flags { faults: None })),
        false => Ok(Vec::new()),
    };
    // A shell is no place for errors, and schism run tells them.
    let cases = cases.unwrap_or_default();
    let cases = cases.iter().map(|case| {
        let about = format!("a case of {DEFAULT_FILE}");
        CompletionCandidate::new(case.name()).help(Some(about.into()))
    });
    let files = std::fs::read_dir(".").into_iter().flatten().flatten();
    let files = files.filter_map(|entry| entry.file_name().into_string().ok());
    let yaml = |name: &String| name.ends_with(".yaml") || name.ends_with(".yml");
    let files = files.filter(yaml).map(CompletionCandidate::new);
    let all = targets.chain(cases).chain(files);
    all.filter(|c| c.get_value().to_string_lossy().starts_with(&begun))
        .collect()
}

/// Faults, after those that stand there already.
pub(crate) fn faults(begun: &OsStr) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy().into_owned();
    let (before, word) = match begun.rfind(',') {
        Some(at) => begun.split_at(at + 1),
        None => ("", begun.as_str()),
    };
    let kinds = Kind::ALL
        .iter()
        .map(|kind| (kind.word(), kind.about().does));
    let words = [("all", "every one that is possible"), ("none", "nothing")];
    kinds
        .chain(words)
        .filter(|(name, _)| name.starts_with(word))
        .map(|(name, about)| {
            CompletionCandidate::new(format!("{before}{name}")).help(Some(about.to_owned().into()))
        })
        .collect()
}

/// Runs that begin so, the newest first, with their verdicts. A shell is no place for errors.
pub(crate) fn runs(begun: &OsStr) -> Vec<CompletionCandidate> {
    let root = std::env::var_os("SCHISM_RUNS").unwrap_or_else(|| "runs".into());
    // Not `open`ed: nothing is created by looking.
    if !std::path::Path::new(&root).is_dir() {
        return Vec::new();
    }
    let Ok(runs) = Store::open(root).and_then(|store| store.list()) else {
        return Vec::new();
    };
    let begun = begun.to_string_lossy().into_owned();
    let words = ["latest", "latest-fail"].map(CompletionCandidate::new);
    let now = chrono::Utc::now();
    let ids = runs.iter().take(200).map(|run| {
        let old = age(now, run.started);
        let about = format!("{}  {old}  {} × {}", word_of(run), run.case, run.faults);
        CompletionCandidate::new(&run.id).help(Some(about.into()))
    });
    words
        .into_iter()
        .chain(ids)
        .filter(|c| c.get_value().to_string_lossy().starts_with(&begun))
        .collect()
}
