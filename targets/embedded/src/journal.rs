//! An append-only file of JSON lines: what a server must remember when it is killed.
//!
//! A record is handed to the kernel with write(2) before it counts as stored, and is not followed by fsync(2). The page
//! cache belongs to the kernel, not to the process: nothing that was acknowledged is lost when a server is killed. A
//! power cut could lose the tail; the processes of one machine would all suffer it together, and no fault of ours
//! pretends to be one.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

/// The file, open at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens or creates it, and reads what is in it. A torn last line was never acknowledged: it is cut off.
    pub(crate) fn open<T: DeserializeOwned>(path: &Path) -> io::Result<(Self, Vec<T>)> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(e),
        };
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let records = bytes[..whole]
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(serde_json::from_slice)
            .collect::<Result<_, _>>()?;
        let file = File::options().create(true).append(true).open(path)?;
        file.set_len(whole as u64)?;
        let buffer = Vec::new();
        Ok((Self { file, buffer }, records))
    }
    /// Adds one record to those that [`Journal::write`] will store.
    pub(crate) fn push<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        serde_json::to_writer(&mut self.buffer, record)?;
        self.buffer.push(b'\n');
        Ok(())
    }
    /// Stores what was pushed.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let result = self.file.write_all(&self.buffer);
        self.buffer.clear();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_a_torn_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let (mut journal, old) = Journal::open::<u32>(&path).unwrap();
        assert!(old.is_empty());
        journal.push(&1).unwrap();
        journal.push(&22).unwrap();
        journal.write().unwrap();
        fs::write(&path, "1\n22\n33").unwrap();
        let (mut journal, old) = Journal::open::<u32>(&path).unwrap();
        assert_eq!(old, [1, 22]);
        journal.push(&4).unwrap();
        journal.write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n22\n4\n");
    }
}
