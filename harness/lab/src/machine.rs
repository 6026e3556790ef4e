//! One node as the supervisor has it: booted, watched, crashed. Whatever is asked of it, one thing at a time.

use std::{
    fs::File,
    io::{self, Read},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    path::Path,
    process::{Child, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

use crate::{
    LabError, NodeState,
    config::{address, node_name},
    launch::{SELF, Step, ourselves},
    network::{self, ip},
    node::{self, Said},
    process::pid,
    protocol::{Lines, parse, wait_readable},
    rundir::RunDir,
    sshd,
};

/// How long a node may take from nothing to an sshd that answers.
pub(crate) const BOOT: Duration = Duration::from_secs(20);
/// How long the processes of a killed node may take to go.
pub(crate) const CRASH: Duration = Duration::from_secs(10);
/// How long an sshd may take to greet before it counts as mute.
const GREETING: Duration = Duration::from_secs(1);

/// A node that may or may not run.
pub(crate) struct Machine {
    dir: RunDir,
    number: u8,
    /// Its first process, unless that was seen to have ended. Locked while the node comes or goes.
    first: Mutex<Option<Pid>>,
    /// Whether that one ended because the node has restarted itself, and was not booted since.
    restarting: AtomicBool,
}

impl Machine {
    pub(crate) fn new(dir: &RunDir, number: u8) -> Self {
        Self {
            dir: dir.clone(),
            number,
            first: Mutex::new(None),
            restarting: AtomicBool::new(false),
        }
    }

    pub(crate) fn state(&self) -> NodeState {
        let running = match self.first.try_lock() {
            Ok(mut first) => self.is_running(&mut first),
            Err(TryLockError::Poisoned(first)) => self.is_running(&mut first.into_inner()),
            // It is coming or going.
            Err(TryLockError::WouldBlock) => return NodeState::Mute,
        };
        match running {
            false => NodeState::Down,
            true if greets(self.number, Instant::now() + GREETING) => NodeState::Ready,
            true => NodeState::Mute,
        }
    }

    /// Power loss.
    pub(crate) fn crash(&self) -> Result<(), LabError> {
        let mut first = self.lock();
        let running = *first;
        if let Some(running) = running.filter(|_| self.is_running(&mut first)) {
            kill_and_reap(running).map_err(|error| self.failed(&error.to_string()))?;
            *first = None;
        }
        self.restarting.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// From down to ready.
    pub(crate) fn boot(&self) -> Result<(), LabError> {
        let mut first = self.lock();
        if self.is_running(&mut first) {
            return Err(LabError::Node {
                node: node_name(self.number),
                reason: "is up already: crash it before booting it".into(),
            });
        }
        self.restarting.store(false, Ordering::Relaxed);
        // The kernel removes the last boot's link in its own time. There is none at the first one.
        let _ = ip(&network::unplug(self.number));
        let deadline = Instant::now() + BOOT;
        let (mut launcher, mut said) = self.launch()?;
        let booted = self.follow(&mut said, &mut first, deadline);
        if booted.is_err() {
            let _ = launcher.kill();
            if let Some(first) = first.take() {
                let _ = kill_and_reap(first);
            }
        }
        let _ = launcher.wait();
        booted.map_err(|error| self.failed(&error.to_string()))
    }

    /// Boots it if it has restarted itself, with reboot(2). One that has switched itself off stays down.
    pub(crate) fn attend(&self) {
        let restarting = match self.first.try_lock() {
            Ok(mut first) => {
                !self.is_running(&mut first) && self.restarting.swap(false, Ordering::Relaxed)
            }
            // It is coming or going.
            Err(_) => false,
        };
        if restarting {
            // What went wrong is in the node's log, and the node is seen to be down.
            let _ = self.boot();
        }
    }

    /// Whether its first process runs; forgets it if it does not.
    fn is_running(&self, slot: &mut Option<Pid>) -> bool {
        let Some(first) = *slot else {
            return false;
        };
        // Nothing to report: it runs. Anything else: it ended, now or earlier.
        let status = match waitpid(Some(first), WaitOptions::NOHANG) {
            Ok(None) => return true,
            Ok(Some((_, status))) => Some(status),
            Err(_) => None,
        };
        *slot = None;
        // That is how the kernel says it of a PID namespace (pid_namespaces(7)).
        if status.and_then(|s| s.terminating_signal()) == Some(Signal::HUP.as_raw()) {
            self.restarting.store(true, Ordering::Relaxed);
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the node's launcher, with what it and the node's first process will say.
    fn launch(&self) -> Result<(Child, Lines<impl Read + AsFd>), LabError> {
        let path = self.dir.log(&node_name(self.number));
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(LabError::io("opening", path))?;
        let mut child = ourselves(Path::new(SELF), node::MODE, Step::Launch, self.dir.path())
            .arg(self.number.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(LabError::io("starting", SELF))?;
        let stdout = child.stdout.take().expect("it is a pipe");
        Ok((child, Lines::new(stdout)))
    }

    /// Goes with the node through its boot.
    fn follow(
        &self,
        said: &mut Lines<impl Read + AsFd>,
        first: &mut Option<Pid>,
        deadline: Instant,
    ) -> io::Result<()> {
        let mut ready = false;
        while first.is_none() || !ready {
            let line = said
                .next(deadline)?
                .ok_or_else(|| io::Error::other("it ended early"))?;
            match parse(&line)? {
                Said::First(number) => {
                    *first = Some(pid(number)?);
                    ip(&network::plug(self.number)).map_err(io::Error::other)?;
                }
                Said::Ready => ready = true,
            }
        }
        if greets(self.number, deadline) {
            return Ok(());
        }
        Err(io::Error::other("its sshd does not answer"))
    }

    fn failed(&self, reason: &str) -> LabError {
        let node = node_name(self.number);
        let tail = self.dir.tail(&node);
        let log = if tail.is_empty() {
            String::new()
        } else {
            format!("; its log ends with:\n{tail}")
        };
        LabError::Node {
            reason: format!("{reason}{log}"),
            node,
        }
    }
}

/// Kills the first process of a node, and with it all others there; the kernel reports its end after theirs.
fn kill_and_reap(first: Pid) -> io::Result<()> {
    let fd = pidfd_open(first, PidfdFlags::empty())?;
    kill_process(first, Signal::KILL)?;
    wait_readable(&fd, Instant::now() + CRASH)?;
    waitpid(Some(first), WaitOptions::NOHANG)?;
    Ok(())
}

/// Whether a node's sshd greets us, from the control network, before a deadline.
fn greets(number: u8, deadline: Instant) -> bool {
    let address = SocketAddr::from((address(number), sshd::PORT));
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        // Short attempts: a lost first packet would be sent again only after a second.
        let patience = left.min(Duration::from_millis(50));
        if let Ok(mut stream) = TcpStream::connect_timeout(&address, patience) {
            let mut greeting = [0; 4];
            let heard = stream
                .set_read_timeout(Some(left))
                .and_then(|()| stream.read_exact(&mut greeting));
            if heard.is_ok() && &greeting == b"SSH-" {
                return true;
            }
        }
        thread::sleep(Duration::from_millis(5).min(left));
    }
}
