//! The mount's life: a daemon of its own, mounted over the directory whose content it shows, known by that directory's
//! name. Unmounting works whether or not the daemon still lives, and leaves nothing.

use std::{
    fs::File,
    io,
    os::unix::{ffi::OsStrExt, net::UnixListener, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use fuser::{Config, MountOption, Session, SessionACL};
use rustix::{
    fs::{Mode, OFlags},
    mount::{UnmountFlags, unmount},
    process::{Resource, Rlimit, getrlimit, setrlimit, setsid, umask},
};

use super::{
    control::{self, Answer, Request},
    filesystem::Fuse,
    state::State,
};

const HOME: &str = "/run/schism";
/// What the mount is called in the list of mounts.
const SOURCE: &str = "schism-fuse";
/// How long a mount may take to come up, and its daemon to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests that can wait at once, where a rule makes them late.
const THREADS: usize = 16;

/// What goes wrong with mounts.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{what}: {why}")]
    Io { what: String, why: io::Error },
    #[error("{0} is not mounted by `schism node fuse mount`")]
    NotMounted(PathBuf),
    #[error("this node cannot mount FUSE filesystems: {0}")]
    NoFuse(String),
    #[error("the filesystem over {dir} did not come up: {log}")]
    Down { dir: PathBuf, log: String },
    #[error("{0}")]
    Refused(String),
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |why| Error::Io { what, why }
}

/// Where a mount over a directory has its socket and its log.
pub(super) struct Place {
    /// The directory, without links in its path.
    pub(super) dir: PathBuf,
    home: PathBuf,
}

impl Place {
    /// Of the mount over this directory, which need not be there (any more).
    pub(super) fn of(dir: &Path) -> Result<Self, Error> {
        let dir = std::path::absolute(dir).map_err(io_error(format!("{}", dir.display())))?;
        // The name's last part may be a mount that is dead, and cannot be looked at; what is above it can.
        let dir = match (dir.parent().map(Path::canonicalize), dir.file_name()) {
            (Some(Ok(parent)), Some(name)) => parent.join(name),
            _ => dir.components().collect(),
        };
        let name: String = dir
            .as_os_str()
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        // A socket's path is short (unix(7)), and two directories may differ in what is replaced.
        let tail = &name[name.len().saturating_sub(40)..];
        let home = Path::new(HOME).join(format!(
            "fuse{tail}-{:08x}",
            fnv(dir.as_os_str().as_bytes())
        ));
        Ok(Self { dir, home })
    }

    fn socket(&self) -> PathBuf {
        self.home.join("socket")
    }
    fn log(&self) -> PathBuf {
        self.home.join("log")
    }
    fn owner(&self) -> PathBuf {
        self.home.join("owner")
    }

    /// Asks the daemon for something.
    pub(super) fn ask(&self, request: &Request) -> Result<Answer, Error> {
        match control::ask(&self.socket(), request) {
            Ok(Answer::Error(why)) => Err(Error::Refused(why)),
            Ok(answer) => Ok(answer),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(Error::NotMounted(self.dir.clone()))
            }
            Err(e) => Err(io_error(format!(
                "the filesystem over {} does not answer",
                self.dir.display()
            ))(e)),
        }
    }

    /// How many of our mounts lie over the directory: none, or one.
    fn mounts(&self) -> Result<usize, Error> {
        let all =
            std::fs::read("/proc/self/mountinfo").map_err(io_error("/proc/self/mountinfo"))?;
        let ours = |line: &&[u8]| {
            let mut words = line.split(|b| *b == b' ');
            let here = words
                .nth(4)
                .is_some_and(|p| unescape(p) == self.dir.as_os_str().as_bytes());
            // After the separator: type, source, options (proc_pid_mountinfo(5)).
            let source = words.skip_while(|w| *w != b"-").nth(2);
            here && source == Some(SOURCE.as_bytes())
        };
        Ok(all.split(|b| *b == b'\n').filter(ours).count())
    }
}

/// Whether filesystems can be mounted here; why not.
pub(super) fn check() -> Result<(), Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NoFuse("it takes root".into()));
    }
    match File::options().read(true).write(true).open("/dev/fuse") {
        Ok(_) => Ok(()),
        Err(e) => Err(Error::NoFuse(format!("/dev/fuse: {e}"))),
    }
}

/// Mounts a filesystem over a directory, unless that is done, and returns once it works.
/// `owner` is for [`mounted`] to know it by.
pub(super) fn mount(dir: &Path, most: u64, owner: &str) -> Result<(), Error> {
    check()?;
    let place = Place::of(dir)?;
    if place.mounts()? > 0 {
        if place.ask(&Request::Stats).is_ok() {
            return Ok(());
        }
        unmount_at(&place)?;
    }
    std::fs::create_dir_all(&place.dir).map_err(io_error(format!("{}", place.dir.display())))?;
    std::fs::create_dir_all(&place.home).map_err(io_error(format!("{}", place.home.display())))?;
    let _ = std::fs::remove_file(place.socket());
    std::fs::write(place.owner(), owner)
        .map_err(io_error(format!("{}", place.owner().display())))?;
    let log = File::create(place.log()).map_err(io_error(format!("{}", place.log().display())))?;
    let program = std::env::current_exe().map_err(io_error("this program's own path"))?;
    let mut daemon = Command::new(program)
        .args(["node", "fuse", "serve", "--most", &most.to_string()])
        .arg(&place.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map_err(io_error("this program cannot be started once more"))?;
    let until = Instant::now() + PATIENCE;
    loop {
        if place.ask(&Request::Stats).is_ok() {
            return Ok(());
        }
        let ended = daemon.try_wait().ok().flatten().is_some();
        if ended || Instant::now() > until {
            let _ = daemon.kill();
            let _ = daemon.wait();
            let log = std::fs::read_to_string(place.log()).unwrap_or_default();
            unmount_at(&place)?;
            return Err(Error::Down {
                dir: place.dir,
                log: log.trim().to_owned(),
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a filesystem that this owner has mounted is over a directory, dead or alive.
pub(super) fn mounted(dir: &Path, owner: &str) -> Result<bool, Error> {
    let place = Place::of(dir)?;
    let theirs = std::fs::read_to_string(place.owner()).is_ok_and(|o| o == owner);
    Ok(theirs && place.mounts()? > 0)
}

/// Is the filesystem over a directory until that is unmounted and nobody uses it any more.
pub(super) fn serve(dir: &Path, most: u64) -> Result<(), Error> {
    let place = Place::of(dir)?;
    let named = |what: &Path| io_error(format!("{}", what.display()));
    // It already leads its group, and is then in our session: no harm.
    let _ = setsid();
    umask(Mode::empty());
    let files = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: files,
            maximum: files,
        },
    );

    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::open(&place.dir, flags, Mode::empty())
        .map_err(io::Error::from)
        .map_err(named(&place.dir))?;
    let state = Arc::new(State::new(top, most).map_err(named(&place.dir))?);
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(SOURCE.into()),
        MountOption::DefaultPermissions,
        MountOption::NoAtime,
    ];
    config.acl = SessionACL::All;
    config.n_threads = Some(THREADS);
    let listener = UnixListener::bind(place.socket()).map_err(named(&place.socket()))?;
    let session = Session::new(Fuse::new(state.clone()), &place.dir, &config)
        .map_err(io_error(format!("mounting over {}", place.dir.display())))?;
    let kernel = session.notifier();
    // Detached: it ends with the process.
    std::thread::spawn(move || control::serve(&listener, &state, &kernel));
    session.run().map_err(io_error(format!(
        "the filesystem over {}",
        place.dir.display()
    )))
}

/// Unmounts what is over a directory. What was not synced is on the disk then, as after an orderly shutdown, if the daemon
/// lives; processes that have files open there can go on with those.
pub(super) fn unmount_dir(dir: &Path) -> Result<(), Error> {
    unmount_at(&Place::of(dir)?)
}

fn unmount_at(place: &Place) -> Result<(), Error> {
    let mounted = place.mounts()? > 0;
    if mounted {
        // A dead daemon has nothing left to give.
        let _ = place.ask(&Request::HoldNothing);
    }
    while place.mounts()? > 0 {
        unmount(&place.dir, UnmountFlags::DETACH)
            .map_err(io::Error::from)
            .map_err(io_error(format!("unmounting {}", place.dir.display())))?;
    }
    match std::fs::remove_dir_all(&place.home) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(io_error(format!("{}", place.home.display()))(e));
        }
        _ => {}
    }
    // Others of ours may have theirs there.
    let _ = std::fs::remove_dir(HOME);
    Ok(())
}

/// A path as the kernel writes it, with the octal escapes taken back.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, tail @ ..] = rest {
        let octal = tail.get(..3).and_then(|d| std::str::from_utf8(d).ok());
        match octal.and_then(|d| u8::from_str_radix(d, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                out.push(byte);
                rest = &tail[3..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// FNV-1a, 32 bits.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart_and_fit_a_socket() {
        let long = format!("/var/lib/{}", "x/".repeat(100));
        let home = |dir: &str| Place::of(Path::new(dir)).unwrap().socket();
        assert!(home(&long).as_os_str().len() < 108);
        assert_ne!(home("/no/a-b"), home("/no/a/b"));
        assert_eq!(home("/no/such/"), home("/no/such"));
    }

    #[test]
    fn escapes_in_the_list_of_mounts_are_taken_back() {
        assert_eq!(unescape(br"/a\040b\134c"), br"/a b\c");
        assert_eq!(unescape(br"/a\04"), br"/a\04");
    }
}
