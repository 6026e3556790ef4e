//! One file: its image in memory over its content on the disk, and what takes the one to the other.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    time::{Duration, SystemTime},
};

use rand::Rng;
use rustix::{
    fd::BorrowedFd,
    fs::{self, OFlags, Timespec, Timestamps, UTIME_OMIT},
};

use super::{
    image::{Change, Image},
    nodes::by_descriptor,
    survival::{Survive, survivors},
};

/// A file that is open, or has changes that the disk does not have.
pub(super) struct Content {
    image: Image,
    disk: File,
    writable: bool,
    /// When it was last changed, while the disk does not know.
    changed: Option<SystemTime>,
    /// How often it is open.
    pub(super) opens: u64,
}

/// What a power loss did to a file.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Loss {
    /// Changes that are gone.
    pub(super) changes: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Bytes that reached the disk although they were not synced.
    pub(super) kept: u64,
}

impl Content {
    /// Of the file that `at` stands for.
    pub(super) fn open(at: BorrowedFd<'_>, writable: bool) -> io::Result<Self> {
        let disk = reopen(at, writable)?;
        Ok(Self {
            image: Image::new(disk.metadata()?.len()),
            disk,
            writable,
            changed: None,
            opens: 0,
        })
    }

    /// Makes sure that it can be changed.
    pub(super) fn writable(&mut self, at: BorrowedFd<'_>) -> io::Result<()> {
        if !self.writable {
            self.disk = reopen(at, true)?;
            self.writable = true;
        }
        Ok(())
    }

    /// Its size, as processes see it.
    pub(super) fn size(&self) -> u64 {
        self.image.size()
    }
    /// When it was last changed, if the disk does not know.
    pub(super) fn changed(&self) -> Option<SystemTime> {
        self.changed
    }
    /// Forgets when it was changed: somebody has set it.
    pub(super) fn time_was_set(&mut self) {
        self.changed = None;
    }
    /// Whether the disk has all that can be seen.
    pub(super) fn is_clean(&self) -> bool {
        self.image.is_clean()
    }

    /// How many bytes memory holds that the disk is to have.
    pub(super) fn held(&self) -> u64 {
        self.image.unsynced().iter().map(Change::bytes).sum()
    }

    /// Reads as much as there is.
    pub(super) fn read(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        self.image
            .read(at, len, |at, out| read_at(&self.disk, at, out))
    }

    /// Changes it, in memory only; how many bytes it now holds there in addition.
    pub(super) fn change(&mut self, change: Change) -> u64 {
        let bytes = change.bytes();
        self.image.change(change);
        self.changed = Some(SystemTime::now());
        bytes
    }

    /// Writes to the disk what it does not have; how many bytes memory no longer holds. The disk's own cache is left to
    /// [`Content::disk`]: a caller may wait for it without keeping others from the file.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        let bytes = self.held();
        for change in self.image.unsynced() {
            apply(&self.disk, change)?;
        }
        if let Some(changed) = self.changed.take() {
            set_modified(&self.disk, changed)?;
        }
        self.image.synced();
        Ok(bytes)
    }

    /// What a sync that failed for good leaves; how many bytes memory no longer has to write.
    pub(super) fn forget(&mut self) -> u64 {
        let bytes = self.held();
        self.image.forget();
        bytes
    }

    /// The power fails: what can be seen is what the disk has. How many bytes memory no longer holds, and what was lost.
    pub(super) fn lose(&mut self, how: Survive, rng: &mut impl Rng) -> io::Result<(u64, Loss)> {
        let (log, bytes) = (self.image.unsynced(), self.held());
        let kept = survivors(log, how, rng);
        let kept_bytes = kept.iter().map(Change::bytes).sum();
        let loss = Loss {
            changes: (log.len() as u64).saturating_sub(kept.len() as u64),
            bytes: bytes - kept_bytes,
            kept: kept_bytes,
        };
        for change in &kept {
            apply(&self.disk, change)?;
        }
        self.image = Image::new(self.disk.metadata()?.len());
        self.changed = None;
        Ok((bytes, loss))
    }

    /// Another handle on the file on the disk, to wait for the disk's own cache.
    pub(super) fn disk(&self) -> io::Result<File> {
        self.disk.try_clone()
    }
}

fn reopen(at: BorrowedFd<'_>, writable: bool) -> io::Result<File> {
    let mode = if writable {
        OFlags::RDWR
    } else {
        OFlags::RDONLY
    };
    let path = by_descriptor(at);
    Ok(File::from(fs::open(
        path,
        mode | OFlags::CLOEXEC,
        fs::Mode::empty(),
    )?))
}

/// Fills the buffer; with zeros where the disk has less.
fn read_at(disk: &File, at: u64, out: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < out.len() {
        match disk.read_at(&mut out[done..], at + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    out[done..].fill(0);
    Ok(())
}

fn apply(disk: &File, change: &Change) -> io::Result<()> {
    match change {
        Change::Write { at, data } => disk.write_all_at(data, *at),
        Change::Resize { to } => disk.set_len(*to),
        Change::Zero { at, len } => zero(disk, *at, *len),
    }
}

/// Zeros within the file: a hole where the disk's filesystem can have one.
fn zero(disk: &File, at: u64, len: u64) -> io::Result<()> {
    use rustix::{fs::FallocateFlags, io::Errno};
    if len == 0 {
        return Ok(());
    }
    match fs::fallocate(
        disk,
        FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE,
        at,
        len,
    ) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let end = (at + len).min(disk.metadata()?.len());
            let zeros = vec![0; 64 * 1024];
            let mut here = at;
            while here < end {
                let n = (end - here).min(zeros.len() as u64);
                disk.write_all_at(&zeros[..n as usize], here)?;
                here += n;
            }
            Ok(())
        }
        other => Ok(other?),
    }
}

fn set_modified(disk: &File, when: SystemTime) -> io::Result<()> {
    let since = when
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let omit = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let modified = Timespec {
        tv_sec: since.as_secs() as i64,
        tv_nsec: i64::from(since.subsec_nanos()),
    };
    let times = Timestamps {
        last_access: omit,
        last_modification: modified,
    };
    Ok(fs::futimens(disk, &times)?)
}
