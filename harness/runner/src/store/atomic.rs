//! Files and links that are there whole or not at all: written beside their place, then moved into it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Serialize;

use super::Error;

/// Whether a file must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// It must: it and its directory are synced.
    Synced,
    /// It is only of use while this process lives.
    Cached,
}

/// Replaces `path` by a file with these contents.
pub(super) fn write(path: &Path, contents: &[u8], durability: Durability) -> Result<(), Error> {
    let beside = beside(path);
    let written = (|| {
        let mut file = fs::File::create(&beside)?;
        file.write_all(contents)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        fs::rename(&beside, path)?;
        match path.parent() {
            Some(parent) if durability == Durability::Synced => fs::File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    })();
    written.map_err(|source| {
        // Best effort: the error that is reported is the first one.
        let _ = fs::remove_file(&beside);
        Error::Io {
            what: "write",
            path: path.to_owned(),
            source,
        }
    })
}

/// Makes `root/name` a link to `target`, which is below `root`; relative, so that a store can be moved.
pub(super) fn link(root: &Path, name: &str, target: &Path) -> Result<(), Error> {
    let link = root.join(name);
    let beside = beside(&link);
    let target = target.strip_prefix(root).unwrap_or(target);
    std::os::unix::fs::symlink(target, &beside)
        .and_then(|()| fs::rename(&beside, &link))
        .map_err(|source| {
            // As above.
            let _ = fs::remove_file(&beside);
            Error::Io {
                what: "link",
                path: link,
                source,
            }
        })
}

/// A value as one line of JSON, with its line feed.
pub(super) fn json_line(name: &str, value: &impl Serialize) -> Result<String, Error> {
    let mut text = serde_json::to_string(value).map_err(|e| Error::Json {
        name: name.to_owned(),
        why: e.to_string(),
    })?;
    text.push('\n');
    Ok(text)
}

/// A name in the same directory that nobody else uses, and that listings pass over.
fn beside(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}.{number}", std::process::id()))
}
