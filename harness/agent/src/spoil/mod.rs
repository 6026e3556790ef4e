//! Files spoiled in place, as disks do it: bits flipped, the end lost, chunks that are suddenly as they were a while ago or
//! hold what belongs elsewhere. The program that has the files open is neither asked nor told.
//!
//! ```text
//! schism node spoil apply  REQUEST   damages; fails if there was nothing to damage
//! schism node spoil undo   RECORD    restores what it damaged
//! schism node spoil status RECORD    prints how many pieces are as it left them
//! ```
//!
//! **Where.** A file is seen as chunks of one size. Of several nodes each has its own stripe of chunks, number `index`,
//! `index + of`, `index + 2·of` …, the helix of Jepsen's `nemesis/file.clj`: no chunk is ever damaged on all nodes, so a
//! system that keeps copies can recover whatever it lost. Chunks of nothing but zeros hold no data (logs are often
//! allocated ahead) and are spared.
//!
//! **Undo.** Before anything is damaged, the bytes that were there and those that will be are both on disk in `RECORD`, a
//! directory. Undo compares every piece of 4 KiB or less with the damage: if it is exactly that, the bytes that were
//! there are put back; if it is anything else, the system has written there since, what it wrote is newer than
//! what we remember, and it is left alone. An end that was cut off is put back if the file still ends at the cut. So undo
//! never destroys anything, can be repeated, and does nothing where nothing was applied. It does not follow damage that
//! the system itself has copied elsewhere: what a system makes of bad data is what the fault is there to find out.

mod damage;
mod files;
mod layout;
mod record;
mod request;
mod undo;

use std::{ffi::OsString, path::Path, process::ExitCode};

use crate::answer::{Failure, answer, request};

/// `schism node spoil`.
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let [verb, word] = args else {
        return answer(usage());
    };
    answer(match verb.to_str() {
        Some("apply") => request(word).and_then(|request| damage::apply(&request)),
        Some("undo") => undo::undo(Path::new(word)),
        Some("status") => undo::status(Path::new(word)),
        _ => usage(),
    })
}

fn usage() -> Result<String, Failure> {
    Err(Failure(
        "usage: schism node spoil apply REQUEST | undo RECORD | status RECORD".into(),
    ))
}
