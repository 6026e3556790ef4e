//! A node over SSH, against a real sshd on a port of this machine. Without `/usr/sbin/sshd` nothing is tested, which is
//! said aloud; `SCHISM_REQUIRE_SSHD=1` makes that a failure.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod commands;
mod files;
mod hosts;
mod logins;
mod losses;
mod relay;
mod sshd;
mod sudo;
