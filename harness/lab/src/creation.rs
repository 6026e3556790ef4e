//! Creating a lab: the caller's side. Everything that can fail is asked for before there is anything to clean up; after
//! that, whatever fails, nothing is left.

use std::{
    fs::File,
    io::Write,
    path::Path,
    process::{ChildStdin, Stdio},
    time::{Duration, Instant},
};

use rustix::fs::statfs;

use crate::{
    LabConfig, LabError, Storage,
    lab::GONE,
    launch::{Step, ourselves},
    machine::BOOT,
    preflight::preflight,
    process::Identity,
    protocol::{KEEP, Lines, Report, parse},
    removal::Claim,
    rundir::{Charter, RunDir},
    sshd, supervisor,
};

/// How long the supervisor may take to begin.
const BEGIN: Duration = Duration::from_secs(10);
/// How long it may take to have everything up: a node's time, and some for itself.
const READY: Duration = BOOT.saturating_add(Duration::from_secs(10));
/// statfs(2): the type of overlayfs.
const OVERLAYFS: i64 = 0x794c_7630;

/// What makes a new lab's handle.
pub(crate) struct Created {
    pub(crate) dir: RunDir,
    pub(crate) charter: Charter,
    pub(crate) supervisor: Identity,
    /// What an owned lab lives by.
    pub(crate) lifeline: Option<ChildStdin>,
}

/// Creates a lab; returns when every node's sshd answers.
pub(crate) fn create(config: &LabConfig) -> Result<Created, LabError> {
    config.validate()?;
    let missing = preflight();
    if !missing.is_empty() {
        return Err(LabError::Missing(missing));
    }
    let charter = charter(config)?;
    let dir = RunDir::new(&config.dir);
    // To the end: whoever asks for it meanwhile waits until it is there.
    let _lock = match dir.claim(&config.store)? {
        Claim::Ours(lock) => lock,
        Claim::Taken(supervisor) => {
            return Err(LabError::AlreadyUp {
                name: config.name.clone(),
                pid: supervisor.pid,
            });
        }
    };
    let made = dir.fill(&charter).and_then(|()| begin(&dir, charter));
    made.inspect_err(|_| {
        if let Ok(Some(supervisor)) = dir.supervisor() {
            let _ = supervisor.kill(GONE);
        }
        // The first error is the one to tell.
        let _ = dir.remove();
    })
}

/// Starts the supervisor and waits for its word.
fn begin(dir: &RunDir, charter: Charter) -> Result<Created, LabError> {
    let config = &charter.config;
    sshd::prepare(dir)?;
    let log = dir.log("supervisor");
    let log = File::create(&log).map_err(LabError::io("creating", log))?;
    let mut launcher = ourselves(&config.exe, supervisor::MODE, Step::Launch, dir.path())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(LabError::io("starting", &config.exe))?;
    let mut lifeline = launcher.stdin.take().expect("it is a pipe");
    let mut reports = Lines::new(launcher.stdout.take().expect("it is a pipe"));
    let mut hear = |expected: &Report, within: Duration| {
        let reason = match reports.next(Instant::now() + within) {
            Ok(Some(said)) => match parse::<Report>(&said) {
                Ok(report) if report == *expected => return Ok(()),
                Ok(Report::Failed(reason)) => reason,
                Ok(other) => format!("{other:?} where {expected:?} was expected"),
                Err(error) => format!("{} does not run labs: {error}", config.exe.display()),
            },
            Ok(None) => format!("its supervisor ended early: {}", dir.tail("supervisor")),
            Err(error) => format!("no word from its supervisor: {error}"),
        };
        Err(LabError::Start {
            name: config.name.clone(),
            reason,
        })
    };
    let begun = hear(&Report::Started, BEGIN);
    if begun.is_err() {
        // Without a supervisor it has nothing to wait for.
        let _ = launcher.kill();
    }
    let _ = launcher.wait();
    begun?;
    hear(&Report::Up, READY)?;
    if !config.owned {
        lifeline
            .write_all(KEEP)
            .map_err(LabError::io("talking to the supervisor of", dir.path()))?;
    }
    let supervisor = dir.supervisor()?.ok_or_else(|| LabError::Start {
        name: config.name.clone(),
        reason: format!("its supervisor died: {}", dir.tail("supervisor")),
    })?;
    let lifeline = config.owned.then_some(lifeline);
    Ok(Created {
        dir: dir.clone(),
        charter,
        supervisor,
        lifeline,
    })
}

/// What of the request can be had here.
fn charter(config: &LabConfig) -> Result<Charter, LabError> {
    let (mut config, mut notes) = (config.clone(), Vec::new());
    if config.storage == Storage::Disk {
        let nearest = config
            .store
            .ancestors()
            .find(|path| path.exists())
            .unwrap_or(Path::new("/"));
        let found = statfs(nearest).map_err(LabError::io("looking at", nearest))?;
        if found.f_type == OVERLAYFS {
            notes.push(format!(
                "nodes keep their data in memory: {} is on an overlay itself, which cannot carry another one",
                nearest.display()
            ));
            config.storage = Storage::Tmpfs;
        }
    }
    Ok(Charter { config, notes })
}
