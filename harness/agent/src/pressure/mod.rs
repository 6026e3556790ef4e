//! A node short of something: of processor time, of memory, of file descriptors. As when a backup, a neighbour on the same
//! machine or a leak has taken it.
//!
//! ```text
//! schism node pressure start REQUEST       begins, and returns once it is in force
//! schism node pressure stop  DIRECTORY NAME
//! schism node pressure state DIRECTORY NAME   prints by how much, measured now; 0 if it is gone
//! ```
//!
//! What holds the load is a daemon: this program once more, as `schism node pressure hold`, known by its pid and start time in
//! `DIRECTORY/NAME.pid` and beside it, for limits it has changed, `NAME.limits` with the old ones. It ends by itself
//! when its time is up, whoever else is gone by then. `stop` does not rely on it: it kills it, and sets back itself what
//! is written down. Starts and stops of one directory take turns by a lock on it, so that a stop that comes in the midst
//! of a start ends what was started.

mod cpu;
mod descriptors;
mod holder;
mod limit;
mod memory;
mod process;
mod request;
mod state;

use std::{ffi::OsString, path::Path, process::ExitCode};

use request::Request;

use crate::answer::{Failure, answer, request};

/// `schism node pressure`.
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    answer(match words[..] {
        ["start", _] if args.len() == 2 => {
            request(&args[1]).and_then(|request: Request| holder::start(&request))
        }
        ["hold", _] if args.len() == 2 => {
            request(&args[1]).and_then(|request: Request| holder::hold(&request))
        }
        ["stop", directory, name] => holder::stop(Path::new(directory), name),
        ["state", directory, name] => state::state(Path::new(directory), name),
        _ => Err(Failure(
            "usage: schism node pressure start REQUEST | stop DIRECTORY NAME | state DIRECTORY NAME"
                .into(),
        )),
    })
}
