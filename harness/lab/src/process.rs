//! A process that is still the same one: numbers are used again, so a number alone may never be killed.

use std::{
    fs, io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};

use crate::protocol::wait_readable;

/// A process by its number and when it was started, in the kernel's ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    started: u64,
}

impl Identity {
    /// This process, as those see it who mounted the present `/proc`: the host's number of a process that is number 1 in
    /// its own namespace but has not mounted its own `/proc` yet.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let pid = fs::read_link("/proc/self")?;
        let pid = pid
            .to_str()
            .and_then(|p| p.parse().ok())
            .ok_or(Errno::INVAL)?;
        match stat(pid)? {
            Some((_, started)) => Ok(Self { pid, started }),
            None => Err(Errno::SRCH.into()),
        }
    }

    /// Whether it still runs. A zombie does not.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(stat(self.pid), Ok(Some((state, started))) if state != 'Z' && state != 'X' && started == self.started)
    }

    /// Kills it and waits for its end. Fine if it is gone already. Fails with [`io::ErrorKind::TimedOut`].
    pub(crate) fn kill(&self, within: Duration) -> io::Result<()> {
        let Some(fd) = self.open()? else {
            return Ok(());
        };
        match pidfd_send_signal(&fd, Signal::KILL) {
            Ok(()) => wait_readable(&fd, Instant::now() + within),
            Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A descriptor that keeps meaning this process; it becomes readable when the process ends.
    fn open(&self) -> io::Result<Option<OwnedFd>> {
        let fd = match pidfd_open(pid(self.pid)?, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(Errno::SRCH) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        // Only now is it certain whom the descriptor means.
        Ok(self.is_alive().then_some(fd))
    }
}

/// A number as the kernel's.
pub(crate) fn pid(number: u32) -> io::Result<Pid> {
    let raw = i32::try_from(number).ok().and_then(Pid::from_raw);
    raw.ok_or_else(|| Errno::INVAL.into())
}

/// State and start of a process, `None` if there is none of this number.
fn stat(pid: u32) -> io::Result<Option<(char, u64)>> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => parse_stat(&text)
            .map(Some)
            .ok_or_else(|| Errno::INVAL.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Fields 3 and 22 of proc_pid_stat(5). The second, the name, may contain anything, so counting starts behind it.
fn parse_stat(text: &str) -> Option<(char, u64)> {
    let (_, behind) = text.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_name_made_to_confuse_does_not() {
        let text = "12 (a) Z 9 (b)) S 1 12 12 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 9 9";
        assert_eq!(parse_stat(text), Some(('S', 4711)));
        assert_eq!(parse_stat("12 (a"), None);
    }

    #[test]
    fn this_process_is_alive_and_a_predecessor_of_the_same_number_is_not() {
        let this = Identity::of_this_process().unwrap();
        assert_eq!(this.pid, std::process::id());
        assert!(this.is_alive());
        let earlier = Identity {
            started: this.started - 1,
            ..this
        };
        assert!(!earlier.is_alive());
        // Would kill this test if it did not look.
        earlier.kill(Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn killing_waits_for_the_end_and_a_zombie_counts_as_ended() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let (_, started) = stat(child.id()).unwrap().unwrap();
        let identity = Identity {
            pid: child.id(),
            started,
        };
        assert!(identity.is_alive());
        identity.kill(Duration::from_secs(10)).unwrap();
        assert!(!identity.is_alive());
        identity.kill(Duration::from_secs(10)).unwrap();
        child.wait().unwrap();
    }
}
