//! `schism completions`: a script for a shell, which then asks this program what could come next. So runs complete, too,
//! with what became of them.

use std::ffi::OsStr;

use clap::{CommandFactory, ValueEnum};
use clap_complete::{
    CompleteEnv,
    engine::CompletionCandidate,
    env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh},
};
use runner::store::Store;

use crate::{
    args::Cli,
    commands::list::{age, word_of},
    exit::{Exit, Failure},
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
