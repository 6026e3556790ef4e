//! The processes of one node: a launcher that makes its namespaces and its interface, and its first process, which makes
//! its files, gives up what would reach the host, and then keeps an sshd running and buries orphans, as every process 1
//! must.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::Mode,
    io::Errno,
    process::{Pid, WaitOptions, setsid, umask, wait},
    system::sethostname,
    thread::UnshareFlags,
};
use serde::{Deserialize, Serialize};

use crate::{
    LabError,
    config::{MAX_NODES, node_name},
    launch::{self, SELF, Step, ourselves},
    network::{self, ip},
    privileges, protocol, root,
    rundir::RunDir,
    sshd::{self, Kit},
};

/// The name of the hidden mode.
pub(crate) const MODE: &str = "lab-init";
/// An sshd that lives no longer is not started again at once.
const SHORT_LIFE: Duration = Duration::from_millis(100);

/// What the two say to the supervisor, in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Said {
    /// The launcher: the number of the first process in the supervisor's namespace.
    First(u32),
    /// The first process: files are there and an sshd was started.
    Ready,
}

/// The processes of the hidden mode `node lab-init`; `args` are the words behind it. Not for people: the supervisor of a
/// lab starts them.
pub fn node_init_main(args: &[OsString]) -> ExitCode {
    let done = match launch::parse(args) {
        Some((step, dir, [number])) => number_of(number).and_then(|number| match step {
            Step::Launch => start(&dir, number),
            Step::Run => run(&RunDir::new(dir), number),
        }),
        _ => Err(no_use()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The node's log.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn no_use() -> LabError {
    LabError::Config {
        reason: "the supervisor of a lab starts this; it is of no use by itself".into(),
    }
}

fn number_of(word: &OsString) -> Result<u8, LabError> {
    let number = word.to_str().and_then(|word| word.parse().ok());
    number
        .filter(|number| (1..=MAX_NODES).contains(number))
        .ok_or_else(no_use)
}

/// The launcher.
fn start(dir: &Path, number: u8) -> Result<(), LabError> {
    let name = node_name(number);
    let _ = setsid();
    let namespaces =
        UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC;
    launch::leave(namespaces).map_err(LabError::io("making namespaces for", &name))?;
    sethostname(name.as_bytes()).map_err(LabError::io("naming", &name))?;
    // Before the PID namespace: its first process must not be `ip`.
    ip(&network::interface(number))?;
    let mut first = ourselves(Path::new(SELF), MODE, Step::Run, dir);
    first.arg(number.to_string());
    let first = launch::leave(UnshareFlags::NEWPID)
        .and_then(|()| first.spawn())
        .map_err(LabError::io("starting", &name))?;
    say(Said::First(first.id()))
}

fn say(said: Said) -> Result<(), LabError> {
    let mut out = io::stdout();
    out.write_all(&protocol::line(&said))
        .and_then(|()| out.flush())
        .map_err(LabError::io("telling", "the supervisor"))
}

/// The first process.
fn run(dir: &RunDir, number: u8) -> Result<(), LabError> {
    umask(Mode::from_raw_mode(0o022));
    let config = dir.charter()?.config;
    let kit = Kit::read(dir)?;
    root::assemble(dir, &config, &node_name(number), &kit)?;
    privileges::raise_limits().map_err(LabError::io("raising", "limits"))?;
    privileges::give_up().map_err(LabError::io("giving up", "capabilities"))?;

    let mut sshd = Sshd::start(&kit.program)?;
    say(Said::Ready)?;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, _))) if pid == sshd.pid => {
                thread::sleep(SHORT_LIFE.saturating_sub(sshd.since.elapsed()));
                sshd = Sshd::start(&kit.program)?;
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(LabError::io("waiting for", "sshd")(errno)),
        }
    }
}

struct Sshd {
    pid: Pid,
    since: Instant,
}

impl Sshd {
    fn start(program: &Path) -> Result<Self, LabError> {
        let mut command = Command::new(program);
        command
            .args(["-D", "-e", "-f"])
            .arg(Path::new(sshd::DIR).join("sshd_config"))
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0);
        // It is buried with all others, by number.
        let child = command.spawn().map_err(LabError::io("starting", program))?;
        Ok(Self {
            pid: Pid::from_child(&child),
            since: Instant::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_itself_it_does_nothing() {
        assert_eq!(node_init_main(&[]), ExitCode::FAILURE);
        assert_eq!(
            node_init_main(&["run".into(), "/nowhere".into(), "0".into()]),
            ExitCode::FAILURE
        );
        assert_eq!(
            node_init_main(&["run".into(), "/nowhere".into(), "51".into()]),
            ExitCode::FAILURE
        );
    }
}
