//! Labs as their users have them. Needs root and an sshd; says so loudly where it has not, and fails there if
//! `SCHISM_REQUIRE_LAB=1`. Every test has labs of its own name, so they run beside each other and beside anyone else's.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test's helpers are tests, and a skipped test must be heard"
)]

mod bench;
mod end;
mod life;
mod nodes;
