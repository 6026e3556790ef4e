//! Wrong clocks of real processes. What they see is what they say themselves: a database in the answer to a query, a server in
//! its log, a virtual machine on its output.
//!
//! Needs root, for tracing; the systems need `redis-server`, `etcd-server`, `postgresql-15` and a Java runtime besides, each in
//! namespaces of its own. Skipped with a word otherwise, and failed instead if `SCHISM_REQUIRE_ROOT=1`.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed; how long systems were stopped is worth knowing, and never asserted"
)]

mod agent;
mod java;
mod library;
mod life;
mod space;
mod systems;
