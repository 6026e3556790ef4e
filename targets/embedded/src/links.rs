//! The links of one node, and what is cut. The cuts are a file, `cuts.json`, in the node's directory: fault id → the peers
//! from which the node hears nothing. The node looks at the file (one stat(2)) whenever a message arrives, so a cut is in
//! force as soon as the file is there, outlives a kill, and binds what arrived while the node was paused.
//!
//! A message from a cut peer is dropped as a packet filter would drop it: read, counted, and never answered. That goes for
//! requests, and for the peer's answers to our own requests, which are packets from the peer too. What the node *sends*
//! still leaves: a cut works in one direction.
//!
//! `slow.json`, beside it, says in the same way from whom messages come late or get lost: a lost one is dropped, a late one
//! waits before anybody looks at it. What several faults ask for adds up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use control::Slow;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::layout;

/// What the node's clients are called where peers are named.
pub(crate) const CLIENTS: &str = "clients";

/// Fault → the names of those it silences.
pub(crate) type Cuts = BTreeMap<String, BTreeSet<String>>;

/// Fault → what it does to whose messages.
pub(crate) type Slows = BTreeMap<String, Slowness>;

/// What one fault does to messages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Slowness {
    /// From which it is decided whose turn it is to be lost, and how late the others are.
    pub(crate) seed: u64,
    pub(crate) peers: BTreeMap<String, Slow>,
}

/// What becomes of a message that is not cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Fate {
    Lost,
    After(Duration),
}

/// What tells one version of a file from another: inode, size and both times to the nanosecond.
type Version = Option<[i64; 6]>;

/// A file that others replace, read again when it is another one.
#[derive(Debug)]
struct Watched<T> {
    file: PathBuf,
    cache: Mutex<(Version, Arc<T>)>,
}

impl<T: Default + DeserializeOwned> Watched<T> {
    fn new(file: PathBuf) -> Self {
        Self {
            file,
            cache: Mutex::default(),
        }
    }
    fn read(&self) -> Arc<T> {
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
            if let Ok(found) = layout::load::<T>(&self.file) {
                *cache = (version, Arc::new(found.unwrap_or_default()));
            }
        }
        cache.1.clone()
    }
}

/// The receiving end of a node.
#[derive(Debug)]
pub(crate) struct Links {
    cuts: Watched<Cuts>,
    slows: Watched<Slows>,
    /// Messages whose fate was decided.
    decided: AtomicU64,
    dropped: Mutex<BTreeMap<String, u64>>,
}

impl Links {
    /// Those of the node whose directory this is.
    pub(crate) fn new(node_dir: &Path) -> Self {
        Self {
            cuts: Watched::new(node_dir.join(CUTS)),
            slows: Watched::new(node_dir.join(SLOWS)),
            decided: AtomicU64::new(0),
            dropped: Mutex::default(),
        }
    }
    /// Whether a message that just arrived from `peer` is to be dropped. If so, it is counted.
    pub(crate) fn drops(&self, peer: &str) -> bool {
        let cuts = self.cuts.read();
        let mut any = false;
        for (fault, _) in cuts.iter().filter(|(_, peers)| peers.contains(peer)) {
            any = true;
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            *dropped.entry(fault.clone()).or_default() += 1;
        }
        any
    }
    /// Whether a message from `peer` gets lost on the way, or how late it is.
    pub(crate) fn fate(&self, peer: &str) -> Fate {
        let mut late = 0.0;
        for slowness in self.slows.read().values() {
            let Some(slow) = slowness.peers.get(peer) else {
                continue;
            };
            let number = self.decided.fetch_add(1, Ordering::Relaxed);
            if 100.0 * share(slowness.seed, 2 * number) < slow.loss {
                return Fate::Lost;
            }
            let spread = 2.0 * share(slowness.seed, 2 * number + 1) - 1.0;
            late += (slow.delay as f64 + spread * slow.jitter as f64).max(0.0);
        }
        Fate::After(Duration::from_secs_f64(late / 1000.0))
    }
    /// How many messages each fault made us drop since this process started.
    pub(crate) fn dropped(&self) -> BTreeMap<String, u64> {
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.clone()
    }
}

/// The n-th number that follows from a seed, from 0 to 1 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
fn share(seed: u64, n: u64) -> f64 {
    let mut z = seed.wrapping_add((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

const CUTS: &str = "cuts.json";
const SLOWS: &str = "slow.json";

/// The faults that cut or slow down something at the node whose directory this is.
pub(crate) fn faults(node_dir: &Path) -> io::Result<BTreeSet<String>> {
    let mut faults: BTreeSet<String> = read::<Cuts>(node_dir, CUTS)?.into_keys().collect();
    faults.extend(read::<Slows>(node_dir, SLOWS)?.into_keys());
    Ok(faults)
}

/// Changes what is cut. Several processes may do so at once: they take turns.
pub(crate) fn edit(node_dir: &Path, change: impl FnOnce(&mut Cuts)) -> io::Result<()> {
    change_file(node_dir, CUTS, change)
}

/// Changes what is slow, in the same way.
pub(crate) fn edit_slow(node_dir: &Path, change: impl FnOnce(&mut Slows)) -> io::Result<()> {
    change_file(node_dir, SLOWS, change)
}

fn read<T: Default + DeserializeOwned>(node_dir: &Path, file: &str) -> io::Result<T> {
    Ok(layout::load(&node_dir.join(file))?.unwrap_or_default())
}

fn change_file<T: Default + Serialize + DeserializeOwned>(
    node_dir: &Path,
    file: &str,
    change: impl FnOnce(&mut T),
) -> io::Result<()> {
    let turn = File::create(node_dir.join("cuts.lock"))?;
    turn.lock()?;
    let mut all = read(node_dir, file)?;
    change(&mut all);
    layout::save(&node_dir.join(file), &all)
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

    #[test]
    fn messages_are_late_or_lost_as_was_said_and_faults_add_up() {
        let dir = tempfile::tempdir().unwrap();
        let links = Links::new(dir.path());
        assert_eq!(links.fate("n2"), Fate::After(Duration::ZERO));
        let slow = |fault: &str, delay, jitter, loss| {
            let peers = BTreeMap::from([(
                "n2".to_owned(),
                Slow {
                    delay,
                    jitter,
                    loss,
                },
            )]);
            edit_slow(dir.path(), |slows| {
                slows.insert(fault.to_owned(), Slowness { seed: 7, peers });
            })
            .unwrap();
        };
        slow("f1", 40, 10, 0.0);
        let late: Vec<u128> = (0..1000)
            .map(|_| match links.fate("n2") {
                Fate::After(late) => late.as_micros(),
                Fate::Lost => panic!("nothing is lost"),
            })
            .collect();
        assert!(late.iter().all(|l| (30_000..=50_000).contains(l)));
        assert!(late.iter().any(|l| *l < 32_000) && late.iter().any(|l| *l > 48_000));
        assert_eq!(links.fate("n3"), Fate::After(Duration::ZERO));
        slow("f2", 100, 0, 30.0);
        let fates: Vec<Fate> = (0..1000).map(|_| links.fate("n2")).collect();
        let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
        assert!((250..350).contains(&lost), "{lost}");
        let both = |fate: &Fate| *fate >= Fate::After(Duration::from_millis(130));
        assert!(fates.iter().filter(|f| **f != Fate::Lost).all(both));
        assert_eq!(
            faults(dir.path()).unwrap(),
            BTreeSet::from(["f1".into(), "f2".into()])
        );
        for fault in ["f1", "f2"] {
            edit_slow(dir.path(), |slows| drop(slows.remove(fault))).unwrap();
        }
        assert_eq!(links.fate("n2"), Fate::After(Duration::ZERO));
    }
}
