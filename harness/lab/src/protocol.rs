//! What the lab's processes say to each other: JSON, one line each. The supervisor reports its start on its standard
//! output, and answers requests on a Unix socket in the run directory.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The supervisor to its creator, during the start.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Report {
    /// It runs, and the run directory says so.
    Started,
    /// Every node's sshd answers.
    Up,
    /// It gives up.
    Failed(String),
}

/// The creator's word to the supervisor that its end is not the lab's.
pub(crate) const KEEP: &[u8] = b"keep\n";

/// To the supervisor, at any time.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Request {
    /// Kill everything in a node.
    Crash(u8),
    /// Start a node that is down.
    Boot(u8),
    /// How is everyone?
    Status,
}

/// What the supervisor answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// It is so.
    Done,
    /// It is not.
    Failed(String),
    /// One per node, in order.
    Status(Vec<NodeState>),
}

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// Its sshd answers.
    Ready,
    /// It runs, but its sshd does not answer.
    Mute,
    /// It does not run.
    Down,
}

/// One message as it is sent.
pub(crate) fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).expect("messages are plain data");
    line.push(b'\n');
    line
}

/// One message as it was sent.
pub(crate) fn parse<T: DeserializeOwned>(line: &[u8]) -> io::Result<T> {
    serde_json::from_slice(line).map_err(io::Error::other)
}

/// Reads lines, and never waits beyond a deadline.
pub(crate) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
}

/// No message is longer; a peer that sends more is not one of ours.
const MAX_LINE: usize = 1 << 20;

impl<R: Read + AsFd> Lines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
        }
    }

    /// The next line without its end; `None` at the end of the stream. Fails with [`io::ErrorKind::TimedOut`].
    pub(crate) fn next(&mut self, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
                line.pop();
                return Ok(Some(line));
            }
            if self.buffer.len() > MAX_LINE {
                return Err(io::Error::other("an endless line"));
            }
            wait_readable(&self.source, deadline)?;
            let mut chunk = [0; 4096];
            match self.source.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits until there is something to read (or the other side is gone), or fails with [`io::ErrorKind::TimedOut`].
pub(crate) fn wait_readable(fd: &impl AsFd, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(left))) {
            Ok(0) if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::net::UnixStream};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn messages_survive_the_wire() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(&line(&Request::Crash(3))).unwrap();
        ours.write_all(&line(&Request::Status)).unwrap();
        drop(ours);
        let mut lines = Lines::new(theirs);
        let mut next = || lines.next(soon()).unwrap();
        assert_eq!(
            parse::<Request>(&next().unwrap()).unwrap(),
            Request::Crash(3)
        );
        assert_eq!(parse::<Request>(&next().unwrap()).unwrap(), Request::Status);
        assert_eq!(next(), None);
    }

    #[test]
    fn a_silent_peer_is_given_up_at_the_deadline() {
        let (_ours, theirs) = UnixStream::pair().unwrap();
        let error = Lines::new(theirs).next(Instant::now()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || while ours.write_all(&[b'x'; 4096]).is_ok() {});
        assert!(Lines::new(theirs).next(soon()).is_err());
        writer.join().unwrap();
    }
}
