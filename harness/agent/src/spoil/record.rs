//! What undo needs, on disk before anything is damaged: which pieces, what was there, and what was put there.

use std::{
    fs::{self, DirBuilder, File},
    io::{ErrorKind, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::answer::Failure;

/// The list, as JSON. A record without it was never finished, and its damage never done.
const PIECES: &str = "pieces.json";
/// The bytes of all pieces one after the other, before and after.
const BYTES: &str = "bytes";

/// A place of a file that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) file: PathBuf,
    pub(super) at: u64,
    pub(super) before: Vec<u8>,
    /// As long as `before`; or empty, and the file ends here.
    pub(super) after: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    file: PathBuf,
    at: u64,
    before: u64,
    after: u64,
}

/// Writes it down. There must be none of this name.
pub(super) fn save(record: &Path, pieces: &[Piece]) -> Result<(), Failure> {
    if let Some(parent) = record.parent() {
        fs::create_dir_all(parent).map_err(Failure::io("creating", parent))?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(record)
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure(format!(
                "{} exists: undo what is recorded there first",
                record.display()
            )),
            _ => Failure::io("creating", record)(error),
        })?;
    let saved = write(record, pieces);
    if saved.is_err() {
        remove(record)?;
    }
    saved
}

fn write(record: &Path, pieces: &[Piece]) -> Result<(), Failure> {
    let lines: Vec<Line> = pieces
        .iter()
        .map(|piece| Line {
            file: piece.file.clone(),
            at: piece.at,
            before: piece.before.len() as u64,
            after: piece.after.len() as u64,
        })
        .collect();
    let bytes: Vec<&[u8]> = pieces
        .iter()
        .flat_map(|piece| [&piece.before[..], &piece.after[..]])
        .collect();
    durably(&record.join(BYTES), &bytes)?;
    let text = serde_json::to_vec(&lines)
        .map_err(|error| Failure(format!("a file's name cannot be written down: {error}")))?;
    let (new, list) = (record.join("new"), record.join(PIECES));
    durably(&new, &[&text])?;
    fs::rename(&new, &list).map_err(Failure::io("creating", &list))?;
    // The names, too, and that of the directory itself.
    for directory in [Some(record), record.parent()].into_iter().flatten() {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(Failure::io("syncing", directory))?;
    }
    Ok(())
}

fn durably(path: &Path, parts: &[&[u8]]) -> Result<(), Failure> {
    let write = || {
        let mut file = std::io::BufWriter::new(File::create(path)?);
        for part in parts {
            file.write_all(part)?;
        }
        file.into_inner()?.sync_all()
    };
    write().map_err(Failure::io("writing", path))
}

/// What was written down; nothing if there is no record, or it was never finished.
pub(super) fn load(record: &Path) -> Result<Vec<Piece>, Failure> {
    let list = record.join(PIECES);
    let text = match fs::read(&list) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.map_err(Failure::io("reading", &list))?,
    };
    let lines: Vec<Line> = serde_json::from_slice(&text)
        .map_err(|error| Failure(format!("reading {}: {error}", list.display())))?;
    let path = record.join(BYTES);
    let mut bytes = File::open(&path).map_err(Failure::io("opening", &path))?;
    let mut take = |length: u64| {
        let mut part = Vec::new();
        match (&mut bytes).take(length).read_to_end(&mut part) {
            Ok(read) if read as u64 == length => Ok(part),
            Ok(_) => Err(Failure(format!("{} is too short", path.display()))),
            Err(error) => Err(Failure::io("reading", &path)(error)),
        }
    };
    let piece = |line: Line| {
        Ok(Piece {
            file: line.file,
            at: line.at,
            before: take(line.before)?,
            after: take(line.after)?,
        })
    };
    lines.into_iter().map(piece).collect()
}

/// Forgets it, with the directories above it that are empty now.
pub(super) fn remove(record: &Path) -> Result<(), Failure> {
    // The list first: bytes without a list are a record that was never finished.
    let list = record.join(PIECES);
    match fs::remove_file(&list) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Failure::io("removing", &list)(error));
        }
        _ => {}
    }
    match fs::remove_dir_all(record) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Failure::io("removing", record)(error));
        }
        _ => {}
    }
    if let Some(parent) = record.parent() {
        // Others' records may be there, and then it stays.
        let _ = fs::remove_dir(parent);
    }
    Ok(())
}
