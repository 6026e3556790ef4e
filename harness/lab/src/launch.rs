//! Becoming the first process of new namespaces. A process cannot enter a new PID namespace itself, only its children
//! are born there; so every first process has a launcher, which is this same program in the same hidden mode: it leaves
//! its namespaces, starts the program once more, and goes. Programs are started again rather than forked, because a fork
//! that does not exec is only safe in C.
#![expect(
    unsafe_code,
    reason = "unshare(2) is unsafe in rustix, and inherited descriptors have no owner; see the two blocks below"
)]

use std::{
    ffi::OsString,
    fs, io,
    os::{
        fd::{BorrowedFd, RawFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    thread::UnshareFlags,
};

/// Where a running program finds itself: the same program even if its file was replaced since.
pub(crate) const SELF: &str = "/proc/self/exe";

/// Which of the two processes of a hidden mode this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The launcher.
    Launch,
    /// The first process.
    Run,
}

impl Step {
    fn word(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Run => "run",
        }
    }
}

/// The program in a hidden mode, for the lab with this run directory.
pub(crate) fn ourselves(exe: &Path, mode: &str, step: Step, dir: &Path) -> Command {
    let mut command = Command::new(exe);
    command
        .arg0("schism")
        .args(["node", mode, step.word()])
        .arg(dir);
    command
}

/// The arguments of a hidden mode, back: the step, the run directory, and what follows.
pub(crate) fn parse(args: &[OsString]) -> Option<(Step, PathBuf, &[OsString])> {
    let [step, dir, rest @ ..] = args else {
        return None;
    };
    let step = [Step::Launch, Step::Run]
        .into_iter()
        .find(|s| step == s.word())?;
    Some((step, PathBuf::from(dir), rest))
}

/// Leaves these namespaces for new ones: this process itself, or, for a PID namespace, its next child. Called by
/// launchers only, which have a single thread.
pub(crate) fn leave(flags: UnshareFlags) -> io::Result<()> {
    assert!(
        !flags.contains(UnshareFlags::FILES),
        "the table of open files stays shared"
    );
    // SAFETY: what is unsafe about unshare is `FILES` alone (a descriptor would mean something else in other threads);
    // it was excluded above.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// Keeps what the caller had open (a lock, someone's pipe) from living on in processes that outlive it. Called by
/// launchers only, which have a single thread.
pub(crate) fn close_inherited_on_exec() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fd")?.flatten() {
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<RawFd>().ok());
        if let Some(number) = number.filter(|&number| number > 2) {
            // SAFETY: it is open: it was just listed, nobody else could close it since, and the listing's own is closed
            // only after the loop.
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            fcntl_setfd(fd, FdFlags::CLOEXEC)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_is_what_is_parsed() {
        let command = ourselves(Path::new("/x"), "lab-init", Step::Run, Path::new("/run/a"));
        let args: Vec<OsString> = command
            .get_args()
            .map(Into::into)
            .chain(["3".into()])
            .collect();
        assert_eq!(args[..2], ["node", "lab-init"]);
        let (step, dir, rest) = parse(&args[2..]).unwrap();
        assert_eq!(
            (step, dir.to_str(), rest),
            (Step::Run, Some("/run/a"), &["3".into()][..])
        );
    }

    #[test]
    fn other_words_are_refused() {
        assert_eq!(parse(&["run".into()]), None);
        assert_eq!(parse(&["walk".into(), "/run/a".into()]), None);
    }
}
