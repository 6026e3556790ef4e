//! Running commands where a node is.

use std::{path::Path, time::Duration};

use crate::{Command, Node, Output};

/// How much a command may print, in bytes a stream.
pub(crate) const OUTPUT_LIMIT: u64 = 16 << 20;

/// A way to reach one node. Implementations: SSH, this machine. Blocking: async callers use a blocking thread.
/// Several commands may run at once from several threads; a slow one never delays another.
pub trait Remote: Send + Sync {
    /// The node that it reaches.
    fn node(&self) -> &Node;
    /// Runs one command to its end. `Ok` whatever its exit status: that is the caller's to judge
    /// (see [`RemoteExt::run`] for those who need zero).
    fn exec(&self, command: &Command) -> Result<Output, Error>;
    /// Writes a file on the node: complete or not at all (written beside, then renamed), with this mode.
    fn upload(&self, contents: &[u8], to: &str, mode: u32) -> Result<(), Error>;
    /// Reads a file of the node into a local file; at most `limit` bytes from its end. Returns the size on the node.
    fn download(&self, from: &str, to: &Path, limit: u64) -> Result<u64, Error>;
}

/// What everyone does with a [`Remote`].
pub trait RemoteExt: Remote {
    /// Runs a command that must exit with zero.
    fn run(&self, command: &Command) -> Result<Output, Error> {
        let output = self.exec(command)?;
        if output.success() {
            return Ok(output);
        }
        Err(Error::Status {
            node: self.node().name.clone(),
            command: brief(&command.argv),
            status: output.status,
            stderr: output.complaint(),
        })
    }
}

impl<R: Remote + ?Sized> RemoteExt for R {}

/// A command in a line: scripts and other long words are only hinted at.
pub(crate) fn brief(argv: &[String]) -> String {
    let word = |word: &String| match word.contains('\n') || word.len() > 200 {
        true => "…".to_owned(),
        false => word.clone(),
    };
    argv.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A failure of ours to reach or use a node: an infrastructure error, never an outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("{node}: cannot reach {address}: {reason}")]
    Unreachable {
        /// Which node.
        node: String,
        /// Host and port.
        address: String,
        /// The system's words.
        reason: String,
    },
    /// The server's key is not in known_hosts, or is another than the one there.
    #[error("{node}: {reason}")]
    HostKey {
        /// Which node.
        node: String,
        /// What was expected and found, with fingerprints, and what to do.
        reason: String,
    },
    /// The server let us in with none of what we have.
    #[error("{node}: login as {user} refused: {reason}")]
    Auth {
        /// Which node.
        node: String,
        /// The login name.
        user: String,
        /// What was tried, and what to do.
        reason: String,
    },
    /// The command needs root and we cannot become root.
    #[error("{node}: no root: {reason}")]
    Sudo {
        /// Which node.
        node: String,
        /// What sudo said, and what to do.
        reason: String,
    },
    /// It took too long.
    #[error("{node}: no end after {after:?}: {command}")]
    Deadline {
        /// Which node.
        node: String,
        /// The words.
        command: String,
        /// The deadline.
        after: Duration,
    },
    /// A command that had to exit with zero did not.
    #[error("{node}: exit status {status} of {command}: {stderr}")]
    Status {
        /// Which node.
        node: String,
        /// The words.
        command: String,
        /// The exit status.
        status: i32,
        /// What it complained.
        stderr: String,
    },
    /// The connection broke, or a file could not be read or written.
    #[error("{node}: {what}: {reason}")]
    Io {
        /// Which node.
        node: String,
        /// What was being done.
        what: String,
        /// The system's words.
        reason: String,
    },
}

impl Error {
    /// The node concerned.
    pub fn node(&self) -> &str {
        match self {
            Self::Unreachable { node, .. }
            | Self::HostKey { node, .. }
            | Self::Auth { node, .. }
            | Self::Sudo { node, .. }
            | Self::Deadline { node, .. }
            | Self::Status { node, .. }
            | Self::Io { node, .. } => node,
        }
    }
}
