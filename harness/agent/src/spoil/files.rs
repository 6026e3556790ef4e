//! The files that are meant, in an order that does not depend on the file system's mood.

use std::{
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{layout::Chunk, request::Request};
use crate::answer::Failure;

/// All regular files that the request names. One that vanishes meanwhile is none.
pub(super) fn named(request: &Request) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in &request.paths {
        let kind = fs::symlink_metadata(path).map_err(Failure::io("looking at", path))?;
        if kind.is_dir() {
            below(path, &request.ending, &mut found)?;
        } else if kind.is_file() {
            found.push(path.clone());
        } else {
            let path = path.display();
            return Err(Failure(format!("{path} is neither a file nor a directory")));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn below(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = || Failure::io("reading", directory);
    for entry in fs::read_dir(directory).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            below(&entry.path(), ending, found)?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().ends_with(ending) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Opens a file for reading and writing; `None` if it is gone, or something else has taken its place.
pub(super) fn open(path: &Path) -> Result<Option<File>, Failure> {
    // Never to wait for the other end of a pipe, if that is what it has become.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Ok(None);
        }
        opened => opened.map_err(Failure::io("opening", path))?,
    };
    let kind = file.metadata().map_err(Failure::io("looking at", path))?;
    Ok(kind.is_file().then_some(file))
}

/// The bytes of a chunk, or as many as there are.
pub(super) fn read(file: &File, path: &Path, chunk: Chunk) -> Result<Vec<u8>, Failure> {
    let size = usize::try_from(chunk.end - chunk.start).expect("a chunk fits into memory");
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        let at = chunk.start + filled as u64;
        match file.read_at(&mut bytes[filled..], at) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::io("reading", path)(error)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
