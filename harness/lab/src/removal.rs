//! Taking run directories into use, and removing what dead labs left: by whoever comes across it, one at a time, and never
//! anything that is not a lab's.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use crate::{
    LabError,
    process::Identity,
    rundir::{CHARTER, MARKER, RunDir, make_private},
};

/// How long others may be busy with a lab: longer than it takes one to come up or to fail.
const LOCK: Duration = Duration::from_secs(40);

/// Whose a run directory is now.
pub(crate) enum Claim {
    /// Ours, empty, and locked.
    Ours(File),
    /// A living lab's.
    Taken(Identity),
}

impl RunDir {
    /// Makes it, or makes it empty if a dead lab left it, for a new lab with this store.
    pub(crate) fn claim(&self, store: &Path) -> Result<Claim, LabError> {
        let parent = self.path().parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(LabError::io("creating", parent))?;
        let deadline = Instant::now() + LOCK;
        loop {
            match make_private(self.path()) {
                Err(LabError::Io { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            let Some(lock) = self.lock()? else { continue };
            if let Some(supervisor) = self.supervisor()? {
                return Ok(Claim::Taken(supervisor));
            }
            if !self.is_one() && is_empty(self.path())? {
                self.remove_store(store)?;
                return Ok(Claim::Ours(lock));
            }
            self.remove()?;
            if Instant::now() > deadline {
                return Err(self.locked());
            }
        }
    }

    /// Locks it; `None` if there is none. Labs come and go under this lock. It is on the directory itself: no file of a
    /// lock stays behind.
    pub(crate) fn lock(&self) -> Result<Option<File>, LabError> {
        let deadline = Instant::now() + LOCK;
        loop {
            let file = match File::open(self.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                file => file.map_err(LabError::io("opening", self.path()))?,
            };
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
                && self.is_still(&file)?
            {
                return Ok(Some(file));
            }
            if Instant::now() > deadline {
                return Err(self.locked());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Removes everything that a dead lab left, and never anything else: a directory without a charter must be empty, and
    /// nothing may be mounted below. The charter goes last, so that who is interrupted can begin again. For who has the
    /// lock.
    pub(crate) fn remove(&self) -> Result<(), LabError> {
        let dir = self.path();
        if self.is_one() {
            self.remove_store(&self.charter()?.config.store)?;
            refuse_mounts(dir)?;
            let entries = fs::read_dir(dir).map_err(LabError::io("reading", dir))?;
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    gone(fs::remove_dir_all(&path), &path)?;
                } else if !path.ends_with(CHARTER) {
                    gone(fs::remove_file(&path), &path)?;
                }
            }
            let charter = dir.join(CHARTER);
            gone(fs::remove_file(&charter), &charter)?;
        }
        match fs::remove_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Err(LabError::Config {
                    reason: format!(
                        "{} is there already and is not a lab's: move it away",
                        dir.display()
                    ),
                })
            }
            removed => gone(removed, dir),
        }
    }

    /// Removes what this lab has on disk, if it is there. Also for those whose run directory, in memory, did not survive a
    /// restart of the machine.
    fn remove_store(&self, store: &Path) -> Result<(), LabError> {
        match fs::read(store.join(MARKER)) {
            Ok(owner) if owner == self.path().as_os_str().as_bytes() => {
                refuse_mounts(store)?;
                gone(fs::remove_dir_all(store), store)
            }
            _ => Ok(()),
        }
    }

    /// Whether the directory at the path is the one that was opened: a lock on a removed one protects nothing.
    fn is_still(&self, file: &File) -> Result<bool, LabError> {
        let opened = file
            .metadata()
            .map_err(LabError::io("looking at", self.path()))?;
        let present = fs::metadata(self.path());
        Ok(present
            .is_ok_and(|present| (present.dev(), present.ino()) == (opened.dev(), opened.ino())))
    }

    fn locked(&self) -> LabError {
        LabError::Deadline {
            what: format!(
                "waiting for another process that is busy with {}",
                self.path().display()
            ),
            after: LOCK,
        }
    }
}

fn is_empty(path: &Path) -> Result<bool, LabError> {
    let mut entries = fs::read_dir(path).map_err(LabError::io("reading", path))?;
    Ok(entries.next().is_none())
}

/// To remove what is mounted would be to remove someone's data.
fn refuse_mounts(path: &Path) -> Result<(), LabError> {
    let info = "/proc/self/mountinfo";
    let mounts = fs::read(info).map_err(LabError::io("reading", info))?;
    match mount_points(&mounts).find(|mount| mount.starts_with(path)) {
        Some(mount) => Err(LabError::Io {
            what: "will not remove what is still mounted:",
            path: mount,
            source: io::ErrorKind::ResourceBusy.into(),
        }),
        None => Ok(()),
    }
}

/// The end of a removal. What was gone already is gone.
fn gone(removed: io::Result<()>, path: &Path) -> Result<(), LabError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LabError::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}

/// The fifth field of every line of proc_pid_mountinfo(5), with its octal escapes undone.
fn mount_points(mountinfo: &[u8]) -> impl Iterator<Item = PathBuf> {
    mountinfo.split(|&b| b == b'\n').filter_map(|line| {
        let field = line.split(|&b| b == b' ').nth(4)?;
        let (mut bytes, mut rest) = (Vec::new(), field);
        while let [first, tail @ ..] = rest {
            let octal = tail.get(..3).filter(|_| *first == b'\\');
            let escaped = octal.and_then(|d| u8::from_str_radix(str::from_utf8(d).ok()?, 8).ok());
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &tail[3..] } else { tail };
        }
        Some(PathBuf::from(OsString::from_vec(bytes)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LabConfig, Storage, rundir::Charter};

    /// A dead lab on disk.
    fn dead(temp: &Path) -> (RunDir, PathBuf) {
        let mut config = LabConfig::new("t", 1, "/bin/true").storage(Storage::Disk);
        config.dir = temp.join("labs/t");
        config.store = temp.join("stores/t");
        let (dir, store) = (RunDir::new(&config.dir), config.store.clone());
        assert!(matches!(dir.claim(&store), Ok(Claim::Ours(_))));
        dir.fill(&Charter {
            config,
            notes: vec![],
        })
        .unwrap();
        fs::write(store.join("data"), "...").unwrap();
        (dir, store)
    }

    #[test]
    fn what_a_dead_lab_left_is_removed() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, store) = dead(temp.path());
        dir.remove().unwrap();
        assert!(!dir.path().exists() && !store.exists());
        dir.remove().unwrap();
    }

    #[test]
    fn the_directory_of_a_dead_lab_can_be_claimed_and_that_of_a_living_one_cannot() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, store) = dead(temp.path());
        let claim = dir.claim(&store).unwrap();
        assert!(
            matches!(claim, Claim::Ours(_)) && is_empty(dir.path()).unwrap() && !store.exists()
        );
        drop(claim);
        let this = Identity::of_this_process().unwrap();
        dir.sign(&this).unwrap();
        assert!(matches!(dir.claim(&store), Ok(Claim::Taken(who)) if who == this));
    }

    #[test]
    fn a_lock_is_had_by_one_and_not_on_what_was_removed() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, _) = dead(temp.path());
        let first = dir.lock().unwrap().unwrap();
        let waiting = thread::spawn({
            let dir = dir.clone();
            move || dir.lock().unwrap().is_some()
        });
        dir.remove().unwrap();
        drop(first);
        assert!(!waiting.join().unwrap());
        assert!(dir.lock().unwrap().is_none());
    }

    #[test]
    fn a_store_is_found_again_without_its_run_directory() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, store) = dead(temp.path());
        fs::remove_dir_all(dir.path()).unwrap();
        let other = RunDir::new(temp.path().join("labs/other"));
        other.claim(&store).unwrap();
        assert!(store.exists());
        dir.claim(&store).unwrap();
        assert!(!store.exists());
    }

    #[test]
    fn directories_that_are_not_a_labs_are_neither_used_nor_removed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("precious"));
        let thesis = dir.path().join("thesis");
        fs::create_dir(dir.path()).unwrap();
        fs::write(&thesis, "...").unwrap();
        assert!(
            dir.remove()
                .unwrap_err()
                .to_string()
                .contains("is not a lab's")
        );
        assert!(dir.claim(dir.path()).is_err());
        assert!(thesis.exists());

        let (lab, store) = dead(temp.path());
        fs::remove_file(store.join(MARKER)).unwrap();
        lab.remove().unwrap();
        assert!(store.join("data").exists());
    }

    #[test]
    fn mount_points_are_found_whatever_their_names() {
        let info =
            b"21 1 0:20 / /proc rw - proc proc rw\n22 1 0:21 / /a\\040b\\134c rw - tmpfs t rw\n";
        let found: Vec<PathBuf> = mount_points(info).collect();
        assert_eq!(found, [PathBuf::from("/proc"), PathBuf::from("/a b\\c")]);
    }

    #[test]
    fn what_is_mounted_is_not_removed() {
        // Every machine has something mounted below these.
        assert!(refuse_mounts(Path::new("/proc")).is_err());
        assert!(refuse_mounts(Path::new("/")).is_err());
        refuse_mounts(Path::new("/usr/share/doc")).unwrap();
    }
}
