//! The links of one node, and what is cut. The cuts are a file, `cuts.json`, in the node's directory: fault id → the peers
//! from which the node hears nothing. The node looks at the file (one stat(2)) whenever a message arrives, so a cut is in
//! force as soon as the file is there, outlives a kill, and binds what arrived while the node was paused.
//!
//! A message from a cut peer is dropped as a packet filter would drop it: read, counted, and never answered. That goes for
//! requests, and for the peer's answers to our own requests, which are packets from the peer too. What the node *sends*
//! still leaves: a cut works in one direction.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::layout;

/// What the node's clients are called where peers are named.
pub(crate) const CLIENTS: &str = "clients";

/// Fault → the names of those it silences.
pub(crate) type Cuts = BTreeMap<String, BTreeSet<String>>;

/// What tells one version of the file from another: inode, size and both times to the nanosecond.
type Version = Option<[i64; 6]>;

/// The receiving end of a node.
#[derive(Debug)]
pub(crate) struct Links {
    file: PathBuf,
    cache: Mutex<(Version, Arc<Cuts>)>,
    dropped: Mutex<BTreeMap<String, u64>>,
}

impl Links {
    /// Those of the node whose directory this is.
    pub(crate) fn new(node_dir: &Path) -> Self {
        Self {
            file: node_dir.join("cuts.json"),
            cache: Mutex::default(),
            dropped: Mutex::default(),
        }
    }
    /// Whether a message that just arrived from `peer` is to be dropped. If so, it is counted.
    pub(crate) fn drops(&self, peer: &str) -> bool {
        let cuts = self.cuts();
        let mut any = false;
        for (fault, _) in cuts.iter().filter(|(_, peers)| peers.contains(peer)) {
            any = true;
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            *dropped.entry(fault.clone()).or_default() += 1;
        }
        any
    }
    /// How many messages each fault made us drop since this process started.
    pub(crate) fn dropped(&self) -> BTreeMap<String, u64> {
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.clone()
    }

    fn cuts(&self) -> Arc<Cuts> {
        let version: Version = fs::metadata(&self.file).ok().map(|m| {
            [
                m.ino() as i64,
                m.size() as i64,
                m.mtime(),
                m.mtime_nsec(),
                m.ctime(),
                m.ctime_nsec(),
            ]
        });
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.0 != version {
            // The file is replaced, never changed, so what can be read is whole.
            if let Ok(cuts) = layout::load::<Cuts>(&self.file) {
                *cache = (version, Arc::new(cuts.unwrap_or_default()));
            }
        }
        cache.1.clone()
    }
}

/// What is cut at the node whose directory this is.
pub(crate) fn read(node_dir: &Path) -> io::Result<Cuts> {
    Ok(layout::load(&node_dir.join("cuts.json"))?.unwrap_or_default())
}

/// Changes what is cut. Several processes may do so at once: they take turns.
pub(crate) fn edit(node_dir: &Path, change: impl FnOnce(&mut Cuts)) -> io::Result<()> {
    let turn = File::create(node_dir.join("cuts.lock"))?;
    turn.lock()?;
    let mut cuts = read(node_dir)?;
    change(&mut cuts);
    layout::save(&node_dir.join("cuts.json"), &cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_in_force_at_once_and_overlapping_faults_heal_apart() {
        let dir = tempfile::tempdir().unwrap();
        let links = Links::new(dir.path());
        assert!(!links.drops("n2"));
        let cut = |fault: &str, peer: &str| {
            edit(dir.path(), |cuts| {
                cuts.entry(fault.into()).or_default().insert(peer.into());
            })
            .unwrap();
        };
        cut("f1", "n2");
        cut("f2", "n2");
        cut("f2", CLIENTS);
        assert!(links.drops("n2") && links.drops(CLIENTS) && !links.drops("n3"));
        edit(dir.path(), |cuts| drop(cuts.remove("f2"))).unwrap();
        assert!(links.drops("n2") && !links.drops(CLIENTS));
        edit(dir.path(), |cuts| drop(cuts.remove("f1"))).unwrap();
        assert!(!links.drops("n2"));
        let counts = BTreeMap::from([("f1".to_owned(), 2), ("f2".to_owned(), 2)]);
        assert_eq!(links.dropped(), counts);
    }
}
