//! What a node shall be short of, and for how long.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::answer::Failure;

/// The longest that a daemon of ours may live by itself.
const LONGEST: u64 = 3600;

/// What to take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Where the daemon is known by its name.
    pub(super) directory: PathBuf,
    /// Its name there: that of the fault.
    pub(super) name: String,
    /// After how long it ends by itself.
    pub(super) seconds: u64,
    /// What it takes.
    pub(super) load: Load,
}

/// What is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Load {
    /// Processor time.
    Cpu {
        /// How many threads burn it; as many as there are processors where nothing is said.
        #[serde(default)]
        threads: Option<u32>,
        /// From −20, which nobody else stands against, to 19, which takes what nobody else wants.
        #[serde(default)]
        nice: i8,
    },
    /// Memory.
    Memory {
        /// How much; less if less is free.
        megabytes: u64,
    },
    /// Descriptors of the kernel's table of open files, which all processes share.
    Descriptors {
        /// How many; a tenth of the table is left to others in any case.
        count: u64,
    },
    /// Descriptors of one process and its descendants: their limit is lowered to what they have open.
    Limit {
        /// The file whose first word is the process's number. Read again and again: after a restart it is another one.
        pid_file: PathBuf,
        /// How many more it may open.
        #[serde(default)]
        spare: u64,
    },
}

impl Request {
    /// Refuses what could not mean anything.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let refuse = |reason: &str| Err(Failure(format!("the request is unusable: {reason}")));
        check_name(&self.name)?;
        if !self.directory.is_absolute() {
            return refuse("`directory` is not an absolute path");
        }
        if !(1..=LONGEST).contains(&self.seconds) {
            return refuse("`seconds` must be from 1 to 3600");
        }
        match self.load {
            Load::Cpu {
                threads: Some(threads),
                ..
            } if !(1..=1024).contains(&threads) => refuse("`threads` must be from 1 to 1024"),
            Load::Cpu { nice, .. } if !(-20..=19).contains(&nice) => {
                refuse("`nice` must be from -20 to 19")
            }
            Load::Memory { megabytes: 0 } | Load::Descriptors { count: 0 } => {
                refuse("nothing is taken")
            }
            _ => Ok(()),
        }
    }
}

/// A name becomes part of a path.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure(format!("{name:?} is no name for a fault")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(load: Load, name: &str, seconds: u64) -> bool {
        let request = Request {
            directory: "/run/x".into(),
            name: name.into(),
            seconds,
            load,
        };
        request.check().is_err()
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let cpu = |threads, nice| Load::Cpu {
            threads: Some(threads),
            nice,
        };
        assert!(!refused(cpu(1, 19), "f1", 60));
        assert!(refused(cpu(0, 0), "f1", 60));
        assert!(refused(cpu(1, 20), "f1", 60));
        assert!(refused(cpu(1, 0), "../f1", 60));
        assert!(refused(cpu(1, 0), "", 60));
        assert!(refused(cpu(1, 0), "f1", 0));
        assert!(refused(cpu(1, 0), "f1", 100_000));
        assert!(refused(Load::Memory { megabytes: 0 }, "f1", 60));
        assert!(refused(Load::Descriptors { count: 0 }, "f1", 60));
    }
}
