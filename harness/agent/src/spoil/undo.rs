//! Putting back what was damaged, and nothing else.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use super::{
    files,
    layout::Chunk,
    record::{self, Piece},
};
use crate::answer::Failure;

/// How a piece is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// As it was.
    Whole,
    /// As we left it.
    Damaged,
    /// Written since, or gone with its file.
    Neither,
}

/// Restores what is still as it was left, and forgets the record.
pub(super) fn undo(record: &Path) -> Result<String, Failure> {
    let pieces = record::load(record)?;
    let (mut restored, mut written) = (0_usize, 0_usize);
    for piece in &pieces {
        let Some(file) = files::open(&piece.file)? else {
            written += 1;
            continue;
        };
        match now(&file, piece)? {
            Now::Whole => {}
            Now::Neither => written += 1,
            Now::Damaged => {
                put(&file, piece, &piece.before)?;
                restored += 1;
            }
        }
    }
    record::remove(record)?;
    Ok(format!(
        "{restored} pieces restored, {written} left alone since they were written or removed meanwhile"
    ))
}

/// How many pieces are as they were left.
pub(super) fn status(record: &Path) -> Result<String, Failure> {
    let mut damaged = 0_usize;
    for piece in record::load(record)? {
        if let Some(file) = files::open(&piece.file)? {
            damaged += usize::from(now(&file, &piece)? == Now::Damaged);
        }
    }
    Ok(damaged.to_string())
}

/// How a piece of a file is now.
pub(super) fn now(file: &File, piece: &Piece) -> Result<Now, Failure> {
    // One byte more than there was at most: what follows a cut must be nothing.
    let beyond = u64::from(piece.after.is_empty());
    let chunk = Chunk {
        start: piece.at,
        end: piece.at + piece.before.len() as u64 + beyond,
    };
    let there = files::read(file, &piece.file, chunk)?;
    let size = file
        .metadata()
        .map_err(Failure::io("looking at", &piece.file))?
        .len();
    Ok(if there == piece.before {
        Now::Whole
    } else if there == piece.after && (beyond == 0 || size == piece.at) {
        Now::Damaged
    } else {
        Now::Neither
    })
}

/// Writes bytes where the piece is, durably.
pub(super) fn put(file: &File, piece: &Piece, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        if bytes.is_empty() {
            file.set_len(piece.at)?;
        } else {
            file.write_all_at(bytes, piece.at)?;
        }
        file.sync_all()
    };
    write().map_err(Failure::io("writing", &piece.file))
}
