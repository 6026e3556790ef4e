//! Wrong clocks for single processes, while the machine's own clock stays right: `schism node clock …`.
//!
//! ```text
//! apply --name N (--pid-file FILE | --pid PID)… [--offset MS] [--drift PPM] [--strobe-to MS --period MS]
//! undo  --name N
//! probe --name N (--pid-file FILE | --pid PID)…
//! read  [--name N] (--pid-file FILE | --pid PID)…
//! check
//! library …
//! ```
//!
//! In containers and namespaces all nodes share one clock, and root there may not set it; nor should it, on a machine of
//! somebody else. But what a process takes for the time it reads, almost always, from the vDSO, and that is memory of the
//! process ([`vdso`], [`shim`]). `apply` starts a daemon that replaces the code there in a whole tree of processes, whatever
//! language they are written in ([`keeper`]); `undo` ends it and puts the kernel's bytes back ([`mend`]). `probe` says in a
//! number what all of them show, `read` measures the clock of each process ([`measure`]), `check` says whether all of this can be
//! done here, by doing it to a process of its own. Where it cannot, `library` has another means, for processes that are
//! started with it ([`library`]).
//!
//! # How exact it is
//! The shim adds whole nanoseconds, and a rate with a resolution of 2⁻³². A process that the keeper knows is wrong by what was
//! asked for to within [`ERROR`]; one that was started since its last look sees the true time for at most two looks of
//! [`keeper::LOOK`] on an idle machine. Strobes are late by as much as the scheduler makes the keeper wait.
//!
//! # What is not changed
//! `CLOCK_MONOTONIC` and all other clocks; timers of the kernel with absolute wall time; time stamps of files; programs that
//! make the system call without the vDSO, or that are of another architecture than this one.

mod commands;
mod freeze;
mod keeper;
mod library;
mod measure;
mod mend;
mod shared;
mod shim;
mod skew;
mod tree;
mod vdso;
mod victim;
mod witness;

use std::time::Duration;

pub(crate) use commands::node_main;

/// A process's clock is wrong by what was asked for, give or take this much.
const ERROR: Duration = Duration::from_millis(1);
