//! All of a run as one archive, packed while it is sent.
//!
//! A thread walks the folder and packs; what it made waits in a short queue until it is taken, and the thread with it. So the
//! memory is the same for a run of a kilobyte and of a terabyte, and when the reader goes the queue closes and the thread ends.
//! No link is followed or packed: folders are walked by their descriptors, and what is neither file nor folder is left out.
//! A file that grows meanwhile is packed as long as it was when its turn came.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use axum::{
    body::{Body, Bytes},
    extract::{self, State},
    http::header,
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use tokio::sync::mpsc;

use super::{Server, busy, not_found};
use crate::flow::blocking;

/// How much is handed over at a time.
const CHUNK: usize = 64 * 1024;
/// How many of those may wait.
const WAITING: usize = 4;
/// How deep folders may be nested; ours are three deep.
const DEEPEST: usize = 16;
const SUFFIX: &str = ".tar.gz";

/// Packs one.
pub(super) async fn download(
    State(server): State<Arc<Server>>,
    extract::Path(name): extract::Path<String>,
) -> Response {
    let Some(id) = name.strip_suffix(SUFFIX).map(str::to_owned) else {
        return not_found();
    };
    let Ok(place) = Arc::clone(&server.downloads).try_acquire_owned() else {
        return busy("Other archives are being packed; try again in a moment.");
    };
    let Some(run) = blocking(move || server.run(&id)).await else {
        return not_found();
    };
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}{SUFFIX}\"", run.id),
        ),
    ];
    let (send, taken) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut queue = Queue {
            send,
            chunk: Vec::with_capacity(CHUNK),
        };
        let packed = pack(&run.path, &run.id, &mut queue).and_then(|()| queue.flush());
        // An archive that was not finished must not look like one that was.
        if let Err(error) = packed {
            let _ = queue.send.blocking_send(Err(error));
        }
    });
    let body = Body::from_stream(futures::stream::unfold(taken, |mut taken| async move {
        Some((taken.recv().await?, taken))
    }));
    (headers, body).into_response()
}

/// What was packed and not yet taken.
struct Queue {
    send: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl Write for Queue {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..n]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let sent = self.send.blocking_send(Ok(chunk.into()));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Packs a folder under a name, its entries in the order of their names.
fn pack(folder: &Path, name: &str, out: impl Write) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = openat(rustix::fs::CWD, folder, flags, Mode::empty())?;
    let mut archive = tar::Builder::new(GzEncoder::new(out, Compression::fast()));
    add_folder(&mut archive, &root, name, DEEPEST)?;
    archive.into_inner()?.finish()?;
    Ok(())
}

fn add_folder(
    archive: &mut tar::Builder<impl Write>,
    folder: &OwnedFd,
    path: &str,
    deeper: usize,
) -> io::Result<()> {
    archive.append_data(
        &mut entry(tar::EntryType::Directory, 0o755, 0, folder)?,
        format!("{path}/"),
        io::empty(),
    )?;
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // Hidden ones are not yet whole; what is not text is none of ours.
        if !name.starts_with('.') && !name.contains(char::REPLACEMENT_CHARACTER) {
            names.push(name);
        }
    }
    names.sort_unstable();
    for name in names {
        let Ok(stat) = statat(folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let path = format!("{path}/{name}");
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if deeper > 0 => {
                let inner = openat(
                    folder.as_fd(),
                    name.as_str(),
                    flags | OFlags::DIRECTORY,
                    Mode::empty(),
                )?;
                add_folder(archive, &inner, &path, deeper - 1)?;
            }
            FileType::RegularFile => {
                let file = openat(folder.as_fd(), name.as_str(), flags, Mode::empty())?;
                add_file(archive, file, &path)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn add_file(archive: &mut tar::Builder<impl Write>, file: OwnedFd, path: &str) -> io::Result<()> {
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let mut header = entry(tar::EntryType::Regular, 0o644, size, &file)?;
    let mut contents = Exactly {
        file: File::from(file),
        left: size,
    };
    archive.append_data(&mut header, path, &mut contents)
}

/// A header that says nothing of this machine's users.
fn entry(kind: tar::EntryType, mode: u32, size: u64, of: &OwnedFd) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(u64::try_from(fstat(of)?.st_mtime).unwrap_or_default());
    Ok(header)
}

/// As many bytes of a file as its header promised. One that shrank spoils the archive, and that must show.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        let n = self.file.read(&mut buf[..most])?;
        if n == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, os::unix::fs::symlink};

    use flate2::read::GzDecoder;

    use super::*;

    fn unpacked(bytes: &[u8]) -> BTreeMap<String, (tar::EntryType, Vec<u8>)> {
        let mut archive = tar::Archive::new(GzDecoder::new(bytes));
        let entries = archive.entries().unwrap();
        let read = entries.map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            assert_eq!(
                (entry.header().uid().unwrap(), entry.header().gid().unwrap()),
                (0, 0)
            );
            (path, (entry.header().entry_type(), contents))
        });
        read.collect()
    }

    #[test]
    fn files_are_packed_as_they_are_and_links_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("run");
        fs::create_dir_all(run.join("nodes/n1")).unwrap();
        fs::write(dir.path().join("secret.txt"), "secret").unwrap();
        let big: Vec<u8> = (0..300_000_u32)
            .flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes())
            .collect();
        fs::write(run.join("history.jsonl"), &big).unwrap();
        fs::write(run.join("nodes/n1/db.log"), "").unwrap();
        let long = "n".repeat(180);
        fs::write(run.join("nodes").join(&long), "long").unwrap();
        fs::write(run.join(".state.json.1.1"), "half").unwrap();
        symlink("../secret.txt", run.join("out.txt")).unwrap();
        symlink("..", run.join("up")).unwrap();
        let mut packed = Vec::new();
        pack(&run, "20261121T024512Z-k3f9", &mut packed).unwrap();
        let there = unpacked(&packed);
        let files: BTreeMap<&str, &[u8]> = there
            .iter()
            .filter(|(_, (kind, _))| kind.is_file())
            .map(|(path, (_, bytes))| (path.as_str(), bytes.as_slice()))
            .collect();
        let long = format!("20261121T024512Z-k3f9/nodes/{long}");
        assert_eq!(
            files,
            BTreeMap::from([
                ("20261121T024512Z-k3f9/history.jsonl", big.as_slice()),
                ("20261121T024512Z-k3f9/nodes/n1/db.log", b"".as_slice()),
                (long.as_str(), b"long".as_slice()),
            ])
        );
        assert!(
            there
                .values()
                .all(|(kind, _)| kind.is_file() || kind.is_dir())
        );
    }

    #[test]
    fn a_folder_that_is_a_link_is_not_packed() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/etc", dir.path().join("run")).unwrap();
        assert!(pack(&dir.path().join("run"), "run", io::sink()).is_err());
    }

    #[test]
    fn a_file_that_shrank_is_an_error_and_one_that_grew_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "12345").unwrap();
        for (promised, good) in [(4, true), (5, true), (6, false)] {
            let mut read = Exactly {
                file: File::open(&path).unwrap(),
                left: promised,
            };
            let copied = io::copy(&mut read, &mut io::sink());
            assert_eq!(copied.is_ok(), good, "{promised}");
        }
    }
}
