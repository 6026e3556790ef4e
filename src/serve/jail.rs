//! From the path of a request to an open file that is certainly in the folder.
//!
//! Three fences. A path is decoded once and must then be plain names: nothing empty, hidden, climbing, and no separator, NUL
//! or other control character that was encoded ([`parse`]). It must name one of few files of the folder, or something in a
//! run: who serves a home folder by mistake shows runs and nothing else ([`Jail::file`]). And the kernel walks the rest of
//! it below the run's own descriptor (`openat2` with `RESOLVE_BENEATH`), so that a link that leads out of the run is refused
//! at the moment at which it would be followed, whoever changes the folder meanwhile. Where the kernel has no `openat2`, or a
//! sandbox forbids it, no link is followed at all: each part is opened from the one before.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use runner::store::is_run_id;
use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2},
    io::Errno,
};

/// How long a path may be.
const LONGEST: usize = 1024;
/// What lies beside the runs and is shown.
const BESIDE: [&str; 2] = ["index.jsonl", "TRACK_RECORD.md"];

/// A folder that nothing leads out of.
#[derive(Debug)]
pub(super) struct Jail {
    root: OwnedFd,
}

impl Jail {
    /// Of this folder.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(rustix::fs::CWD, root, flags, Mode::empty())?;
        Ok(Self { root })
    }

    /// A regular file of a run, `CASE/FAULTS/RUN/…`, or one of those beside the runs; `None` for whatever else is or is not there.
    pub(super) fn file(&self, names: &[String]) -> Option<File> {
        // Not waiting: to open a pipe would mean to wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match names {
            [name] if BESIDE.contains(&name.as_str()) => step_by_step(&self.root, names, flags),
            [_, _, run, _, ..] if is_run_id(run) => {
                let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let run = step_by_step(&self.root, &names[..3], folder).ok()?;
                beneath(&run, &names[3..], flags)
            }
            _ => return None,
        };
        let file = file.ok()?;
        let kind = FileType::from_raw_mode(fstat(&file).ok()?.st_mode);
        (kind == FileType::RegularFile).then(|| File::from(file))
    }
}

/// Opens what is below a folder; links are followed while they stay there.
fn beneath(folder: &OwnedFd, names: &[String], flags: OFlags) -> io::Result<OwnedFd> {
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(folder, names.join("/"), flags, Mode::empty(), within) {
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(folder, names, flags),
        opened => Ok(opened?),
    }
}

/// The same without following any link.
fn step_by_step(folder: &OwnedFd, names: &[String], flags: OFlags) -> io::Result<OwnedFd> {
    let (last, folders) = names.split_last().ok_or(io::ErrorKind::NotFound)?;
    let mut at = folder.try_clone()?;
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for name in folders {
        at = openat(at.as_fd(), name.as_str(), step, Mode::empty())?;
    }
    let flags = flags | OFlags::NOFOLLOW;
    Ok(openat(at.as_fd(), last.as_str(), flags, Mode::empty())?)
}

/// The names in a path as it was sent: `/a/b%20c`. `None` if it is anything but plain names.
pub(super) fn parse(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/').filter(|p| p.len() <= LONGEST)?;
    path.split('/').map(name).collect()
}

fn name(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                (digit(rest.next())? * 16 + digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    // Hidden ones are locks, and what is not yet whole.
    (!name.is_empty() && !name.starts_with('.') && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_path_is_plain_names_or_nothing() {
        let names = |path| parse(path).map(|names| names.join("|"));
        for (path, wanted) in [
            ("/a", "a"),
            ("/a/b%20c/d.txt", "a|b c|d.txt"),
            ("/a/%64.txt", "a|d.txt"),
            ("/a/%252e%252e", "a|%2e%2e"),
            ("/%E2%9C%93", "✓"),
        ] {
            assert_eq!(names(path).as_deref(), Some(wanted), "{path}");
        }
        for path in [
            "",
            "/",
            "a",
            "//a",
            "/a//b",
            "/a/",
            "/..",
            "/a/../b",
            "/a/..",
            "/./a",
            "/%2e%2e/a",
            "/%2E%2e/a",
            "/.%2e/a",
            "/a%2fb",
            "/a%2f..%2fb",
            "/..%2f",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%00.html",
            "/%0a",
            "/%7f",
            "/%",
            "/%2",
            "/%zz",
            "/%ff",
            "/%c0%ae%c0%ae/a",
            "/.index.lock",
            "/a/.hidden",
            "/%c2%85",
        ] {
            assert_eq!(names(path), None, "{path}");
        }
        assert_eq!(parse(&format!("/{}", "a".repeat(LONGEST + 1))), None);
    }

    #[test]
    fn no_link_leads_out_of_a_run_and_only_files_are_files() {
        const RUN: &str = "a/b/20261121T024512Z-k3f9";
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("runs"), dir.path().join("secret.txt"));
        let run = root.join(RUN);
        fs::create_dir_all(run.join("nodes")).unwrap();
        fs::create_dir_all(root.join("a/b/notes")).unwrap();
        fs::write(&outside, "secret").unwrap();
        for place in ["a/b/notes/x", "private.txt", "a/private.txt", "index.jsonl"] {
            fs::write(root.join(place), "beside").unwrap();
        }
        fs::write(run.join("in.txt"), "inside").unwrap();
        symlink("../../../../secret.txt", run.join("out.txt")).unwrap();
        symlink(&outside, run.join("absolute.txt")).unwrap();
        symlink("../../../private.txt", run.join("beside.txt")).unwrap();
        symlink(dir.path(), run.join("up")).unwrap();
        symlink("../in.txt", run.join("nodes/in.txt")).unwrap();
        symlink(
            "20261121T024512Z-k3f9",
            root.join("a/b/20261121T024512Z-link"),
        )
        .unwrap();
        symlink("loop", run.join("loop")).unwrap();
        symlink("/proc/self/root", run.join("magic")).unwrap();
        symlink(&outside, root.join("TRACK_RECORD.md")).unwrap();
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, run.join("pipe"), FileType::Fifo, mode, 0).unwrap();
        let jail = Jail::open(&root).unwrap();
        let read = |path: &str| {
            let mut text = String::new();
            let mut file = jail.file(&parse(path)?)?;
            file.read_to_string(&mut text).unwrap();
            Some(text)
        };
        for path in [
            "out.txt",
            "absolute.txt",
            "beside.txt",
            "up/secret.txt",
            "loop",
            "magic/etc/passwd",
            "pipe",
            "nodes",
            "missing",
            "in.txt/x",
        ] {
            assert_eq!(read(&format!("/{RUN}/{path}")), None, "{path}");
        }
        let secret = outside.display().to_string();
        for path in [
            "/a",
            "/a/b",
            "/a/private.txt",
            "/private.txt",
            "/a/b/notes/x",
            "/TRACK_RECORD.md",
            "/a/b/20261121T024512Z-link/in.txt",
            &format!("/{RUN}"),
            &secret,
        ] {
            assert_eq!(read(path), None, "{path}");
        }
        assert_eq!(read(&format!("/{RUN}/in.txt")).as_deref(), Some("inside"));
        assert_eq!(read("/index.jsonl").as_deref(), Some("beside"));
        // A link that stays in its run is followed by the kernel, and by nobody where every step is our own.
        let own = |path: &str| {
            let names = parse(&format!("/{RUN}/{path}")).unwrap();
            step_by_step(&jail.root, &names, OFlags::RDONLY | OFlags::NONBLOCK).is_ok()
        };
        assert!(own("in.txt"));
        for path in ["nodes/in.txt", "up/secret.txt", "out.txt"] {
            assert!(!own(path), "{path}");
        }
    }
}
