//! The run directory: everything that a lab is outside of its processes. It tells every later caller what the lab was
//! asked to be and whether it lives.

use std::{
    fs::{self, DirBuilder},
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{LabConfig, LabError, Storage, process::Identity};

/// In the root of a store on disk, with the path of the run directory it belongs to: without it, a directory is not ours
/// to remove.
pub(crate) const MARKER: &str = ".schism-lab";
/// What makes a directory a lab's.
pub(crate) const CHARTER: &str = "charter.json";
/// How many lines of a log go into an error.
const TAIL: usize = 5;

/// What a lab was asked to be, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Charter {
    /// With what could not be had replaced.
    pub(crate) config: LabConfig,
    /// What was replaced, and why.
    pub(crate) notes: Vec<String>,
}

/// The path of a run directory, and of what is in it.
#[derive(Debug, Clone)]
pub(crate) struct RunDir(PathBuf);

impl RunDir {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
    /// Where requests to the supervisor go.
    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }
    /// The key pair of everyone who logs in.
    pub(crate) fn client_key(&self) -> PathBuf {
        self.0.join("client_key")
    }
    /// The key pair of every node's sshd.
    pub(crate) fn host_key(&self) -> PathBuf {
        self.0.join("host_key")
    }
    /// The configuration of every node's sshd.
    pub(crate) fn sshd_config(&self) -> PathBuf {
        self.0.join("sshd_config")
    }
    /// The host key for OpenSSH's client, valid for every node.
    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.0.join("known_hosts")
    }
    /// What a process of the lab complained: `supervisor`, `n1`.
    pub(crate) fn log(&self, who: &str) -> PathBuf {
        self.0.join(format!("{who}.log"))
    }
    /// Where a node's directories are.
    pub(crate) fn node(&self, config: &LabConfig, name: &str) -> PathBuf {
        match config.storage {
            Storage::Disk => config.store.join(name),
            Storage::Tmpfs => self.memory().join(name),
        }
    }
    /// Where the supervisor mounts the memory of [`Storage::Tmpfs`].
    pub(crate) fn memory(&self) -> PathBuf {
        self.0.join("memory")
    }

    /// Makes what is in it, and the store. For who has [claimed](RunDir::claim) it.
    pub(crate) fn fill(&self, charter: &Charter) -> Result<(), LabError> {
        write_new(&self.0.join(CHARTER), &to_json(charter), 0o600)?;
        make_private(&self.memory())?;
        let config = &charter.config;
        if config.storage == Storage::Disk {
            let parent = config.store.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(parent).map_err(LabError::io("creating", parent))?;
            make_private(&config.store)?;
            let marker = config.store.join(MARKER);
            fs::write(&marker, self.0.as_os_str().as_bytes())
                .map_err(LabError::io("writing", marker))?;
        }
        Ok(())
    }

    /// Whether it is a lab's, dead or alive.
    pub(crate) fn is_one(&self) -> bool {
        self.0.join(CHARTER).is_file()
    }

    pub(crate) fn charter(&self) -> Result<Charter, LabError> {
        self.read(CHARTER)
    }

    /// The supervisor's signature, by which others know whether it lives.
    pub(crate) fn sign(&self, identity: &Identity) -> Result<(), LabError> {
        let (draft, path) = (
            self.0.join("supervisor.new"),
            self.0.join("supervisor.json"),
        );
        write_new(&draft, &to_json(identity), 0o600)?;
        fs::rename(&draft, &path).map_err(LabError::io("renaming", draft))
    }

    /// The supervisor, if it lives.
    pub(crate) fn supervisor(&self) -> Result<Option<Identity>, LabError> {
        match self.read("supervisor.json") {
            Ok(identity) => Ok(Some(identity).filter(Identity::is_alive)),
            Err(LabError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The last lines of a log, for an error.
    pub(crate) fn tail(&self, who: &str) -> String {
        let text = fs::read(self.log(who)).unwrap_or_default();
        tail(&String::from_utf8_lossy(&text))
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, LabError> {
        let path = self.0.join(name);
        let text = fs::read(&path).map_err(LabError::io("reading", &path))?;
        serde_json::from_slice(&text).map_err(LabError::io("understanding", path))
    }
}

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, contents: &[u8], mode: u32) -> Result<(), LabError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(path).map_err(LabError::io("creating", path))?;
    file.write_all(contents)
        .map_err(LabError::io("writing", path))
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("plain data with paths that were checked to be text")
}

pub(crate) fn make_private(path: &Path) -> Result<(), LabError> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(LabError::io("creating", path))
}

/// Logs contain what strangers sent: only what can be printed is.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    let printable = |line: &&str| line.chars().filter(|c| !c.is_control()).take(300).collect();
    last.iter()
        .map(printable)
        .collect::<Vec<String>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path());
        assert!(!dir.is_one());
        let config = LabConfig::new("t", 1, "/bin/true");
        let notes = vec!["a note".into()];
        dir.fill(&Charter {
            config: config.clone(),
            notes: notes.clone(),
        })
        .unwrap();
        let charter = dir.charter().unwrap();
        assert!(dir.is_one());
        assert_eq!((charter.config, charter.notes), (config, notes));
        assert_eq!(dir.supervisor().unwrap(), None);
        let this = Identity::of_this_process().unwrap();
        dir.sign(&this).unwrap();
        assert_eq!(dir.supervisor().unwrap(), Some(this));
    }

    #[test]
    fn nodes_are_where_their_storage_is() {
        let dir = RunDir::new("/run/labs/t");
        let config = LabConfig::new("t", 1, "/bin/true");
        assert_eq!(dir.node(&config, "n1"), Path::new("/run/labs/t/memory/n1"));
        let config = config.storage(Storage::Disk);
        assert_eq!(
            dir.node(&config, "n1"),
            Path::new("/var/lib/schism/labs/t/n1")
        );
    }

    #[test]
    fn a_tail_is_short_and_harmless() {
        assert_eq!(tail("1\n2\n\n3\n4\n5\n\u{1b}[2J6\n"), "2\n3\n4\n5\n[2J6");
    }
}
