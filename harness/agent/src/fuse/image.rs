//! A file as processes see it, while the disk has an older state of it: the disk's content, with what was changed since
//! the last sync laid over it, and those changes in their order. Pure: the disk is a function that reads.
//!
//! The order is kept, with the data of writes that later ones have overwritten, because a disk may keep any of them when
//! the power fails. Changes cost the bytes they hold, sizes and holes cost nothing.

use std::{collections::BTreeMap, io, sync::Arc};

/// Something done to a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// These bytes from here on.
    Write {
        /// The first byte's place.
        at: u64,
        /// The bytes.
        data: Arc<[u8]>,
    },
    /// Shorter, or longer by zeros.
    Resize {
        /// The new size.
        to: u64,
    },
    /// Zeros from here on; the size stays.
    Zero {
        /// The first one's place.
        at: u64,
        /// How many.
        len: u64,
    },
}

impl Change {
    /// How many bytes of data it holds.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Write { data, .. } => data.len() as u64,
            Self::Resize { .. } | Self::Zero { .. } => 0,
        }
    }
}

/// A file's content.
#[derive(Debug, Clone)]
pub(super) struct Image {
    size: u64,
    /// How much of the beginning of the disk's content is still part of the file; between this and the size there are
    /// zeros. Never more than the size.
    shown: u64,
    /// What lies over the disk's content, by its first byte; they do not overlap.
    pieces: BTreeMap<u64, Piece>,
    unsynced: Vec<Change>,
    /// Whether something lies over the disk's content that will never be written to it.
    forgotten: bool,
}

#[derive(Debug, Clone)]
struct Piece {
    len: u64,
    /// Data and how many of its bytes come before the piece; `None` for zeros.
    data: Option<(Arc<[u8]>, usize)>,
}

impl Piece {
    /// The part of it after its first `n` bytes.
    fn after(&self, n: u64) -> Self {
        Self {
            len: self.len - n,
            data: self.data.as_ref().map(|(d, s)| (d.clone(), s + n as usize)),
        }
    }
    fn copy_to(&self, skip: u64, out: &mut [u8]) {
        match &self.data {
            None => out.fill(0),
            Some((data, start)) => {
                let from = start + skip as usize;
                out.copy_from_slice(&data[from..from + out.len()]);
            }
        }
    }
}

impl Image {
    /// As the disk has it.
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            shown: size,
            pieces: BTreeMap::new(),
            unsynced: Vec::new(),
            forgotten: false,
        }
    }

    /// How long the file is.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What the disk does not have yet, oldest first.
    pub(super) fn unsynced(&self) -> &[Change] {
        &self.unsynced
    }

    /// Whether the disk has all that can be seen.
    pub(super) fn is_clean(&self) -> bool {
        self.unsynced.is_empty() && !self.forgotten
    }

    /// Does one more thing to it.
    pub(super) fn change(&mut self, change: Change) {
        match &change {
            Change::Write { at, data } => {
                let len = data.len() as u64;
                self.lay(*at, len, Some((data.clone(), 0)));
                self.size = self.size.max(at + len);
            }
            Change::Resize { to } => {
                let to = *to;
                if to < self.size {
                    self.clear(to, self.size - to);
                    self.shown = self.shown.min(to);
                }
                self.size = to;
            }
            Change::Zero { at, len } => {
                let len = (*len).min(self.size.saturating_sub(*at));
                self.lay(*at, len, None);
            }
        }
        self.unsynced.push(change);
    }

    /// Reads as much as there is, at most `len` bytes; `disk` fills a buffer from a place on.
    pub(super) fn read(
        &self,
        at: u64,
        len: usize,
        mut disk: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        let len = (len as u64).min(self.size.saturating_sub(at)) as usize;
        let mut out = vec![0; len];
        let end = at + len as u64;
        let mut here = at;
        let first = self.pieces.range(..at).next_back().map_or(at, |(s, _)| *s);
        for (&start, piece) in self.pieces.range(first..end) {
            let (from, to) = (start.max(here), (start + piece.len).min(end));
            if from >= to {
                continue;
            }
            self.read_disk(
                here,
                &mut out[(here - at) as usize..(from - at) as usize],
                &mut disk,
            )?;
            piece.copy_to(
                from - start,
                &mut out[(from - at) as usize..(to - at) as usize],
            );
            here = to;
        }
        self.read_disk(here, &mut out[(here - at) as usize..], &mut disk)?;
        Ok(out)
    }

    /// The disk has it all now, but for what was forgotten.
    pub(super) fn synced(&mut self) {
        self.unsynced.clear();
        if !self.forgotten {
            *self = Self::new(self.size);
        }
    }

    /// The disk could not take the changes, and nobody will try again: they can be seen until the power fails, as pages
    /// of the page cache that were marked clean although they were not written.
    pub(super) fn forget(&mut self) {
        if !self.unsynced.is_empty() {
            self.unsynced.clear();
            self.forgotten = true;
        }
    }

    fn read_disk(
        &self,
        at: u64,
        out: &mut [u8],
        disk: &mut impl FnMut(u64, &mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let there = self.shown.saturating_sub(at).min(out.len() as u64) as usize;
        if there > 0 {
            disk(at, &mut out[..there])?;
        }
        Ok(())
    }

    fn lay(&mut self, at: u64, len: u64, data: Option<(Arc<[u8]>, usize)>) {
        if len > 0 {
            self.clear(at, len);
            self.pieces.insert(at, Piece { len, data });
        }
    }

    /// Takes away what lies over these bytes.
    fn clear(&mut self, at: u64, len: u64) {
        let end = at + len;
        if let Some((&start, piece)) = self.pieces.range_mut(..at).next_back() {
            let stop = start + piece.len;
            if stop > at {
                let rest = (stop > end).then(|| piece.after(end - start));
                piece.len = at - start;
                if let Some(rest) = rest {
                    self.pieces.insert(end, rest);
                }
            }
        }
        let inside: Vec<u64> = self.pieces.range(at..end).map(|(s, _)| *s).collect();
        for start in inside {
            let piece = self.pieces.remove(&start).expect("it was just seen");
            if start + piece.len > end {
                self.pieces.insert(end, piece.after(end - start));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a change does to plain bytes.
    fn apply(change: &Change, bytes: &mut Vec<u8>) {
        match change {
            Change::Write { at, data } => {
                let end = *at as usize + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at as usize..end].copy_from_slice(data);
            }
            Change::Resize { to } => bytes.resize(*to as usize, 0),
            Change::Zero { at, len } => {
                let from = (*at as usize).min(bytes.len());
                let to = (from + *len as usize).min(bytes.len());
                bytes[from..to].fill(0);
            }
        }
    }

    fn read_all(image: &Image, disk: &[u8]) -> Vec<u8> {
        let whole = |at: u64, out: &mut [u8]| {
            out.copy_from_slice(&disk[at as usize..at as usize + out.len()]);
            Ok(())
        };
        image.read(0, 1000, whole).unwrap()
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (0..60_u64, proptest::collection::vec(1..=255_u8, 1..20)).prop_map(|(at, data)| {
                Change::Write {
                    at,
                    data: data.into(),
                }
            }),
            (0..70_u64).prop_map(|to| Change::Resize { to }),
            (0..60_u64, 0..30_u64).prop_map(|(at, len)| Change::Zero { at, len }),
        ]
    }

    proptest! {
        #[test]
        fn it_reads_as_plain_bytes_would(
            start in proptest::collection::vec(1..=255_u8, 0..60),
            steps in proptest::collection::vec((change(), 0..10_u8, 0..70_u64, 0..40_usize), 0..40),
        ) {
            let (mut disk, mut seen) = (start.clone(), start);
            let mut image = Image::new(disk.len() as u64);
            for (change, event, at, len) in steps {
                apply(&change, &mut seen);
                image.change(change);
                if event == 0 {
                    for change in image.unsynced() {
                        apply(change, &mut disk);
                    }
                    image.synced();
                }
                prop_assert_eq!(image.size(), seen.len() as u64);
                prop_assert_eq!(&read_all(&image, &disk), &seen);
                let part = image.read(at, len, |at, out| {
                    out.copy_from_slice(&disk[at as usize..at as usize + out.len()]);
                    Ok(())
                });
                let from = (at as usize).min(seen.len());
                prop_assert_eq!(part.unwrap(), &seen[from..(from + len).min(seen.len())]);
            }
        }

        #[test]
        fn what_was_forgotten_is_seen_and_what_comes_later_reaches_the_disk(
            lost in proptest::collection::vec(change(), 1..8),
            later in proptest::collection::vec(change(), 1..8),
        ) {
            let mut disk = vec![7; 50];
            let mut seen = disk.clone();
            let mut image = Image::new(50);
            for change in lost {
                apply(&change, &mut seen);
                image.change(change);
            }
            image.forget();
            for change in &later {
                apply(change, &mut seen);
                image.change(change.clone());
            }
            prop_assert_eq!(image.unsynced(), &later[..]);
            // A shorter disk than the file says is read as zeros, as the filesystem reads it.
            for change in &later {
                apply(change, &mut disk);
            }
            image.synced();
            prop_assert!(!image.is_clean());
            prop_assert_eq!(image.size(), seen.len() as u64);
            let read = image.read(0, 1000, |at, out| {
                for (i, byte) in out.iter_mut().enumerate() {
                    *byte = disk.get(at as usize + i).copied().unwrap_or(0);
                }
                Ok(())
            });
            prop_assert_eq!(read.unwrap(), seen);
        }
    }
}
