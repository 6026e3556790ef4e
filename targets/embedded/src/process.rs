//! A process that is known by more than its number: the number may be given to another, the number with the start time
//! is not. Signals go through a pidfd, opened before the start time is compared, so they hit that process or none.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{
        Pid, PidfdFlags, Signal, getppid, pidfd_open, pidfd_send_signal,
        set_parent_process_death_signal,
    },
};
use serde::{Deserialize, Serialize};

use crate::layout;

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pid: i32,
    /// Clock ticks since boot, from `/proc/PID/stat`.
    started: u64,
}

/// What it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessState {
    Running,
    Paused,
    Gone,
}

impl Identity {
    /// That of a process that exists now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        let (_, started) = stat(pid)?;
        Some(Self { pid, started })
    }
    /// As written in a file; `None` if there is none.
    pub(crate) fn load(path: &Path) -> io::Result<Option<Self>> {
        layout::load(path)
    }
    /// Writes it to a file.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        layout::save(path, self)
    }
    /// What the process is doing. A zombie is gone.
    pub(crate) fn state(&self) -> ProcessState {
        match stat(self.pid) {
            Some((_, started)) if started != self.started => ProcessState::Gone,
            Some(('Z' | 'X', _)) | None => ProcessState::Gone,
            Some(('T' | 't', _)) => ProcessState::Paused,
            Some(_) => ProcessState::Running,
        }
    }
    /// Kills it, and waits until it is gone.
    pub(crate) fn kill(&self, within: Duration) -> io::Result<()> {
        let Some(fd) = self.signal(Signal::KILL)? else {
            return Ok(());
        };
        wait(&fd, Some(within))
    }
    /// Asks it to end, and waits until it is gone.
    pub(crate) fn terminate(&self, within: Duration) -> io::Result<()> {
        let Some(fd) = self.signal(Signal::TERM)? else {
            return Ok(());
        };
        wait(&fd, Some(within))
    }
    /// Stops it, and waits until it has stopped. It is an error if it is gone.
    pub(crate) fn pause(&self, within: Duration) -> io::Result<()> {
        let deadline = Instant::now() + within;
        self.signal(Signal::STOP)?;
        loop {
            match self.state() {
                ProcessState::Paused => return Ok(()),
                ProcessState::Gone => return Err(io::Error::other("there is no such process")),
                ProcessState::Running if Instant::now() > deadline => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                ProcessState::Running => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
    /// Lets it go on, if it is there.
    pub(crate) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT).map(drop)
    }
    /// Waits until it is gone, however long that takes.
    pub(crate) fn wait(&self) -> io::Result<()> {
        self.open().map_or(Ok(()), |fd| wait(&fd, None))
    }

    fn open(&self) -> Option<OwnedFd> {
        let fd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        (self.state() != ProcessState::Gone).then_some(fd)
    }
    fn signal(&self, signal: Signal) -> io::Result<Option<OwnedFd>> {
        let Some(fd) = self.open() else {
            return Ok(None);
        };
        match pidfd_send_signal(&fd, signal) {
            Ok(()) => Ok(Some(fd)),
            Err(rustix::io::Errno::SRCH) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

fn wait(fd: &OwnedFd, within: Option<Duration>) -> io::Result<()> {
    let within = within.and_then(|d| Timespec::try_from(d).ok());
    loop {
        match poll(&mut [PollFd::new(fd, PollFlags::IN)], within.as_ref()) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// State letter and start time.
fn stat(pid: i32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, is the process's own choice: what follows the last one is the kernel's.
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// Makes this process die when the thread that made it does, even while this process is stopped. Fails if that thread's
/// process is gone already. The main thread must call it: the kernel forgets with the caller.
pub(crate) fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    match getppid().map(Pid::as_raw_pid) {
        Some(pid) if pid == parent => Ok(()),
        _ => Err(io::Error::other("the parent is gone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_given_to_another_process_is_not_the_same_process() {
        let mut child = std::process::Command::new("/bin/sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let real = Identity::of(child.id()).unwrap();
        let impostor = Identity {
            started: real.started + 1,
            ..real
        };
        impostor.kill(Duration::from_secs(5)).unwrap();
        assert_eq!(impostor.state(), ProcessState::Gone);
        assert_ne!(real.state(), ProcessState::Gone);
        real.pause(Duration::from_secs(5)).unwrap();
        assert_eq!(real.state(), ProcessState::Paused);
        real.kill(Duration::from_secs(5)).unwrap();
        assert_eq!(real.state(), ProcessState::Gone);
        real.resume().unwrap();
        child.wait().unwrap();
    }
}
