//! The filesystem that loses what was not synced, for real: mounted in namespaces that end with the test, and looked at
//! through the files below it.
//!
//! What databases keep on it is tested with the program, which has checkers: `tests/faults/databases.rs`.
//!
//! Needs root, `unshare`, `nsenter`, `setpriv`, `ip` and /dev/fuse; skipped with a word otherwise, and failed instead if
//! `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod files;
mod life;
mod space;

/// What has the helpers.
const PROGRAM: &str = env!("CARGO_BIN_EXE_schism-node");
