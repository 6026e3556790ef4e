//! The filesystem as the kernel asks for it (fuse(4); libfuse's `fuse_lowlevel.h` says what each request means). Names,
//! modes, owners and times go to the disk at once; what files hold and how long they are goes through `state`.
//!
//! The kernel keeps its page cache, and writes through it: a read of what was just written costs no request, and a mapping
//! sees what is written with write(2), as etcd's bbolt needs it. It checks permissions and locks itself.
//!
//! Longer than most files here: it is one trait with a method a request, and they are of a few lines each.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fuser::{
    BsdFileFlags, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::{
    fs::{
        self, AtFlags, FallocateFlags, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT,
    },
    io::Errno as OsError,
};

use super::{
    image::Change,
    nodes::{self, Node, by_descriptor},
    rules::Op,
    state::State,
};

/// How long the kernel may believe what it was told: nobody changes anything behind its back, and after a power loss it is
/// told to ask again.
const BELIEVE: Duration = Duration::from_secs(60);
/// The most that the kernel hands over at once.
const WRITE: u32 = 1 << 20;

type Entry = (u64, FileType, OsString);

/// The filesystem.
pub(super) struct Fuse {
    state: Arc<State>,
    lists: Mutex<HashMap<u64, Arc<Vec<Entry>>>>,
    next: AtomicU64,
}

impl Fuse {
    /// Over this state.
    pub(super) fn new(state: Arc<State>) -> Self {
        Self {
            state,
            lists: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    fn node(&self, id: INodeNo) -> io::Result<Arc<Node>> {
        self.state.nodes.get(id)
    }

    fn entry(&self, parent: &Node, name: &OsStr) -> io::Result<(Arc<Node>, FileAttr)> {
        let node = self.state.nodes.find(parent, name)?;
        match node.attributes() {
            Ok(attributes) => Ok((node, attributes)),
            Err(e) => {
                self.state.forget(INodeNo(node.id), 1);
                Err(e)
            }
        }
    }

    /// Makes something new of this name, and gives it to who asked.
    fn make(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        make: impl FnOnce(&Node) -> Result<(), OsError>,
    ) -> io::Result<(Arc<Node>, FileAttr)> {
        let parent = self.node(parent)?;
        let path = || {
            format!(
                "{}/{}",
                self.state.nodes.path(&parent),
                name.to_string_lossy()
            )
        };
        self.state
            .rules
            .strike(Op::Create, || path().trim_start_matches('/').to_owned())?;
        make(&parent)?;
        if req.uid() != 0 || req.gid() != 0 {
            nodes::owned_by(&parent, name, req.uid(), req.gid())?;
        }
        self.entry(&parent, name)
    }

    fn opened(&self, node: &Node, flags: OpenFlags) -> io::Result<()> {
        self.state.with_content(node, |content| {
            if flags.acc_mode() != OpenAccMode::O_RDONLY {
                content.writable(node.at())?;
            }
            content.opens += 1;
            Ok(())
        })
    }

    fn reserve(&self, ino: INodeNo, at: u64, len: u64, mode: i32) -> io::Result<()> {
        let node = self.node(ino)?;
        let mode = FallocateFlags::from_bits_retain(mode as u32);
        let keep = mode.contains(FallocateFlags::KEEP_SIZE);
        let what = mode.difference(FallocateFlags::KEEP_SIZE);
        let zeros = match what {
            FallocateFlags::PUNCH_HOLE | FallocateFlags::ZERO_RANGE => true,
            none if none.is_empty() => false,
            _ => return Err(OsError::OPNOTSUPP.into()),
        };
        let end = at.checked_add(len).ok_or(OsError::FBIG)?;
        if !keep && end > self.state.with_content(&node, |c| Ok(c.size()))? {
            self.state
                .change(&node, Change::Resize { to: end }, false)?;
        }
        if zeros {
            self.state.change(&node, Change::Zero { at, len }, false)?;
        }
        Ok(())
    }
}

fn times(atime: Option<TimeOrNow>, mtime: Option<TimeOrNow>) -> Timestamps {
    let one = |time: Option<TimeOrNow>| match time {
        None => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        Some(TimeOrNow::Now) => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
        Some(TimeOrNow::SpecificTime(time)) => {
            let (sec, nsec) = match time.duration_since(UNIX_EPOCH) {
                Ok(d) => (d.as_secs() as i64, d.subsec_nanos()),
                // Before 1970: nanoseconds still count forward.
                Err(e) => {
                    let back = e.duration();
                    let up = i64::from(back.subsec_nanos() > 0);
                    let nanos = (1_000_000_000 - back.subsec_nanos()) % 1_000_000_000;
                    (-(back.as_secs() as i64) - up, nanos)
                }
            };
            Timespec {
                tv_sec: sec,
                tv_nsec: i64::from(nsec),
            }
        }
    };
    Timestamps {
        last_access: one(atime),
        last_modification: one(mtime),
    }
}

fn reply_entry(result: io::Result<(Arc<Node>, FileAttr)>, reply: ReplyEntry) {
    match result {
        Ok((_, attributes)) => reply.entry(&BELIEVE, &attributes, Generation(0)),
        Err(e) => reply.error(e.into()),
    }
}

fn reply_empty(result: io::Result<()>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e.into()),
    }
}

fn reply_attributes(result: io::Result<FileAttr>, reply: ReplyAttr) {
    match result {
        Ok(attributes) => reply.attr(&BELIEVE, &attributes),
        Err(e) => reply.error(e.into()),
    }
}

fn durable(flags: OpenFlags) -> bool {
    OFlags::from_bits_retain(flags.0 as u32).intersects(OFlags::SYNC | OFlags::DSYNC)
}

impl Filesystem for Fuse {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // What a kernel does not offer, it does without.
        let _ = config.set_max_write(WRITE);
        let _ = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        let _ = config.add_capabilities(InitFlags::FUSE_ASYNC_DIO);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.node(parent).and_then(|p| self.entry(&p, name));
        reply_entry(found, reply);
    }

    fn forget(&self, _: &Request, ino: INodeNo, times: u64) {
        self.state.forget(ino, times);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply_attributes(self.node(ino).and_then(|n| n.attributes()), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = || {
            let node = self.node(ino)?;
            if let Some(mode) = mode {
                // chmod(2) cannot be asked of what stands for a file, but of its other name.
                fs::chmod(by_descriptor(node.at()), Mode::from_raw_mode(mode & 0o7777))?;
            }
            if uid.is_some() || gid.is_some() {
                let (uid, gid) = (uid.map(fs::Uid::from_raw), gid.map(fs::Gid::from_raw));
                fs::chownat(node.at(), "", uid, gid, AtFlags::EMPTY_PATH)?;
            }
            if let Some(to) = size {
                self.state.change(&node, Change::Resize { to }, false)?;
            }
            if atime.is_some() || mtime.is_some() {
                if mtime.is_some()
                    && let Some(content) = node.content().as_mut()
                {
                    content.time_was_set();
                }
                let path = by_descriptor(node.at());
                fs::utimensat(fs::CWD, path, &times(atime, mtime), AtFlags::empty())?;
            }
            node.attributes()
        };
        reply_attributes(set(), reply);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let read = self
            .node(ino)
            .and_then(|n| Ok(fs::readlinkat(n.at(), "", Vec::new())?));
        match read {
            Ok(target) => reply.data(target.as_bytes()),
            Err(e) => reply.error(e.into()),
        }
    }

    fn mknod(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let kind = fs::FileType::from_raw_mode(mode);
        let mode = Mode::from_raw_mode(mode & 0o7777);
        let made = self.make(req, parent, name, |p| {
            fs::mknodat(p.at(), name, kind, mode, u64::from(rdev))
        });
        reply_entry(made, reply);
    }

    fn mkdir(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let mode = Mode::from_raw_mode(mode & 0o7777);
        let made = self.make(req, parent, name, |p| fs::mkdirat(p.at(), name, mode));
        reply_entry(made, reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self
            .node(parent)
            .and_then(|p| Ok(fs::unlinkat(p.at(), name, AtFlags::empty())?));
        reply_empty(done, reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let done = self
            .node(parent)
            .and_then(|p| Ok(fs::unlinkat(p.at(), name, AtFlags::REMOVEDIR)?));
        reply_empty(done, reply);
    }

    fn symlink(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let made = self.make(req, parent, name, |p| fs::symlinkat(target, p.at(), name));
        reply_entry(made, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let rename = || {
            let (from, to) = (self.node(parent)?, self.node(newparent)?);
            let flags = fs::RenameFlags::from_bits_retain(flags.bits());
            Ok(fs::renameat_with(from.at(), name, to.at(), newname, flags)?)
        };
        reply_empty(rename(), reply);
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let link = || {
            let (node, parent) = (self.node(ino)?, self.node(newparent)?);
            let old = by_descriptor(node.at());
            fs::linkat(fs::CWD, old, parent.at(), newname, AtFlags::SYMLINK_FOLLOW)?;
            self.entry(&parent, newname)
        };
        reply_entry(link(), reply);
    }

    fn create(
        &self,
        req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let mode = Mode::from_raw_mode(mode & 0o7777);
        let created = self
            .make(req, parent, name, |p| {
                let how = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                fs::openat(p.at(), name, how, mode).map(drop)
            })
            .and_then(|(node, attributes)| {
                self.opened(&node, OpenFlags(flags))?;
                Ok(attributes)
            });
        match created {
            Ok(attributes) => reply.created(
                &BELIEVE,
                &attributes,
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_KEEP_CACHE,
            ),
            Err(e) => reply.error(e.into()),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        match self.node(ino).and_then(|n| self.opened(&n, flags)) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(e) => reply.error(e.into()),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = || {
            let node = self.node(ino)?;
            self.state
                .rules
                .strike(Op::Read, || self.state.nodes.path(&node))?;
            self.state
                .with_content(&node, |c| c.read(offset, size as usize))
        };
        match read() {
            Ok(data) => reply.data(&data),
            Err(e) => reply.error(e.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _how: WriteFlags,
        flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let change = Change::Write {
            at: offset,
            data: data.into(),
        };
        let written = self
            .node(ino)
            .and_then(|n| self.state.change(&n, change, durable(flags)));
        match written {
            Ok(()) => reply.written(data.len() as u32),
            Err(e) => reply.error(e.into()),
        }
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        if let Ok(node) = self.node(ino) {
            let mut content = node.content();
            if let Some(open) = content.as_mut() {
                open.opens = open.opens.saturating_sub(1);
                if open.opens == 0 && open.is_clean() {
                    *content = None;
                }
            }
        }
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _fh: FileHandle, _data: bool, reply: ReplyEmpty) {
        reply_empty(self.node(ino).and_then(|n| self.state.sync(&n)), reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.node(ino).and_then(|n| nodes::entries(&n)) {
            Ok(entries) => {
                let handle = self.next.fetch_add(1, Ordering::Relaxed);
                let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
                lists.insert(handle, Arc::new(entries));
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(e) => reply.error(e.into()),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        // rewinddir(3) promises a fresh look.
        let fresh = (offset == 0).then(|| self.node(ino).and_then(|n| nodes::entries(&n)));
        let entries = {
            let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Ok(fresh)) = fresh {
                lists.insert(fh.0, Arc::new(fresh));
            }
            lists.get(&fh.0).cloned().unwrap_or_default()
        };
        for (i, (id, kind, name)) in entries.iter().enumerate().skip(offset as usize) {
            if reply.add(INodeNo(*id), i as u64 + 1, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.remove(&fh.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _fh: FileHandle, _data: bool, reply: ReplyEmpty) {
        let sync = || {
            let node = self.node(ino)?;
            self.state
                .rules
                .strike(Op::Sync, || self.state.nodes.path(&node))?;
            std::fs::File::open(by_descriptor(node.at()))?.sync_all()
        };
        reply_empty(sync(), reply);
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        match self.node(ino).and_then(|n| Ok(fs::fstatvfs(n.at())?)) {
            Ok(s) => reply.statfs(
                s.f_blocks,
                s.f_bfree,
                s.f_bavail,
                s.f_files,
                s.f_ffree,
                s.f_bsize as u32,
                s.f_namemax as u32,
                s.f_frsize as u32,
            ),
            Err(e) => reply.error(e.into()),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        reply_empty(self.reserve(ino, offset, length, mode), reply);
    }
}
