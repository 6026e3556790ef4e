//! The supervisor: first process of the lab's PID namespace, owner of its bridge, parent of its nodes. While it lives the
//! lab lives. It makes the nodes side by side, says when all of them answer, and then waits for requests on a socket in the
//! run directory, and for the end of its owner.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::Mode,
    io::Errno,
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    process::{Pid, Signal, WaitOptions, kill_process, setsid, umask, wait},
    thread::UnshareFlags,
};

use crate::{
    LabConfig, LabError, Storage,
    config::node_name,
    launch::{self, SELF, Step, ourselves},
    machine::{CRASH, Machine},
    network::{self, ip},
    process::Identity,
    protocol::{Answer, KEEP, Lines, Report, Request, line, parse},
    rundir::RunDir,
};

/// The name of the hidden mode.
pub(crate) const MODE: &str = "lab-supervisor";
/// How long a client of the socket may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);
/// How soon a node that restarts itself is noticed.
const ATTENTION: Duration = Duration::from_millis(100);

/// The processes of the hidden mode `node lab-supervisor`; `args` are the words behind it. Not for people: the program
/// starts itself with them.
pub fn supervisor_main(args: &[OsString]) -> ExitCode {
    let done = match launch::parse(args) {
        Some((Step::Launch, dir, [])) => start(&dir),
        Some((Step::Run, dir, [])) => supervise(RunDir::new(dir)),
        _ => Err(LabError::Config {
            reason: "`schism lab up` starts this; it is of no use by itself".into(),
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&Report::Failed(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// The launcher: leaves the host's namespaces and its caller's terminal, so that Ctrl-C there is not for us.
fn start(dir: &Path) -> Result<(), LabError> {
    // Fails only for the leader of a group, who has no terminal to fear either.
    let _ = setsid();
    let namespaces =
        UnshareFlags::NEWPID | UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC;
    launch::close_inherited_on_exec()
        .and_then(|()| launch::leave(namespaces))
        .and_then(|()| ourselves(Path::new(SELF), MODE, Step::Run, dir).spawn())
        .map(drop)
        .map_err(LabError::io("leaving the host's namespaces for", dir))
}

fn supervise(dir: RunDir) -> Result<(), LabError> {
    let charter = dir.charter()?;
    // Before our own /proc: only the host's knows our number there.
    let identity = Identity::of_this_process().map_err(LabError::io("reading", "/proc/self"))?;
    dir.sign(&identity)?;
    report(&Report::Started);

    umask(Mode::from_raw_mode(0o022));
    let supervisor = Supervisor {
        machines: (1..=charter.config.nodes)
            .map(|number| Machine::new(&dir, number))
            .collect(),
        config: charter.config,
        dir,
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            if owner_is_gone(io::stdin().lock()) {
                supervisor.end();
            }
        });
        let socket = match supervisor
            .prepare()
            .and_then(|socket| supervisor.boot_all().map(|()| socket))
        {
            Ok(socket) => socket,
            Err(error) => {
                report(&Report::Failed(error.to_string()));
                supervisor.end();
            }
        };
        report(&Report::Up);
        for machine in &supervisor.machines {
            scope.spawn(move || {
                loop {
                    thread::sleep(ATTENTION);
                    machine.attend();
                }
            });
        }
        for client in socket.incoming().flatten() {
            let supervisor = &supervisor;
            scope.spawn(move || supervisor.serve(&client));
        }
        supervisor.end()
    })
}

/// Tells the creator. It may be gone already: then there is nobody to tell.
fn report(report: &Report) {
    let _ = io::stdout()
        .write_all(&line(report))
        .and_then(|()| io::stdout().flush());
}

/// Waits for the other end of our standard input to close; unless it said before that this is not to matter.
fn owner_is_gone(mut input: impl Read) -> bool {
    let mut said = Vec::new();
    let ended = input.read_to_end(&mut said);
    ended.is_err() || said != KEEP
}

struct Supervisor {
    dir: RunDir,
    config: LabConfig,
    machines: Vec<Machine>,
}

impl Supervisor {
    /// Makes what nodes need: mounts that do not spread to the host, memory, the bridge; and the socket.
    fn prepare(&self) -> Result<UnixListener, LabError> {
        mount_change(
            "/",
            MountPropagationFlags::REC | MountPropagationFlags::PRIVATE,
        )
        .map_err(LabError::io("separating mounts below", "/"))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("proc", "/proc", "proc", flags, None).map_err(LabError::io("mounting", "/proc"))?;
        if self.config.storage == Storage::Tmpfs {
            let path = self.dir.memory();
            mount(
                "schism-lab",
                &path,
                "tmpfs",
                MountFlags::empty(),
                c"mode=755",
            )
            .map_err(LabError::io("mounting", path))?;
        }
        ip(&network::bridge())?;
        let path = self.dir.socket();
        UnixListener::bind(&path).map_err(LabError::io("listening on", path))
    }

    /// Boots every node at the same time; the first failure is everybody's.
    fn boot_all(&self) -> Result<(), LabError> {
        let ends = self.of_each(Machine::boot);
        ends.into_iter().fold(Ok(()), Result::and)
    }

    fn serve(&self, client: &UnixStream) {
        let asked = Lines::new(client).next(Instant::now() + REQUEST);
        let answer = match asked.and_then(|line| parse(&line.unwrap_or_default())) {
            Ok(Request::Status) => Answer::Status(self.of_each(Machine::state)),
            Ok(Request::Crash(number)) => done(self.machine(number).and_then(Machine::crash)),
            Ok(Request::Boot(number)) => done(self.machine(number).and_then(Machine::boot)),
            Err(error) => Answer::Failed(format!("not a request: {error}")),
        };
        let mut client = client;
        // Who does not wait for the answer does not get it.
        let _ = client.write_all(&line(&answer));
    }

    /// Does the same with every node, at the same time.
    fn of_each<T: Send>(&self, act: impl Fn(&Machine) -> T + Sync) -> Vec<T> {
        thread::scope(|scope| {
            let act = &act;
            let start = |machine| scope.spawn(move || act(machine));
            let acts: Vec<_> = self.machines.iter().map(start).collect();
            let ends = acts.into_iter().map(|act| act.join());
            ends.map(|end| end.expect("what is done with nodes does not panic"))
                .collect()
        })
    }

    fn machine(&self, number: u8) -> Result<&Machine, LabError> {
        let index = usize::from(number).checked_sub(1);
        index
            .and_then(|index| self.machines.get(index))
            .ok_or_else(|| LabError::NoSuchNode {
                lab: self.config.name.clone(),
                node: node_name(number),
                nodes: self.config.nodes,
            })
    }

    /// Ends everything, removes what is on disk, and does not return: the kernel does the rest.
    fn end(&self) -> ! {
        kill_everyone();
        if self.config.storage == Storage::Tmpfs {
            let _ = unmount(self.dir.memory(), UnmountFlags::DETACH);
        }
        // What remains is found by the next `up`, `down` or `list`.
        if let Ok(Some(_lock)) = self.dir.lock() {
            let _ = self.dir.remove();
        }
        std::process::exit(0)
    }
}

fn done(result: Result<(), LabError>) -> Answer {
    result.map_or_else(|error| Answer::Failed(error.to_string()), |()| Answer::Done)
}

/// Kills every process of the lab but this one, and waits for their ends. All of them become our children when their
/// parents end, so when there is no child there is nobody. Again and again, because our other threads may just be starting
/// some; not for ever, because our own end is the end of all in any case.
fn kill_everyone() {
    let deadline = Instant::now() + CRASH;
    while Instant::now() < deadline {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            if let Some(pid) = number
                .filter(|&number: &i32| number > 1)
                .and_then(Pid::from_raw)
            {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Err(Errno::CHILD) => return,
            Ok(None) | Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_owner_matters_unless_it_said_otherwise() {
        assert!(owner_is_gone(io::empty()));
        assert!(owner_is_gone(&b"kee"[..]));
        assert!(!owner_is_gone(KEEP));
    }

    #[test]
    fn by_itself_it_does_nothing() {
        assert_eq!(supervisor_main(&["run".into()]), ExitCode::FAILURE);
    }
}
