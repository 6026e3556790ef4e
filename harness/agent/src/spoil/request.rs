//! What shall be spoiled, and how.

use std::path::PathBuf;

use serde::Deserialize;

use crate::answer::Failure;

/// The longest that a request may wait for an old copy to become old.
const LONGEST_WAIT_MS: u64 = 60_000;
/// The smallest chunk: one piece, as undo sees files.
pub(super) const PIECE: u64 = 4096;

/// What to damage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The directory for what undo needs. Made, and removed by undo: on the same disk as the files if it shall outlive
    /// what they outlive.
    pub(super) record: PathBuf,
    /// Files, or directories of files at any depth. Symbolic links are not followed.
    pub(super) paths: Vec<PathBuf>,
    /// In directories, only files whose name ends so.
    #[serde(default)]
    pub(super) ending: String,
    /// Bytes of a chunk.
    pub(super) chunk: u64,
    /// Which of the stripes is this node's, counted from zero.
    pub(super) index: u64,
    /// How many stripes there are.
    pub(super) of: u64,
    /// Where all choice comes from.
    pub(super) seed: u64,
    /// How likely each chunk of the stripe is to be damaged. One is damaged in any case, if there is one.
    pub(super) probability: f64,
    /// What is done to it.
    pub(super) damage: Damage,
}

/// What is done to a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Damage {
    /// So many of its bits are flipped.
    Flip {
        /// How many.
        bits: u32,
    },
    /// So many bytes are cut off its end; only the last chunk of a file can be meant.
    Truncate {
        /// How many at most.
        bytes: u64,
    },
    /// It is again what it was when the request came, so long ago.
    Stale {
        /// How long.
        after_ms: u64,
    },
    /// It is overwritten by another chunk of the file, one of another stripe where there are several.
    Misplace {},
}

impl Request {
    /// Refuses what could not mean anything.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let refuse = |reason: &str| Err(Failure(format!("the request is unusable: {reason}")));
        if let Some(path) = self
            .paths
            .iter()
            .chain([&self.record])
            .find(|p| !p.is_absolute())
        {
            return refuse(&format!("{} is not an absolute path", path.display()));
        }
        if self.paths.is_empty() {
            return refuse("it names no files");
        }
        if self.chunk < PIECE || !self.chunk.is_multiple_of(PIECE) {
            return refuse(&format!("a chunk is a multiple of {PIECE} bytes"));
        }
        if self.index >= self.of {
            return refuse("`index` must be below `of`");
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return refuse("`probability` must be from 0 to 1");
        }
        match self.damage {
            Damage::Flip { bits: 0 } => refuse("no bit is flipped"),
            Damage::Flip { bits } if u64::from(bits) > self.chunk => {
                refuse("more bits than a chunk has bytes")
            }
            Damage::Truncate { bytes: 0 } => refuse("no byte is cut off"),
            Damage::Stale { after_ms } if after_ms > LONGEST_WAIT_MS => {
                refuse("an old copy may be a minute old at most")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Request)) -> bool {
        let mut request = Request {
            record: "/r".into(),
            paths: vec!["/d".into()],
            ending: String::new(),
            chunk: 8192,
            index: 0,
            of: 1,
            seed: 1,
            probability: 0.5,
            damage: Damage::Misplace {},
        };
        request.check().unwrap();
        change(&mut request);
        request.check().is_err()
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(refused(|r| r.paths = vec!["data".into()]));
        assert!(refused(|r| r.paths.clear()));
        assert!(refused(|r| r.chunk = 5000));
        assert!(refused(|r| r.chunk = 0));
        assert!(refused(|r| r.index = 1));
        assert!(refused(|r| r.probability = f64::NAN));
        assert!(refused(|r| r.damage = Damage::Flip { bits: 0 }));
        assert!(refused(|r| r.damage = Damage::Flip { bits: 9000 }));
        assert!(refused(|r| r.damage = Damage::Truncate { bytes: 0 }));
        assert!(refused(|r| r.damage = Damage::Stale { after_ms: 600_000 }));
    }
}
