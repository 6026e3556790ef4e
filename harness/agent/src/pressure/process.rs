//! A process by its number and when it was started: numbers are used again, so a number alone may never be killed.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// In the kernel's ticks since boot.
    started: u64,
}

/// What the kernel says of a process, in proc_pid_stat(5).
pub(super) struct Stat {
    pub(super) identity: Identity,
    parent: i32,
    state: u8,
    /// The time that it was running, in ticks.
    pub(super) ticks: u64,
}

impl Stat {
    /// `None` if there is no such process.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let text = String::from_utf8_lossy(&text);
        // The second field is its name, in parentheses and of any characters.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |field: usize| fields.get(field - 3)?.parse().ok();
        Some(Self {
            identity: Identity {
                pid,
                started: number(22)?,
            },
            parent: fields.get(1)?.parse().ok()?,
            state: *fields.first()?.as_bytes().first()?,
            ticks: number(14)? + number(15)?,
        })
    }
}

impl Identity {
    /// This process.
    pub(super) fn own() -> io::Result<Self> {
        let pid = rustix::process::getpid().as_raw_pid();
        Stat::of(pid)
            .map(|stat| stat.identity)
            .ok_or_else(|| Errno::SRCH.into())
    }

    /// The process that a file tells of, if it still runs. The file's second word, its start time, may be missing.
    pub(super) fn in_file(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let mut words = text.split_whitespace();
        let found = Stat::of(words.next()?.parse().ok()?)?.identity;
        let said = words
            .next()
            .map_or(Some(found.started), |word| word.parse().ok())?;
        (found.started == said && found.is_alive()).then_some(found)
    }

    /// As [`Identity::in_file`] reads it.
    pub(super) fn line(self) -> String {
        format!("{} {}\n", self.pid, self.started)
    }

    /// Whether it still runs. A zombie does not, nor one that is just being reaped.
    pub(super) fn is_alive(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.identity == self && !b"ZX".contains(&stat.state))
    }

    /// The kernel's kind of number.
    pub(super) fn pid(self) -> Option<Pid> {
        Pid::from_raw(self.pid)
    }

    /// Kills it and waits for its end. Fine if it is gone already.
    pub(super) fn kill(self, within: Duration) -> io::Result<()> {
        let Some(pid) = self.pid() else {
            return Ok(());
        };
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(()),
            fd => fd?,
        };
        // Only now is it certain whom the descriptor means.
        if !self.is_alive() {
            return Ok(());
        }
        match pidfd_send_signal(&fd, Signal::KILL) {
            Err(Errno::SRCH) => return Ok(()),
            sent => sent?,
        }
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
            match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// It and all its descendants.
    pub(super) fn family(self) -> Vec<Self> {
        let all: Vec<Stat> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Stat::of(entry.file_name().to_str()?.parse().ok()?))
            .collect();
        let mut family = vec![self];
        let mut next = 0;
        while let Some(member) = family.get(next).copied() {
            let children = all.iter().filter(|stat| stat.parent == member.pid);
            let new: Vec<Self> = children
                .map(|stat| stat.identity)
                .filter(|child| !family.contains(child))
                .collect();
            family.extend(new);
            next += 1;
        }
        family
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_until_it_ends_and_its_children_with_it() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        fs::write(&file, format!("{}\n", child.id())).unwrap();
        let found = Identity::in_file(&file).unwrap();
        fs::write(&file, found.line()).unwrap();
        assert_eq!(Identity::in_file(&file), Some(found));
        fs::write(&file, format!("{} 1", child.id())).unwrap();
        assert_eq!(Identity::in_file(&file), None);

        let family = found.family();
        assert_eq!(family.len(), 2);
        for member in family.into_iter().rev() {
            member.kill(Duration::from_secs(5)).unwrap();
            assert!(!member.is_alive());
        }
        found.kill(Duration::from_secs(5)).unwrap();
        child.wait().unwrap();
    }
}
