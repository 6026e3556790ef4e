//! What a lab is to be: how many nodes, where they keep their data, how long it lives. Parsed once, here; everything
//! below trusts it.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    str::FromStr,
};

use control::Node;
use serde::{Deserialize, Serialize};

use crate::LabError;

/// Where labs keep their state unless told otherwise; one directory per lab.
pub const LABS: &str = "/run/schism/labs";
/// Where nodes keep their data when it is to be on a real disk; one directory per lab. Not below `/run`, which is memory
/// on most machines.
pub(crate) const STORES: &str = "/var/lib/schism/labs";
/// The most nodes that one lab has.
pub const MAX_NODES: u8 = 50;
/// How long the name of a lab may be.
const MAX_NAME: usize = 40;

/// What writes of a node land on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// The disk: an fsync costs what it costs. For realism.
    Disk,
    /// Memory that vanishes with the lab. For speed.
    Tmpfs,
}

impl FromStr for Storage {
    type Err = LabError;

    fn from_str(word: &str) -> Result<Self, LabError> {
        match word {
            "disk" => Ok(Self::Disk),
            "tmpfs" => Ok(Self::Tmpfs),
            _ => Err(LabError::Config {
                reason: format!("storage {word:?} is neither `disk` nor `tmpfs`"),
            }),
        }
    }
}

/// What a lab is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabConfig {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,
    /// How many nodes, from 1 to [`MAX_NODES`].
    pub nodes: u8,
    /// Its run directory: state, keys, logs. Created by `up`, removed by `down`.
    pub dir: PathBuf,
    /// What writes of a node land on.
    pub storage: Storage,
    /// Where the nodes' data are if `storage` is [`Storage::Disk`]. Created by `up`, removed by `down`: a directory of
    /// the lab's own, not below any other lab's.
    pub store: PathBuf,
    /// Whether it dies with its owner, however that one dies. Otherwise it lives until `down`.
    pub owned: bool,
    /// The program that is started again as the lab's own processes: its hidden modes `node lab-supervisor …` and
    /// `node lab-init …` call [`supervisor_main`](crate::supervisor_main) and [`node_init_main`](crate::node_init_main).
    pub exe: PathBuf,
}

impl LabConfig {
    /// The usual: memory, detached, in the usual places.
    pub fn new(name: impl Into<String>, nodes: u8, exe: impl Into<PathBuf>) -> Self {
        let name = name.into();
        Self {
            dir: Path::new(LABS).join(&name),
            store: Path::new(STORES).join(&name),
            name,
            nodes,
            storage: Storage::Tmpfs,
            owned: false,
            exe: exe.into(),
        }
    }

    /// The same, dying with its owner.
    pub fn owned(mut self) -> Self {
        self.owned = true;
        self
    }

    /// The same, on this storage.
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Its nodes: n1 to nN.
    pub fn members(&self) -> Vec<Node> {
        (1..=self.nodes)
            .map(|i| Node::new(node_name(i), address(i).to_string()))
            .collect()
    }

    /// The number of a node of this lab: 3 for `n3`.
    pub(crate) fn number(&self, node: &str) -> Result<u8, LabError> {
        (1..=self.nodes)
            .find(|&i| node_name(i) == node)
            .ok_or_else(|| LabError::NoSuchNode {
                lab: self.name.clone(),
                node: node.to_owned(),
                nodes: self.nodes,
            })
    }

    /// Whether it can be made at all.
    pub(crate) fn validate(&self) -> Result<(), LabError> {
        check_name(&self.name)?;
        // The kernel's limit for the address of a Unix socket is 107 bytes; one lies in the run directory.
        if self.dir.as_os_str().len() > 90 {
            return Err(LabError::Config {
                reason: format!("dir {}: at most 90 bytes are possible", self.dir.display()),
            });
        }
        let refuse = |reason: String| Err(LabError::Config { reason });
        if !(1..=MAX_NODES).contains(&self.nodes) {
            return refuse(format!(
                "{} nodes asked for: 1 to {MAX_NODES} are possible",
                self.nodes
            ));
        }
        for (what, path) in [
            ("dir", &self.dir),
            ("store", &self.store),
            ("exe", &self.exe),
        ] {
            // The kernel takes the overlay's directories as one string, separated by commas and colons.
            let plain = path
                .to_str()
                .is_some_and(|p| !p.contains([',', ':', '\\', '\n']));
            if !path.is_absolute() || !plain || path.parent().is_none() {
                return refuse(format!(
                    "{what} {}: an absolute path without comma, colon or backslash is needed",
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

/// Whether this can be the name of a lab: it becomes part of paths.
pub(crate) fn check_name(name: &str) -> Result<(), LabError> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
        return Err(LabError::Config {
            reason: format!(
                "lab name {name:?}: 1 to {MAX_NAME} lower-case letters, digits and dashes are needed"
            ),
        });
    }
    Ok(())
}

/// The name of a node: `n3`.
pub(crate) fn node_name(number: u8) -> String {
    format!("n{number}")
}

/// The address of a node. The network exists in the lab's namespaces only, so every lab has the same one.
pub(crate) fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, number)
}

/// The address of the side from which a lab is controlled.
pub(crate) const CONTROL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_lab_is_possible() {
        LabConfig::new("default", 5, "/usr/bin/schism")
            .validate()
            .unwrap();
    }

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for name in ["", "..", "a/b", "Default", "a b", &"a".repeat(41)] {
            let refused = LabConfig::new(name, 1, "/bin/x").validate().unwrap_err();
            assert!(
                refused.to_string().contains("lab name"),
                "{name}: {refused}"
            );
        }
    }

    #[test]
    fn impossible_sizes_and_paths_are_refused_with_the_limits() {
        let refusal = |config: LabConfig| config.validate().unwrap_err().to_string();
        assert!(refusal(LabConfig::new("a", 0, "/bin/x")).contains("1 to 50"));
        assert!(refusal(LabConfig::new("a", 51, "/bin/x")).contains("1 to 50"));
        assert!(refusal(LabConfig::new("a", 1, "bin/x")).contains("exe bin/x"));
        let mut comma = LabConfig::new("a", 1, "/bin/x");
        comma.store = "/data/a,b".into();
        assert!(refusal(comma).contains("store /data/a,b"));
    }

    #[test]
    fn members_are_numbered_from_one_and_found_by_name() {
        let config = LabConfig::new("a", 2, "/bin/x");
        assert_eq!(
            config.members(),
            [Node::new("n1", "10.77.0.1"), Node::new("n2", "10.77.0.2")]
        );
        assert_eq!(config.number("n2").unwrap(), 2);
        let unknown = config.number("n3").unwrap_err().to_string();
        assert_eq!(unknown, "no node n3 in lab a: it has n1 to n2");
    }
}
