//! What a server says about itself: a JSON line each, with the node's own, perhaps wrong, time, on standard error, which is
//! its `server.log`.

use std::io::{self, Write};

use serde_json::json;

use crate::clock::WallClock;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Writes the lines of one node.
#[derive(Debug, Clone)]
pub(crate) struct Chronicle(WallClock);

impl Chronicle {
    /// Of the node whose clock this is.
    pub(crate) fn new(clock: WallClock) -> Self {
        Self(clock)
    }

    /// Writes a line.
    pub(crate) fn tell(&self, level: Level, words: &str) {
        let line = line(self.0.now(), level, words);
        // Nobody is left to hear that even this failed.
        let _: io::Result<()> = writeln!(io::stderr(), "{line}");
    }
}

/// In one piece, so that lines of several threads do not mix; the time in seconds, as zap and others write it.
fn line(microseconds: i64, level: Level, words: &str) -> String {
    let seconds = microseconds as f64 / 1e6;
    json!({ "ts": seconds, "level": level.word(), "msg": words }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_time_level_and_words_whatever_they_are() {
        assert_eq!(
            line(1_795_262_401_500_123, Level::Warn, "a \"b\"\nc"),
            r#"{"level":"warn","msg":"a \"b\"\nc","ts":1795262401.500123}"#
        );
    }
}
