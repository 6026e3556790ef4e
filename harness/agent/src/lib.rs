//! What this program does *on* a node, as `schism node …`: there is nothing to compile, to download or to install there. The
//! only crate with unsafe code, each piece of it in a file of its own.

use std::{ffi::OsString, process::ExitCode};

/// Becomes the helper that the first argument names; `None` if there is none of that name.
///
/// `ping` prints `pong`: whether this program can be run here at all.
pub fn node_main(args: &[OsString]) -> Option<ExitCode> {
    let (name, _rest) = args.split_first()?;
    match name.to_str()? {
        "ping" => Some(ping()),
        _ => None,
    }
}

#[expect(clippy::print_stdout, reason = "it is what it is asked for")]
fn ping() -> ExitCode {
    println!("pong");
    ExitCode::SUCCESS
}
