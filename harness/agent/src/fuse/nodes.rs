//! Which number the kernel knows a file by, and which file on the disk that is: a descriptor for each that was looked up
//! (`O_PATH`, open(2)), so that neither renames nor removals lead astray, as virtiofsd has it.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{FileAttr, FileType, INodeNo};
use rustix::{
    fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    fs::{self, AtFlags, Mode, OFlags, Stat},
    io::Errno,
};

use super::file::Content;

/// The number of the top directory.
const TOP: u64 = 1;
/// From here on numbers are ours where the disk's own would be ambiguous.
const OWN: u64 = 1 << 56;

/// A file, directory or whatever else.
pub(super) struct Node {
    /// What the kernel calls it.
    pub(super) id: u64,
    key: (u64, u64),
    at: OwnedFd,
    /// What is in it; only while it is open or has changes that the disk does not have.
    content: Mutex<Option<Content>>,
}

/// All that the kernel knows.
pub(super) struct Nodes {
    table: Mutex<Table>,
    top: PathBuf,
}

struct Table {
    nodes: HashMap<u64, (Arc<Node>, u64)>,
    ids: HashMap<(u64, u64), u64>,
    next: u64,
}

impl Node {
    /// What stands for it.
    pub(super) fn at(&self) -> BorrowedFd<'_> {
        self.at.as_fd()
    }
    /// What is in it, if that is known; nobody else has it meanwhile.
    pub(super) fn content(&self) -> MutexGuard<'_, Option<Content>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Its attributes, with the size and time that processes are to see.
    pub(super) fn attributes(&self) -> io::Result<FileAttr> {
        // In this order: a sync between the two would take the size away from one and not yet give it to the other.
        let content = self.content();
        let mut attributes = attributes(self.id, &fs::fstat(&self.at)?);
        if let Some(content) = content.as_ref() {
            attributes.size = content.size();
            if let Some(changed) = content.changed() {
                attributes.mtime = changed;
                attributes.ctime = changed;
            }
        }
        Ok(attributes)
    }
}

impl Nodes {
    /// Of the directory that `top` stands for.
    pub(super) fn new(top: OwnedFd) -> io::Result<Self> {
        let stat = fs::fstat(&top)?;
        let path = std::fs::read_link(by_descriptor(top.as_fd()))?;
        let node = Arc::new(Node {
            id: TOP,
            key: key(&stat),
            at: top,
            content: Mutex::new(None),
        });
        let ids = HashMap::from([(node.key, TOP)]);
        let nodes = HashMap::from([(TOP, (node, 1))]);
        Ok(Self {
            table: Mutex::new(Table {
                nodes,
                ids,
                next: OWN,
            }),
            top: path,
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of this number.
    pub(super) fn get(&self, id: INodeNo) -> io::Result<Arc<Node>> {
        let table = self.table();
        let (node, _) = table.nodes.get(&id.0).ok_or(Errno::STALE)?;
        Ok(node.clone())
    }

    /// All.
    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        self.table()
            .nodes
            .values()
            .map(|(n, _)| n.clone())
            .collect()
    }

    /// The one of this name in this directory; the kernel knows it once more.
    pub(super) fn find(&self, parent: &Node, name: &OsStr) -> io::Result<Arc<Node>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let at = fs::openat(parent.at(), name, flags, Mode::empty())?;
        let key = key(&fs::fstat(&at)?);
        let mut table = self.table();
        if let Some(id) = table.ids.get(&key).copied() {
            let (node, lookups) = table.nodes.get_mut(&id).expect("every number has its node");
            *lookups += 1;
            return Ok(node.clone());
        }
        let id = if key.1 > TOP && key.1 < OWN && !table.nodes.contains_key(&key.1) {
            key.1
        } else {
            table.next += 1;
            table.next
        };
        let content = Mutex::new(None);
        let node = Arc::new(Node {
            id,
            key,
            at,
            content,
        });
        table.ids.insert(key, id);
        table.nodes.insert(id, (node.clone(), 1));
        Ok(node)
    }

    /// The kernel has forgotten it so many times. What has changes that the disk does not have is kept, unless it was
    /// removed: nobody can ever see those again. How many bytes memory no longer holds.
    pub(super) fn forget(&self, id: INodeNo, times: u64) -> u64 {
        let mut table = self.table();
        let Some((node, lookups)) = table.nodes.get_mut(&id.0) else {
            return 0;
        };
        *lookups = lookups.saturating_sub(times);
        if *lookups > 0 || id.0 == TOP {
            return 0;
        }
        let node = node.clone();
        let content = node.content();
        let removed = fs::fstat(&node.at).is_ok_and(|s| s.st_nlink == 0);
        if !removed && content.as_ref().is_some_and(|c| !c.is_clean()) {
            return 0;
        }
        table.ids.remove(&node.key);
        table.nodes.remove(&id.0);
        content.as_ref().map_or(0, Content::held)
    }

    /// Lets go of those that the kernel has forgotten already, now that the disk has all of them.
    pub(super) fn sweep(&self) {
        let mut table = self.table();
        let gone: Vec<u64> = table
            .nodes
            .iter()
            .filter(|(id, (node, lookups))| {
                **id != TOP
                    && *lookups == 0
                    && node.content().as_ref().is_none_or(Content::is_clean)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            if let Some((node, _)) = table.nodes.remove(&id) {
                table.ids.remove(&node.key);
            }
        }
    }

    /// Its path from the top of the mount, as far as it has one.
    pub(super) fn path(&self, node: &Node) -> String {
        let path = std::fs::read_link(by_descriptor(node.at())).unwrap_or_default();
        let inside = path.strip_prefix(&self.top).unwrap_or(&path);
        inside.to_string_lossy().into_owned()
    }
}

/// A path by which what a descriptor stands for can be opened once more.
pub(super) fn by_descriptor(at: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", at.as_raw_fd()))
}

/// Gives what was just made to whoever asked for it; the group is the directory's where that says so (inode(7), S_ISGID).
pub(super) fn owned_by(parent: &Node, name: &OsStr, uid: u32, gid: u32) -> io::Result<()> {
    let group = fs::fstat(parent.at())?.st_mode & Mode::SGID.as_raw_mode() == 0;
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let gid = group.then(|| fs::Gid::from_raw(gid));
    Ok(fs::chownat(
        parent.at(),
        name,
        Some(fs::Uid::from_raw(uid)),
        gid,
        flags,
    )?)
}

fn key(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn attributes(id: u64, stat: &Stat) -> FileAttr {
    FileAttr {
        ino: INodeNo(id),
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        atime: time(stat.st_atime, stat.st_atime_nsec),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        crtime: SystemTime::UNIX_EPOCH,
        kind: kind(fs::FileType::from_raw_mode(stat.st_mode)),
        perm: (stat.st_mode & 0o7777) as u16,
        nlink: stat.st_nlink as u32,
        uid: stat.st_uid,
        gid: stat.st_gid,
        rdev: stat.st_rdev as u32,
        blksize: 4096,
        flags: 0,
    }
}

fn time(seconds: i64, nanos: u64) -> SystemTime {
    let nanos = Duration::from_nanos(nanos);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH - whole + nanos
    } else {
        SystemTime::UNIX_EPOCH + whole + nanos
    }
}

/// The kernel's sort of a file.
pub(super) fn kind(kind: fs::FileType) -> FileType {
    match kind {
        fs::FileType::Directory => FileType::Directory,
        fs::FileType::Symlink => FileType::Symlink,
        fs::FileType::Fifo => FileType::NamedPipe,
        fs::FileType::Socket => FileType::Socket,
        fs::FileType::CharacterDevice => FileType::CharDevice,
        fs::FileType::BlockDevice => FileType::BlockDevice,
        _ => FileType::RegularFile,
    }
}

/// Names and sorts of what is in a directory.
pub(super) fn entries(node: &Node) -> io::Result<Vec<(u64, FileType, std::ffi::OsString)>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = fs::open(by_descriptor(node.at()), flags, Mode::empty())?;
    fs::Dir::read_from(&dir)?
        .map(|entry| {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            Ok((entry.ino(), kind(entry.file_type()), name))
        })
        .collect()
}
