//! All that the filesystem knows, and what is done to it: by processes, through `filesystem`, and by us, through `control`.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use fuser::{INodeNo, Notifier};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use rustix::fd::OwnedFd;
use serde::{Deserialize, Serialize};

use super::{
    file::Content,
    image::Change,
    nodes::{Node, Nodes},
    rules::{FailedSync, Op, Rules},
    survival::Survive,
};

/// All that the filesystem knows.
pub(super) struct State {
    pub(super) nodes: Nodes,
    pub(super) rules: Rules,
    /// Bytes that the disk does not have yet.
    held: AtomicU64,
    /// How many may be held before they are written back unasked, as the operating system does when memory gets scarce.
    most: u64,
    /// Whether nothing is held any more: the mount is about to go away.
    through: AtomicBool,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    writes: AtomicU64,
    syncs: AtomicU64,
    written_back: AtomicU64,
    losses: AtomicU64,
    lost: AtomicU64,
}

/// What has happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stats {
    /// Bytes that the disk does not have now.
    pub(super) unsynced_bytes: u64,
    /// Writes.
    pub(super) writes: u64,
    /// Syncs.
    pub(super) syncs: u64,
    /// How often memory got scarce.
    pub(super) written_back: u64,
    /// How often the power has failed.
    pub(super) power_losses: u64,
    /// Bytes lost by that.
    pub(super) lost_bytes: u64,
    /// The rules in force.
    pub(super) rules: Vec<String>,
    /// How often each rule has struck.
    pub(super) struck: std::collections::BTreeMap<String, u64>,
}

/// What a power loss has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lost {
    /// Files with changes that were not synced.
    pub(super) files: u64,
    /// Their changes that are gone.
    pub(super) changes: u64,
    /// The bytes of those.
    pub(super) bytes: u64,
    /// Bytes that reached the disk although they were not synced.
    pub(super) kept_bytes: u64,
}

impl State {
    /// Over the directory that `top` stands for.
    pub(super) fn new(top: OwnedFd, most: u64) -> io::Result<Self> {
        Ok(Self {
            nodes: Nodes::new(top)?,
            rules: Rules::default(),
            held: AtomicU64::new(0),
            most,
            through: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    /// Changes a file. `durable` if the writer asked to wait for the disk.
    pub(super) fn change(&self, node: &Node, change: Change, durable: bool) -> io::Result<()> {
        self.rules.strike(Op::Write, || self.nodes.path(node))?;
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        self.with_content(node, |content| {
            content.writable(node.at())?;
            let bytes = content.change(change);
            self.held.fetch_add(bytes, Ordering::Relaxed);
            Ok(())
        })?;
        if durable {
            self.sync(node)?;
        } else if self.through.load(Ordering::Relaxed) {
            self.write_back(node)?;
        } else if self.held.load(Ordering::Relaxed) > self.most {
            self.counts.written_back.fetch_add(1, Ordering::Relaxed);
            self.write_all_back()?;
        }
        Ok(())
    }

    /// Makes a file durable, because a process asked for it.
    pub(super) fn sync(&self, node: &Node) -> io::Result<()> {
        self.counts.syncs.fetch_add(1, Ordering::Relaxed);
        if let Err(blow) = self.rules.strike(Op::Sync, || self.nodes.path(node)) {
            if blow.failed_sync == FailedSync::Forget
                && let Some(content) = node.content().as_mut()
            {
                self.held.fetch_sub(content.forget(), Ordering::Relaxed);
            }
            return Err(blow.into());
        }
        match self.write_back(node)? {
            Some(disk) => disk.sync_data(),
            None => Ok(()),
        }
    }

    /// Gives the disk what it does not have of a file; the file on the disk, to wait for the disk's own cache.
    fn write_back(&self, node: &Node) -> io::Result<Option<std::fs::File>> {
        let mut content = node.content();
        let Some(content) = content.as_mut() else {
            return Ok(None);
        };
        let synced = content.sync()?;
        self.held.fetch_sub(synced, Ordering::Relaxed);
        content.disk().map(Some)
    }

    fn write_all_back(&self) -> io::Result<()> {
        for node in self.nodes.all() {
            self.write_back(&node)?;
        }
        self.let_go();
        Ok(())
    }

    /// The kernel no longer knows this.
    pub(super) fn forget(&self, id: INodeNo, times: u64) {
        let dropped = self.nodes.forget(id, times);
        self.held.fetch_sub(dropped, Ordering::Relaxed);
    }

    /// Opens a file, or looks into it once more.
    pub(super) fn with_content<T>(
        &self,
        node: &Node,
        work: impl FnOnce(&mut Content) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut content = node.content();
        match content.as_mut() {
            Some(content) => work(content),
            None => work(content.insert(Content::open(node.at(), false)?)),
        }
    }

    /// The power fails. The kernel is told to forget what it has seen, before, so that it hands over what was written
    /// through a mapping, and after.
    pub(super) fn lose(&self, how: Survive, seed: u64, kernel: &Notifier) -> io::Result<Lost> {
        let mut nodes = self.nodes.all();
        nodes.sort_by_key(|n| n.id);
        self.invalidate(kernel);
        let mut lost = Lost::default();
        for node in &nodes {
            let mut content = node.content();
            let Some(content) = content.as_mut().filter(|c| !c.is_clean()) else {
                continue;
            };
            // Each file's own: what one lost must not depend on how many others there are.
            let mut rng = Pcg64::seed_from_u64(seed ^ node.id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let (bytes, loss) = content.lose(how, &mut rng)?;
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            lost.files += 1;
            lost.changes += loss.changes;
            lost.bytes += loss.bytes;
            lost.kept_bytes += loss.kept;
        }
        self.invalidate(kernel);
        self.let_go();
        self.counts.losses.fetch_add(1, Ordering::Relaxed);
        self.counts.lost.fetch_add(lost.bytes, Ordering::Relaxed);
        Ok(lost)
    }

    /// Makes the kernel ask again for what files hold and how long they are.
    pub(super) fn invalidate(&self, kernel: &Notifier) {
        for node in self.nodes.all() {
            // It has no such file any more: nothing to forget.
            let _ = kernel.inval_inode(INodeNo(node.id), 0, 0);
        }
    }

    /// Holds nothing back any more.
    pub(super) fn hold_nothing(&self) -> io::Result<()> {
        self.through.store(true, Ordering::SeqCst);
        self.write_all_back()
    }

    /// What has happened so far.
    pub(super) fn stats(&self) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            unsynced_bytes: read(&self.held),
            writes: read(&self.counts.writes),
            syncs: read(&self.counts.syncs),
            written_back: read(&self.counts.written_back),
            power_losses: read(&self.counts.losses),
            lost_bytes: read(&self.counts.lost),
            rules: self.rules.names(),
            struck: self.rules.struck(),
        }
    }

    /// Closes what nobody has open and the disk has all of.
    fn let_go(&self) {
        for node in self.nodes.all() {
            let mut content = node.content();
            if content
                .as_ref()
                .is_some_and(|c| c.opens == 0 && c.is_clean())
            {
                *content = None;
            }
        }
        self.nodes.sweep();
    }
}
