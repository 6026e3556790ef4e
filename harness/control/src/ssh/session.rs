//! One SSH session, used by one thread at a time.
//!
//! libssh2 is driven without blocking: what cannot go on says so, and the thread then sleeps in poll(2) until the
//! socket is ready or the time is up. Both output streams are read in turn while input is written, so that no full
//! pipe can hold up another.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, Channel};

use super::{Endpoint, host_key, login};
use crate::{Command, Error, Output, remote::OUTPUT_LIMIT};

/// libssh2's "not yet".
const EAGAIN: i32 = -37;
/// How long after its deadline a command is waited for: by then its own timer has ended it.
const GRACE: Duration = Duration::from_secs(5);
/// How often keep-alive messages are sent while nothing else is, in seconds.
const KEEPALIVE: u32 = 15;

/// A session that is logged in.
pub(super) struct Session {
    inner: ssh2::Session,
    socket: TcpStream,
    node: String,
}

/// What went wrong with a command.
pub(super) enum Broken {
    /// The command; the session is fine.
    Command(Error),
    /// The session. `unsent` if the command certainly did not start.
    Session {
        /// Whether the command was not sent.
        unsent: bool,
        /// What happened.
        error: Error,
    },
}

impl Broken {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Command(error) | Self::Session { error, .. } => error,
        }
    }
}

impl Session {
    /// Connects, checks the host key, logs in.
    pub(super) fn open(to: &Endpoint) -> Result<Self, Error> {
        let unreachable = |reason: String| Error::Unreachable {
            node: to.node.name.clone(),
            address: to.address(),
            reason,
        };
        let socket = connect(to).map_err(|e| unreachable(e.to_string()))?;
        // Small packets of a dialogue must not wait for each other.
        socket
            .set_nodelay(true)
            .map_err(|e| unreachable(e.to_string()))?;
        let mut inner = ssh2::Session::new().map_err(|e| unreachable(e.to_string()))?;
        inner.set_timeout(u32::try_from(to.patience.as_millis()).unwrap_or(u32::MAX));
        inner.set_tcp_stream(socket.try_clone().map_err(|e| unreachable(e.to_string()))?);
        inner
            .handshake()
            .map_err(|e| unreachable(format!("no SSH there: {}", e.message())))?;
        host_key::check(&inner, to)?;
        login::log_in(&inner, to)?;
        inner.set_keepalive(true, KEEPALIVE);
        inner.set_blocking(false);
        Ok(Self {
            inner,
            socket,
            node: to.node.name.clone(),
        })
    }

    /// Runs a command line to its end.
    pub(super) fn exec(
        &self,
        line: &str,
        input: &[u8],
        command: &Command,
    ) -> Result<Output, Broken> {
        let began = Instant::now();
        let until = began + command.deadline + GRACE;
        // Before the command is sent nothing can have happened; an idle session that died shows it here.
        self.inner
            .keepalive_send()
            .or_else(not_yet)
            .map_err(|e| self.broken(true, &e))?;
        let mut channel = self
            .wait(until, || self.inner.channel_session())
            .map_err(|e| self.broken(true, &e))?;
        let output = self
            .wait(until, || channel.exec(line))
            .and_then(|()| self.talk(&mut channel, input, until));
        let timed_out = || Error::Deadline {
            node: self.node.clone(),
            command: command.argv.join(" "),
            after: command.deadline,
        };
        match output {
            Ok(output) if output.status == 137 && began.elapsed() >= command.deadline => {
                Err(Broken::Command(timed_out()))
            }
            Ok(output) => Ok(output),
            // Whatever is left in the pipe belongs to a command that is not waited for any more.
            Err(Failed::Late) => Err(Broken::Session {
                unsent: false,
                error: timed_out(),
            }),
            Err(Failed::Ssh(e)) => Err(self.broken(false, &e)),
            Err(Failed::Io(e)) => Err(Broken::Session {
                unsent: false,
                error: self.lost(e.to_string()),
            }),
            Err(Failed::TooMuch) => Err(Broken::Session {
                unsent: false,
                error: Error::Io {
                    node: self.node.clone(),
                    what: format!("reading the output of {}", command.argv.join(" ")),
                    reason: format!("it is more than {} MB", OUTPUT_LIMIT >> 20),
                },
            }),
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
                match channel.write(input) {
                    Ok(n) => {
                        input = &input[n..];
                        moved = n > 0;
                    }
                    // A command that ends without reading its input is no error.
                    Err(e) if e.kind() != ErrorKind::WouldBlock => input = &[],
                    Err(_) => {}
                }
            }
            if input.is_empty() && open {
                match channel.send_eof() {
                    Err(e) if is_not_yet(&e) => {}
                    _ => open = false,
                }
            }
            moved |= gulp(channel, 0, &mut output.stdout)?;
            moved |= gulp(channel, 1, &mut output.stderr)?;
            if !moved && !channel.eof() {
                self.sleep(until)?;
            }
        }
        self.wait(until, || channel.close())?;
        self.wait(until, || channel.wait_close())?;
        let signal = self.wait(until, || channel.exit_signal())?;
        output.status = match signal.exit_signal.as_deref() {
            Some(name) => 128 + number(name),
            None => self.wait(until, || channel.exit_status())?,
        };
        Ok(output)
    }

    /// Tries until it is done or the time is up.
    fn wait<T>(
        &self,
        until: Instant,
        mut attempt: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<T, Failed> {
        loop {
            match attempt() {
                Err(e) if is_not_yet(&e) => self.sleep(until)?,
                done => return Ok(done?),
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
            BlockDirections::Outbound => PollFlags::OUT,
            BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
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

    fn broken(&self, unsent: bool, error: &dyn std::fmt::Display) -> Broken {
        Broken::Session {
            unsent,
            error: self.lost(error.to_string()),
        }
    }

    fn lost(&self, reason: String) -> Error {
        Error::Io {
            node: self.node.clone(),
            what: "the SSH connection was lost".to_owned(),
            reason,
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
    #[error("too much output")]
    TooMuch,
}

fn is_not_yet(error: &ssh2::Error) -> bool {
    error.code() == ssh2::ErrorCode::Session(EAGAIN)
}

fn not_yet(error: ssh2::Error) -> Result<u32, ssh2::Error> {
    if is_not_yet(&error) {
        Ok(0)
    } else {
        Err(error)
    }
}

/// Reads what there is of one stream.
fn gulp(channel: &mut Channel, stream: i32, into: &mut Vec<u8>) -> Result<bool, Failed> {
    let mut buffer = [0; 32 * 1024];
    let mut moved = false;
    loop {
        match channel.stream(stream).read(&mut buffer) {
            Ok(0) => return Ok(moved),
            Ok(n) if (into.len() + n) as u64 > OUTPUT_LIMIT => return Err(Failed::TooMuch),
            Ok(n) => {
                into.extend_from_slice(&buffer[..n]);
                moved = true;
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(moved),
            Err(e) => return Err(e.into()),
        }
    }
}

fn connect(to: &Endpoint) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (to.host.as_str(), to.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, to.patience) {
            Ok(socket) => return Ok(socket),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// The number of a signal, as Linux has it on the usual architectures.
fn number(signal: &str) -> i32 {
    match signal {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "SEGV" => 11,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}
