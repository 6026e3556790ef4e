//! A file of lines that somebody else is writing: what was added since the last look, a bounded piece at a time.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

/// How much is read at a time. A longer line is passed over.
pub(super) const PIECE: usize = 64 * 1024;

/// Where one stands in such a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    at: u64,
    /// Whether what comes next is the rest of a line that was too long, or that was not read from its beginning.
    skipping: bool,
}

/// What was added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// Whole lines without their ends, and where each ended.
    pub(super) lines: Vec<(u64, String)>,
    /// Whether there is more already.
    pub(super) more: bool,
}

impl Tail {
    /// From this place on: the line that is there only if it begins there.
    pub(super) fn from(at: u64) -> Self {
        Self {
            at: at.saturating_sub(1),
            skipping: at > 0,
        }
    }

    /// Where it stands: behind the last line that it saw.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// What is there by now.
    pub(super) fn read(&mut self, mut file: &File) -> io::Result<Added> {
        let size = file.metadata()?.len();
        if size < self.at {
            // Another file by now.
            *self = Self::default();
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut piece = Vec::with_capacity(PIECE);
        file.take(PIECE as u64).read_to_end(&mut piece)?;
        let mut added = Added::default();
        let mut rest = piece.as_slice();
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            self.at += end as u64 + 1;
            if !std::mem::take(&mut self.skipping) {
                let line = String::from_utf8_lossy(&rest[..end]).into_owned();
                added.lines.push((self.at, line));
            }
            rest = &rest[end + 1..];
        }
        if rest.len() == PIECE || (self.skipping && !rest.is_empty()) {
            self.at += rest.len() as u64;
            self.skipping = true;
        }
        added.more = piece.len() == PIECE;
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(added: &Added) -> Vec<&str> {
        added.lines.iter().map(|(_, line)| line.as_str()).collect()
    }

    #[test]
    fn lines_are_seen_once_and_whole() {
        let mut file = tempfile::tempfile().unwrap();
        let reader = file.try_clone().unwrap();
        let mut tail = Tail::default();
        let mut add = |text: &str| {
            file.seek(SeekFrom::End(0)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        add("one\ntw");
        assert_eq!(tail.read(&reader).unwrap().lines, [(4, "one".to_owned())]);
        assert_eq!(tail.read(&reader).unwrap(), Added::default());
        add("o\nthree\n");
        assert_eq!(lines(&tail.read(&reader).unwrap()), ["two", "three"]);
        assert_eq!(tail.at(), 14);
        // Whoever was cut off goes on where it was; whoever makes a place up gets whole lines.
        let again = |at| {
            let added = Tail::from(at).read(&reader).unwrap();
            added
                .lines
                .into_iter()
                .map(|(_, line)| line)
                .collect::<Vec<_>>()
        };
        assert_eq!(again(4), ["two", "three"]);
        assert_eq!(again(5), ["three"]);
        assert_eq!(again(0), ["one", "two", "three"]);
        assert_eq!(again(14), [""; 0]);
        assert_eq!(again(u64::MAX), ["one", "two", "three"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_takes_no_memory() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"first\n").unwrap();
        file.write_all(&vec![b'x'; 5 * PIECE]).unwrap();
        file.write_all(b"\nlast\n").unwrap();
        let mut tail = Tail::default();
        let mut seen = Vec::new();
        loop {
            let added = tail.read(&file).unwrap();
            seen.extend(added.lines.into_iter().map(|(_, line)| line));
            if !added.more {
                break;
            }
        }
        assert_eq!(seen, ["first", "last"]);
    }

    #[test]
    fn the_last_bytes_begin_with_a_whole_line() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\ntwo\nthree\n").unwrap();
        let mut tail = Tail::from(14 - 8);
        assert_eq!(lines(&tail.read(&file).unwrap()), ["three"]);
        let mut all = Tail::from(14_u64.saturating_sub(800));
        assert_eq!(lines(&all.read(&file).unwrap()), ["one", "two", "three"]);
    }
}
