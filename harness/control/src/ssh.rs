//! A node over SSH (libssh2, through the `ssh2` crate).
//!
//! # One connection, and more when it is busy
//!
//! libssh2 has one packet stream a session, and one half-sent packet at a time, so a session here belongs to one thread
//! while it is used. Each node has a small *pool* of them: the first is opened at once and lives as long as the run; while
//! a slow command has it, the next command opens another. So a slow command never delays a fast one, a fast one costs no
//! login, and nothing depends on the order of interleaved packets. There are as many as commands at once, and a few are
//! kept after that.
//!
//! # What ends
//!
//! Every wait has an end: connecting and logging in together, the server's answer to a new command, each command. The far
//! end of a command does not notice that its SSH client has gone, so each runs under `timeout -s KILL` (coreutils) with a
//! moment more than its deadline, which also ends it when schism itself is killed. Daemons that a command starts in a
//! session of their own are not its. A host that has vanished is noticed by TCP's own probes, within a minute. Two things
//! are not ours to end: the system's search for the address of a name, and an SSH agent that asks its user.
//!
//! # What is tried again
//!
//! A session that broke is thrown away. A command that was marked idempotent is then run once more on a new one, and so is
//! one that a session from the pool lost before it was sent; any other is an error that says that it may have run. A
//! command that took too long or said too much is not run again. An error here never becomes an outcome of a test.

mod endpoint;
mod host_key;
mod login;
mod session;
mod socket;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

pub use endpoint::{Auth, Endpoint, HostKeys, Password};
use session::{Broken, Session};

use crate::{Command, Error, Node, Output, Remote, RemoteExt, sudo};

/// How many sessions that nobody uses are kept.
const KEPT: usize = 8;

/// Runs commands on a node over SSH.
pub struct Ssh {
    endpoint: Endpoint,
    /// Sessions that nobody uses at the moment, the one used last at the end.
    idle: Mutex<Vec<Session>>,
}

impl std::fmt::Debug for Ssh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ssh")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Ssh {
    /// Connects, checks the host key, logs in.
    pub fn connect(endpoint: Endpoint) -> Result<Self, Error> {
        let first = Session::open(&endpoint)?;
        Ok(Self {
            endpoint,
            idle: Mutex::new(vec![first]),
        })
    }

    /// Does something with a session of its own, and once more with a new one where that cannot do harm.
    fn with<T>(
        &self,
        work: impl Fn(&Session) -> Result<T, Broken>,
        idempotent: bool,
    ) -> Result<T, Error> {
        let taken = self.idle().pop();
        let old = taken.is_some();
        let session = match taken {
            Some(session) => session,
            None => Session::open(&self.endpoint)?,
        };
        let result = match self.attempt(session, &work) {
            Err(Broken::Lost { unsent, .. }) if idempotent || (unsent && old) => {
                // The others are as old as this one and have most likely broken with it.
                let others = std::mem::take(&mut *self.idle());
                drop(others);
                self.attempt(Session::open(&self.endpoint)?, &work)
            }
            result => result,
        };
        result.map_err(Broken::into_error)
    }

    /// Does it, and keeps the session if that can be used again.
    fn attempt<T>(
        &self,
        session: Session,
        work: impl Fn(&Session) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let result = work(&session);
        if matches!(result, Ok(_) | Err(Broken::Command(_))) {
            let mut idle = self.idle();
            if idle.len() < KEPT {
                idle.push(session);
            }
        }
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn needs_sudo(&self, command: &Command) -> bool {
        command.root && self.endpoint.user != "root"
    }

    fn io(&self, what: impl Into<String>, reason: impl ToString) -> Error {
        Error::Io {
            node: self.endpoint.node.name.clone(),
            what: what.into(),
            reason: reason.to_string(),
        }
    }
}

impl Remote for Ssh {
    fn node(&self) -> &Node {
        &self.endpoint.node
    }

    fn exec(&self, command: &Command) -> Result<Output, Error> {
        let timed = command.under_timer();
        let password = self.endpoint.sudo_password.as_ref().map(Password::reveal);
        let (words, prefix) = match self.needs_sudo(command) {
            true => sudo::wrap(timed, password),
            false => (timed, String::new()),
        };
        let line = crate::quote(&words).map_err(|e| self.io("sending a command", e))?;
        let input = prefix + command.stdin.as_deref().unwrap_or_default();
        let mut output = self.with(
            |s| s.exec(&line, input.as_bytes(), command),
            command.idempotent,
        )?;
        if self.needs_sudo(command) {
            let (node, user) = (&self.endpoint.node.name, &self.endpoint.user);
            sudo::admitted(&mut output.stderr, node, user)?;
        }
        Ok(output)
    }

    fn upload(&self, contents: &[u8], to: &str, mode: u32) -> Result<(), Error> {
        // Through root, who may write anywhere; the bytes travel as text of an encoding that every node has. Where the
        // connection breaks, the script's input just ends: the size tells that from the end of the file.
        let script = r#"
umask 077
beside="$1.schism-$$"
trap 'rm -f -- "$beside"' EXIT
trap '' PIPE
base64 -d >"$beside" || exit 1
[ "$(wc -c <"$beside")" -eq "$3" ] || { echo "only a part of it arrived" >&2; exit 1; }
chmod "$2" -- "$beside" && mv -fT -- "$beside" "$1"
"#;
        let size = contents.len().to_string();
        let put = Command::script(script, [to.to_owned(), format!("{mode:o}"), size])
            .root()
            .idempotent()
            .stdin(encode(contents))
            .deadline(Duration::from_secs(120));
        self.run(&put).map(drop)
    }

    fn download(&self, from: &str, to: &Path, limit: u64) -> Result<u64, Error> {
        let io = |reason| self.io(format!("fetching {from} to {}", to.display()), reason);
        let size = Command::new(["stat", "-Lc", "%s", "--", from])
            .root()
            .idempotent();
        let size = self.run(&size)?.text();
        let size: u64 = size.parse().map_err(|_| {
            self.io(
                format!("asking for the size of {from}"),
                format!("{size:?}"),
            )
        })?;
        let mut file = std::fs::File::create(to).map_err(io)?;
        // In pieces, so that no log is too large for memory.
        let mut at = size.saturating_sub(limit);
        while at < size {
            let piece = (size - at).min(crate::remote::OUTPUT_LIMIT / 2);
            let read = "tail -c +\"$2\" -- \"$1\" | head -c \"$3\"";
            let read = Command::script(
                read,
                [from.to_owned(), (at + 1).to_string(), piece.to_string()],
            );
            let bytes = self
                .run(&read.root().idempotent().deadline(Duration::from_secs(120)))?
                .stdout;
            if bytes.is_empty() {
                // It was cut off while it was read, as logs are.
                break;
            }
            std::io::Write::write_all(&mut file, &bytes).map_err(io)?;
            at += bytes.len() as u64;
        }
        Ok(size)
    }
}

/// Base64 (RFC 4648).
fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
