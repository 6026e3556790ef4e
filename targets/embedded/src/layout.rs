//! Where things are: the cluster's directory and the file in it that every process of the cluster reads.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How the store replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Raft: linearizable reads, writes and compare-and-set through a leader, as long as a majority is connected.
    Consensus,
    /// No leader: a read asks `r` replicas, a write waits for `w`, and the last write by wall clock wins. There is no
    /// compare-and-set: last-write-wins has nothing to compare with.
    Quorum {
        /// How many replicas a read asks, the node that was asked included.
        r: usize,
        /// How many replicas have a write before it is acknowledged, the node that was asked included.
        w: usize,
    },
}

/// `cluster.json`: what every process of a cluster must know. Readable by its owner only, for the token's sake.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Whoever knows it may speak as a node.
    pub(crate) token: String,
    pub(crate) mode: Mode,
    pub(crate) members: Vec<Member>,
}

/// A node, and where it serves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) port: u16,
}

impl Layout {
    /// A new one; ports are filled in by the guard.
    pub(crate) fn new(mode: Mode, nodes: usize) -> io::Result<Self> {
        let mut random = [0_u8; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let member = |i| Member {
            name: format!("n{i}"),
            port: 0,
        };
        Ok(Self {
            token: random.iter().map(|b| format!("{b:02x}")).collect(),
            mode,
            members: (1..=nodes).map(member).collect(),
        })
    }
    pub(crate) fn load(dir: &Path) -> io::Result<Self> {
        load(&dir.join("cluster.json"))?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
    pub(crate) fn save(&self, dir: &Path) -> io::Result<()> {
        save(&dir.join("cluster.json"), self)
    }
    /// Which member has this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|m| m.name == name)
    }
}

/// The directory of one node.
pub(crate) fn node_dir(dir: &Path, node: &str) -> PathBuf {
    dir.join(node)
}

/// Reads a small JSON file; `None` if there is no such file.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Writes a small JSON file, complete or not at all.
pub(crate) fn save<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    fs::rename(beside, path)
}
