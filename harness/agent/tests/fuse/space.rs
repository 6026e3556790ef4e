//! Mount, process and network namespaces of a test's own, which end with it, however it ends.
#![expect(clippy::print_stdout, reason = "a test that did not run must say so")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::PROGRAM;

/// The first process; the others are looked at through it.
const INIT: &str = "mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip link set lo up && : >/run/up && exec sleep 600";

pub(crate) struct Space {
    outer: Child,
    root: PathBuf,
    dir: tempfile::TempDir,
}

/// How a command ended, and what it printed.
pub(crate) struct Ended {
    pub(crate) ok: bool,
    pub(crate) out: String,
}

impl Space {
    /// With a filesystem over an empty directory; `None` where such tests cannot run.
    pub(crate) fn mounted(programs: &[&str]) -> Option<Self> {
        let space = Self::new(programs)?;
        space.fuse("mount", &[]);
        Some(space)
    }

    /// With an empty directory.
    pub(crate) fn new(programs: &[&str]) -> Option<Self> {
        let has = |p: &&str| {
            let which = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
            which.iter().any(|d| Path::new(d).join(p).exists())
        };
        let root = rustix::process::geteuid().is_root();
        let all = programs
            .iter()
            .chain(&["unshare", "nsenter", "setpriv", "ip"]);
        let missing: Vec<_> = all.filter(|p| !has(p)).collect();
        if !root || !missing.is_empty() || !Path::new("/dev/fuse").exists() {
            let why = format!("root: {root}, missing: {missing:?}, or no /dev/fuse");
            assert!(
                std::env::var_os("SCHISM_REQUIRE_ROOT").is_none(),
                "this test must run here, and cannot: {why}"
            );
            println!("\n!!! NOT RUN: {why}\n");
            return None;
        }
        // On a disk, as data is.
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        let words =
            "--pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc sh -c";
        let outer = Command::new("setpriv")
            .args(words.split(' '))
            .arg(INIT)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let children = format!("/proc/{0}/task/{0}/children", outer.id());
        let mut root = PathBuf::new();
        eventually("the namespaces exist", || {
            let inner = std::fs::read_to_string(&children).unwrap_or_default();
            root = PathBuf::from(format!("/proc/{}/root", inner.trim()));
            !inner.trim().is_empty() && root.join("run/up").exists()
        });
        Some(Self { outer, root, dir })
    }

    /// The directory, as it is known inside.
    pub(crate) fn dir(&self) -> String {
        self.dir.path().join("data").to_str().unwrap().to_owned()
    }
    /// A file in it, as it is reached from here.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let inside = self.dir.path().strip_prefix("/").unwrap();
        self.root.join(inside).join("data").join(name)
    }
    /// What a file holds; empty if there is none.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
    /// Writes a file; synced if that is wanted.
    pub(crate) fn write(&self, name: &str, text: &str, synced: bool) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        if synced {
            file.sync_all().unwrap();
        }
    }

    /// A program inside.
    pub(crate) fn inside(&self, words: &[&str]) -> Command {
        let inner = self.root.parent().unwrap().file_name().unwrap();
        let mut command = Command::new("nsenter");
        command.arg("-t").arg(inner).args(["-m", "-p", "-n", "--"]);
        command.args(words).stdin(Stdio::null());
        command
    }
    /// Runs a program inside to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        let output = self.inside(words).output().unwrap();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        Ended {
            ok: output.status.success(),
            out: format!("{}{}", text(&output.stdout), text(&output.stderr))
                .trim()
                .to_owned(),
        }
    }
    /// Does something to the filesystem, which must succeed; what it printed.
    #[track_caller]
    pub(crate) fn fuse(&self, verb: &str, more: &[&str]) -> String {
        let dir = self.dir();
        let words = [&[PROGRAM, "node", "fuse", verb, &dir], more].concat();
        let ended = self.run(&words);
        assert!(ended.ok, "{verb} {more:?}: {}", ended.out);
        ended.out
    }
    /// Lets the power fail; how many bytes were lost.
    pub(crate) fn lose(&self, more: &[&str]) -> u64 {
        let lost: Value = serde_json::from_str(&self.fuse("lose", more)).unwrap();
        lost["bytes"].as_u64().unwrap()
    }
    pub(crate) fn stats(&self) -> Value {
        serde_json::from_str(&self.fuse("stats", &[])).unwrap()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // `setpriv` has become `unshare`, and `unshare` takes all others with it.
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
