//! What can go wrong with a lab. Always ours or the machine's: an infrastructure error, never an outcome.

use std::{io, path::PathBuf, time::Duration};

/// Something that a lab needs and this machine has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// What it would be for.
    pub why: &'static str,
    /// How to get it: a command where there is one.
    pub fix: String,
}

/// A failure to make, find or use a lab.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The machine lacks something.
    #[error("a lab is not possible here:{}", list(.0))]
    Missing(Vec<Missing>),
    /// The request makes no sense.
    #[error("{reason}")]
    Config {
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// There is one of this name.
    #[error("lab {name} is up already (supervisor {pid}): `schism lab down` removes it")]
    AlreadyUp {
        /// Its name.
        name: String,
        /// Its supervisor.
        pid: u32,
    },
    /// There is none of this name.
    #[error("lab {name} is not up: `schism lab up` creates it")]
    NotUp {
        /// The name.
        name: String,
    },
    /// It has no such node.
    #[error("no node {node} in lab {lab}: it has n1 to n{nodes}")]
    NoSuchNode {
        /// The lab.
        lab: String,
        /// The unknown name.
        node: String,
        /// How many there are.
        nodes: u8,
    },
    /// The whole could not be made.
    #[error("lab {name} did not start: {reason}")]
    Start {
        /// The lab.
        name: String,
        /// Why, with the last lines of the log.
        reason: String,
    },
    /// One node could not be started or stopped.
    #[error("{node}: {reason}")]
    Node {
        /// Which.
        node: String,
        /// Why, with the last lines of its log.
        reason: String,
    },
    /// Something took too long.
    #[error("{what}: no end after {after:?}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// The supervisor did not do it.
    #[error("{reason}")]
    Refused {
        /// Its words, which name the node and quote its log.
        reason: String,
    },
    /// The process has threads or the kernel refused.
    #[error("cannot enter the network of lab {name}: {reason}")]
    Enter {
        /// The lab.
        name: String,
        /// Why.
        reason: String,
    },
    /// A program of the system failed.
    #[error("{tool}: {reason}")]
    Tool {
        /// Which.
        tool: &'static str,
        /// What it complained.
        reason: String,
    },
    /// A file or a process failed us.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl LabError {
    /// For `map_err`: what was being done with which file.
    pub(crate) fn io<E: Into<io::Error>>(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io {
            what,
            path,
            source: source.into(),
        }
    }
}

fn list(missing: &[Missing]) -> String {
    missing
        .iter()
        .map(|m| format!("\n  {} is missing, {}: {}", m.what, m.why, m.fix))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_remedy() {
        let error = LabError::Missing(vec![Missing {
            what: "sshd".into(),
            why: "to log in to nodes",
            fix: "apt-get install openssh-server".into(),
        }]);
        assert_eq!(
            error.to_string(),
            "a lab is not possible here:\n  sshd is missing, to log in to nodes: apt-get install openssh-server"
        );
    }
}
