//! A node over SSH (libssh2, through the `ssh2` crate).
//!
//! # One connection, and more when it is busy
//!
//! libssh2 has one packet stream a session, and one half-sent packet at a time: two threads that send at once break it
//! (`LIBSSH2_ERROR_BAD_USE`). A session here therefore belongs to one thread while it is used. Each node has a small
//! *pool* of them: the first is opened at once and lives as long as the run; while a slow command has it, the next
//! command opens another, which is kept too. So a slow command never delays a fast one, a fast one costs no login, and
//! nothing depends on the order of interleaved packets.
//!
//! # What ends
//!
//! Every wait has an end: connecting, logging in, each command. The far end of a command does not notice that its SSH
//! client has gone, so each runs under `timeout -s KILL` (coreutils) with a moment more than its deadline, which also
//! ends it when schism itself is killed. Daemons that a command starts in a session of their own are not its.
//!
//! # What is tried again
//!
//! A session that broke is thrown away. A command that was marked idempotent is then run once more on a new one; any
//! other is an error that says that it may have run. An error here never becomes an outcome of a test.

mod endpoint;
mod host_key;
mod login;
mod session;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

pub use endpoint::{Auth, Endpoint, HostKeys, Password};
use session::{Broken, Session};

use crate::{Command, Error, Node, Output, Remote, RemoteExt};

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

    /// Does something with a session of its own. A session that broke is not put back.
    fn with<T>(
        &self,
        mut work: impl FnMut(&Session) -> Result<T, Broken>,
        again: bool,
    ) -> Result<T, Error> {
        let taken = self.idle().pop();
        let fresh = taken.is_none();
        let session = match taken {
            Some(session) => session,
            None => Session::open(&self.endpoint)?,
        };
        match work(&session) {
            Ok(value) => {
                self.idle().push(session);
                Ok(value)
            }
            Err(Broken::Command(error)) => {
                self.idle().push(session);
                Err(error)
            }
            // The others are as old as this one and have most likely broken with it.
            Err(Broken::Session { unsent, error }) if (again || unsent) && !fresh => {
                drop(session);
                self.idle().clear();
                drop(error);
                let session = Session::open(&self.endpoint)?;
                let result = work(&session).map_err(Broken::into_error);
                if result.is_ok() {
                    self.idle().push(session);
                }
                result
            }
            Err(broken) => Err(broken.into_error()),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_root(&self) -> bool {
        self.endpoint.user == "root"
    }

    /// The words that do this, as root where that is needed, under a timer; and what goes before its input.
    fn words(&self, command: &Command) -> (Vec<String>, String) {
        let seconds = (command.deadline + Duration::from_secs(2))
            .as_secs_f64()
            .ceil();
        let timer = ["timeout", "-s", "KILL"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{seconds}")]);
        let timed = timer.chain(command.argv.iter().cloned());
        let sudo = |flags: &[&str]| -> Vec<String> {
            ["sudo"]
                .iter()
                .chain(flags)
                .chain(&["--"])
                .map(|s| (*s).to_owned())
                .collect()
        };
        match (
            command.root && !self.is_root(),
            &self.endpoint.sudo_password,
        ) {
            (false, _) => (timed.collect(), String::new()),
            (true, None) => (
                sudo(&["-n"]).into_iter().chain(timed).collect(),
                String::new(),
            ),
            (true, Some(password)) => {
                // -k: ask even if it was asked a moment ago, so that the password never becomes the command's input.
                let words = sudo(&["-k", "-S", "-p", ""])
                    .into_iter()
                    .chain(timed)
                    .collect();
                (words, format!("{}\n", password.reveal()))
            }
        }
    }

    /// Whether sudo refused, in its own words.
    fn sudo_refused(&self, command: &Command, output: &Output) -> Option<Error> {
        const REFUSALS: [&str; 7] = [
            "a password is required",
            "not in the sudoers file",
            "is not allowed to",
            "may not run sudo",
            "incorrect password",
            "you must have a tty",
            "sudo: command not found",
        ];
        if !command.root || self.is_root() || output.success() {
            return None;
        }
        let complaint = output.complaint();
        let missing = output.status == 127 && complaint.contains("sudo");
        if !missing && !REFUSALS.iter().any(|r| complaint.contains(r)) {
            return None;
        }
        let user = &self.endpoint.user;
        let line = complaint.lines().last().unwrap_or("sudo said no");
        Some(Error::Sudo {
            node: self.endpoint.node.name.clone(),
            reason: format!(
                "{line}; log in as root, allow {user} to use sudo without a password, or give the password \
                 (cluster.ssh.sudo_password: ${{env:NAME}})"
            ),
        })
    }
}

impl Remote for Ssh {
    fn node(&self) -> &Node {
        &self.endpoint.node
    }

    fn exec(&self, command: &Command) -> Result<Output, Error> {
        let (words, prefix) = self.words(command);
        let line = crate::quote(&words).map_err(|e| Error::Io {
            node: self.endpoint.node.name.clone(),
            what: "sending a command".to_owned(),
            reason: e.to_string(),
        })?;
        let input = prefix + command.stdin.as_deref().unwrap_or_default();
        let output = self.with(
            |s| s.exec(&line, input.as_bytes(), command),
            command.idempotent,
        )?;
        match self.sudo_refused(command, &output) {
            Some(error) => Err(error),
            None => Ok(output),
        }
    }

    fn upload(&self, contents: &[u8], to: &str, mode: u32) -> Result<(), Error> {
        // Through root, who may write anywhere; the bytes travel as text of an encoding that every node has.
        let script = r#"
umask 077
beside="$1.schism-$$"
trap 'rm -f "$beside"' EXIT
base64 -d >"$beside" && chmod "$2" "$beside" && mv -f "$beside" "$1"
"#;
        let put = Command::script(script, [to.to_owned(), format!("{mode:o}")])
            .root()
            .idempotent()
            .stdin(encode(contents))
            .deadline(Duration::from_secs(120));
        self.run(&put).map(drop)
    }

    fn download(&self, from: &str, to: &Path, limit: u64) -> Result<u64, Error> {
        let io = |reason: std::io::Error| Error::Io {
            node: self.endpoint.node.name.clone(),
            what: format!("fetching {from} to {}", to.display()),
            reason: reason.to_string(),
        };
        let size = Command::new(["stat", "-Lc", "%s", "--", from])
            .root()
            .idempotent();
        let size: u64 = self.run(&size)?.text().parse().unwrap_or(0);
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
