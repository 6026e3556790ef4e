//! One SSH session, used by one thread at a time.
//!
//! libssh2 is driven without blocking: what cannot go on says so, and the thread then sleeps in poll(2) until the
//! socket is ready or the time is up. Both output streams are read in turn while input is written, so that no full
//! pipe can hold up another. A packet that was sent in part is always sent to its end before anything else is tried,
//! as libssh2 demands; it cannot be refused for long, since it fits the window that the other side has granted.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, Channel, ErrorCode};

use super::{Endpoint, host_key::Trusted, login, socket};
use crate::{Command, Error, Output, remote::OUTPUT_LIMIT};

/// libssh2's "not yet".
const EAGAIN: i32 = -37;
/// libssh2's "the server said no to what a channel asked for".
const REQUEST_DENIED: i32 = -22;
/// How long after its deadline a command is waited for: by then its own timer has ended it.
const GRACE: Duration = Duration::from_secs(5);

/// A session that is logged in.
pub(super) struct Session {
    inner: ssh2::Session,
    socket: TcpStream,
    node: String,
    patience: Duration,
}

/// What went wrong with a command.
pub(super) enum Broken {
    /// The command; the session is fine.
    Command(Error),
    /// The command was given up; what it still says would be taken for the next one's, so the session is of no use.
    GivenUp(Error),
    /// The session.
    Lost {
        /// Whether the command certainly did not start.
        unsent: bool,
        /// What happened.
        error: Error,
    },
}

impl Broken {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Command(error) | Self::GivenUp(error) | Self::Lost { error, .. } => error,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without it libssh2 would wait for the other side to agree, and give up freeing what it has.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Session {
    /// Connects, checks the host key, logs in: all of it within the endpoint's patience.
    pub(super) fn open(to: &Endpoint) -> Result<Self, Error> {
        let until = Instant::now() + to.patience;
        let socket = socket::connect(to, until).map_err(|e| to.unreachable(e))?;
        let mut inner = ssh2::Session::new().map_err(|e| to.unreachable(e.message().to_owned()))?;
        let trusted = Trusted::read(&inner, to)?;
        trusted
            .prefer(&inner)
            .and_then(|()| {
                let other = socket.try_clone().map_err(|_| ssh2::Error::unknown())?;
                inner.set_tcp_stream(other);
                limit(&inner, until);
                inner.handshake()
            })
            .map_err(|e| to.unreachable(format!("no agreement on SSH: {}", e.message())))?;
        trusted.check(&inner, to)?;
        login::log_in(&inner, to, until)?;
        inner.set_blocking(false);
        Ok(Self {
            inner,
            socket,
            node: to.node.name.clone(),
            patience: to.patience,
        })
    }

    /// Runs a command line to its end.
    pub(super) fn exec(
        &self,
        line: &str,
        input: &[u8],
        command: &Command,
    ) -> Result<Output, Broken> {
        // Nothing has happened before the command is sent. A session that died while it was idle shows it here.
        let opening = Instant::now() + self.patience;
        let mut channel = self
            .wait(opening, || self.inner.channel_session())
            .map_err(|e| self.lost(true, &e))?;
        let began = Instant::now();
        let until = began + command.deadline + GRACE;
        let output = match self.wait(until, || channel.exec(line)) {
            Ok(()) => self.talk(&mut channel, input, until),
            Err(Failed::Ssh(e)) if e.code() == ErrorCode::Session(REQUEST_DENIED) => {
                return Err(self.lost(true, &e));
            }
            Err(e) => Err(e),
        };
        let timed_out = || Error::Deadline {
            node: self.node.clone(),
            command: crate::remote::brief(&command.argv),
            after: command.deadline,
        };
        match output {
            Ok(output) if output.status == 137 && began.elapsed() >= command.deadline => {
                Err(Broken::Command(timed_out()))
            }
            Ok(output) => Ok(output),
            Err(Failed::Late) => Err(Broken::GivenUp(timed_out())),
            Err(Failed::TooMuch) => Err(Broken::GivenUp(Error::Io {
                node: self.node.clone(),
                what: format!("reading the output of {}", command.argv.join(" ")),
                reason: Failed::TooMuch.to_string(),
            })),
            Err(e) => Err(self.lost(false, &e)),
        }
    }

    fn talk(
        &self,
        channel: &mut Channel,
        mut input: &[u8],
        until: Instant,
    ) -> Result<Output, Failed> {
        let mut output = Output::default();
        let mut open = true;
        while !channel.eof() {
            let mut moved = false;
            if !input.is_empty() {
                if let Some(n) = self.step(until, || channel.write(input))? {
                    input = &input[n..];
                    moved = n > 0;
                }
            } else if open {
                let sent = self.step(until, || channel.send_eof().map_err(Into::into))?;
                open = sent.is_none();
            }
            moved |= self.gulp(channel, 0, &mut output.stdout, until)?;
            moved |= self.gulp(channel, 1, &mut output.stderr, until)?;
            if !moved && !channel.eof() {
                self.sleep(until)?;
            }
        }
        if open {
            // It has ended without reading its input, which is no error.
            self.wait(until, || channel.send_eof())?;
        }
        // The exit status may come after the end of the output, and comes before the other side closes the channel.
        self.wait(until, || channel.wait_close())?;
        self.wait(until, || channel.close())?;
        let signal = self.wait(until, || channel.exit_signal())?;
        output.status = match signal.exit_signal.as_deref() {
            Some(name) => 128 + number(name),
            None => self.wait(until, || channel.exit_status())?,
        };
        Ok(output)
    }

    /// Reads what there is of one stream.
    fn gulp(
        &self,
        channel: &Channel,
        stream: i32,
        into: &mut Vec<u8>,
        until: Instant,
    ) -> Result<bool, Failed> {
        let mut buffer = [0; 32 * 1024];
        let mut from = channel.stream(stream);
        let mut moved = false;
        while let Some(n) = self.step(until, || from.read(&mut buffer))? {
            if n == 0 {
                break;
            }
            if (into.len() + n) as u64 > OUTPUT_LIMIT {
                return Err(Failed::TooMuch);
            }
            into.extend_from_slice(&buffer[..n]);
            moved = true;
        }
        Ok(moved)
    }

    /// Tries until it is done or the time is up.
    fn wait<T>(
        &self,
        until: Instant,
        mut attempt: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<T, Failed> {
        loop {
            match attempt() {
                Err(e) if e.code() == ErrorCode::Session(EAGAIN) => self.sleep(until)?,
                done => return Ok(done?),
            }
        }
    }

    /// Tries, and leaves no packet half sent. `None` if it is the other side's turn.
    fn step<T>(
        &self,
        until: Instant,
        mut attempt: impl FnMut() -> std::io::Result<T>,
    ) -> Result<Option<T>, Failed> {
        loop {
            match attempt() {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                done => return Ok(Some(done?)),
            }
            match self.inner.block_directions() {
                BlockDirections::Outbound | BlockDirections::Both => self.sleep(until)?,
                BlockDirections::None | BlockDirections::Inbound => return Ok(None),
            }
        }
    }

    /// Sleeps until the socket is ready for what libssh2 waits for.
    fn sleep(&self, until: Instant) -> Result<(), Failed> {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failed::Late);
        }
        let flags = match self.inner.block_directions() {
            BlockDirections::None | BlockDirections::Inbound => PollFlags::IN,
            BlockDirections::Outbound | BlockDirections::Both => PollFlags::OUT,
        };
        let nap = left.min(Duration::from_secs(1));
        let nap = Timespec {
            tv_sec: nap.as_secs() as _,
            tv_nsec: nap.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&self.socket, flags)], Some(&nap)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(Failed::Io(e.into())),
        }
    }

    fn lost(&self, unsent: bool, why: &dyn std::fmt::Display) -> Broken {
        let what = match unsent {
            true => "the SSH connection was lost before the command was sent",
            false => "the SSH connection was lost under a command, which may have done its work",
        };
        Broken::Lost {
            unsent,
            error: Error::Io {
                node: self.node.clone(),
                what: what.to_owned(),
                reason: why.to_string(),
            },
        }
    }
}

/// Why talking to a command ended early.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("no answer in time")]
    Late,
    #[error("{}", .0.message())]
    Ssh(#[from] ssh2::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it is more than {} MiB", OUTPUT_LIMIT >> 20)]
    TooMuch,
}

/// Makes the blocking calls that follow end when the time is up. (Zero would mean forever.)
pub(super) fn limit(session: &ssh2::Session, until: Instant) {
    let left = until.saturating_duration_since(Instant::now()).as_millis();
    session.set_timeout(u32::try_from(left).unwrap_or(u32::MAX).max(1));
}

/// The number of a signal that SSH has a name for (RFC 4254, section 6.10), as Linux has it on the usual architectures.
fn number(signal: &str) -> i32 {
    match signal {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}
