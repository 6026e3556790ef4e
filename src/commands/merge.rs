//! `schism merge`: runs of several machines in one store, as if one had made them all; the shards of a campaign become one
//! suite.

use std::{fs, path::Path};

use reports::across::Index;
use runner::store::{RunState, Store, safe_name};

use super::together;
use crate::{
    args::{MergeArgs, OnUnknown},
    baseline,
    campaign::{self, Suite},
    ci::Ci,
    exit::{Exit, Failure},
    index,
    terminal::Terminal,
};

/// Copies what is not there yet, and says how much.
pub(crate) fn merge(args: &MergeArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let mut suites = Vec::new();
    let (mut copied, mut there, mut left) = (0, 0, 0);
    for from in &args.from {
        if !from.is_dir() {
            return Err(Failure::usage(format!(
                "{} is no folder of runs",
                from.display()
            )));
        }
        let other = Store::open(from.clone())?;
        if other.root() == store.root() {
            return Err(Failure::usage(format!(
                "{} is where the runs are merged into; name others",
                from.display()
            )));
        }
        suites.extend(suites_of(&other)?);
        let mut lines = index::read(&other)?.entries;
        lines.retain(|line| line.gone);
        for run in other.list()? {
            let parts = [&run.case, &run.faults, &run.id];
            // Archives of others may hold any name, and what still runs is not whole.
            if run.state == RunState::Running || parts.iter().any(|p| safe_name(p) != **p) {
                left += 1;
                continue;
            }
            let parent = store.root().join(&run.case).join(&run.faults);
            if parent.join(&run.id).exists() {
                there += 1;
                continue;
            }
            lines.extend(index::sealed(&run));
            copy_whole(&run.path, &parent, &run.id)
                .map_err(|e| Failure::infrastructure(format!("cannot copy {}: {e}", run.id)))?;
            copied += 1;
        }
        // What this store says of a run itself counts more.
        store.replace_index(|text| {
            let ours = Index::parse(&text).entries;
            Index::new(lines.into_iter().chain(ours)).to_jsonl()
        })?;
    }
    let (joined, others) = campaign::join(suites);
    for suite in joined.iter().chain(&others) {
        store.write_suite(&suite.suite, suite)?;
    }
    index::render(&store, &baseline::read(terminal.baseline())?)?;
    let more = match left {
        0 => String::new(),
        n => format!(", {n} left out: still running, or of an odd name"),
    };
    terminal.print(&format!(
        "{copied} runs copied, {there} were there already{more}\n"
    ));
    for suite in &joined {
        terminal.say(&campaign::table(suite, terminal));
        let trouble = together::tell(suite, &store, &Ci::none(), OnUnknown::default(), terminal);
        for what in trouble {
            terminal.say(&format!("⚠ {what}\n"));
        }
    }
    Ok(Exit::Pass)
}

/// Those that can be read; a record that cannot is no reason to leave the runs behind.
fn suites_of(store: &Store) -> Result<Vec<Suite>, Failure> {
    let paths = store.suites()?.into_iter();
    Ok(paths
        .filter_map(|(_, path)| Suite::read(&path).ok())
        .collect())
}

/// Under another name first, so that nobody ever sees half a run.
fn copy_whole(from: &Path, parent: &Path, id: &str) -> std::io::Result<()> {
    fs::create_dir_all(parent)?;
    let nascent = parent.join(format!(".{id}.{}", std::process::id()));
    let made = copy(from, &nascent).and_then(|()| fs::rename(&nascent, parent.join(id)));
    if made.is_err() {
        // Best effort: the error that is reported is the first one.
        let _ = fs::remove_dir_all(&nascent);
    }
    made
}

/// Files and folders; links, sockets and the like are nothing that a run leaves.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let to = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
