//! The filesystem that loses what was not synced, for real: mounted in namespaces that end with the test, and looked at
//! through the files below it.
//!
//! Needs root, `unshare`, `nsenter`, `setpriv`, `ip`, /dev/fuse, and for the databases `redis-server`, `etcd-server` and
//! `etcd-client`; skipped with a word otherwise, and failed instead if `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod databases;
mod files;
mod life;
mod space;
