//! A node's wall clock, which may be wrong: the machine's clock plus the offset in `clock.json`, so that one node's clock
//! can be wrong without touching the machine's. Only last-write-wins looks at it: Raft measures with monotonic time.

use std::{
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::layout;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Offset {
    milliseconds: i64,
}

/// Tells a node what time it thinks it is.
#[derive(Debug, Clone)]
pub(crate) struct WallClock {
    file: PathBuf,
}

impl WallClock {
    /// The clock of the node whose directory this is.
    pub(crate) fn new(node_dir: &Path) -> Self {
        Self {
            file: node_dir.join("clock.json"),
        }
    }
    /// Microseconds since 1970, by this node's clock. Read anew each time, like any clock.
    pub(crate) fn now(&self) -> i64 {
        let offset: Offset = layout::load(&self.file).ok().flatten().unwrap_or_default();
        true_time().saturating_add(offset.milliseconds.saturating_mul(1000))
    }
    /// Makes it wrong by this much, until told otherwise.
    pub(crate) fn set_offset(&self, milliseconds: i64) -> io::Result<()> {
        layout::save(&self.file, &Offset { milliseconds })
    }
}

/// Microseconds since 1970, by the machine's clock.
pub(crate) fn true_time() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_one_clock_and_outlives_its_reader() {
        let dir = tempfile::tempdir().unwrap();
        WallClock::new(dir.path()).set_offset(-3_600_000).unwrap();
        let before = WallClock::new(&dir.path().join("other")).now();
        assert!(WallClock::new(dir.path()).now() < before - 3_000_000_000);
    }
}
