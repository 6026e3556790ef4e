//! What this program does *on* a node, as `schism node …`: there is nothing to compile, to download or to install there. The
//! only crate with unsafe code, each piece of it in a file of its own.

mod answer;
mod clock;
mod fuse;
mod packets;
mod power;
mod pressure;
mod spoil;

use std::{ffi::OsString, process::ExitCode};

/// Becomes the helper that the first argument names; `None` if there is none of that name.
///
/// `clock` makes the clocks of processes wrong. `ping` prints `pong`: whether this program can be run here at all.
pub fn node_main(args: &[OsString]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match name.to_str()? {
        "clock" => Some(clock::node_main(rest)),
        "ping" => Some(ping()),
        "power" => Some(power::main(rest)),
        "fuse" => Some(fuse::main(rest)),
        "pressure" => Some(pressure::main(rest)),
        "spoil" => Some(spoil::main(rest)),
        "packets" => Some(packets::main(rest)),
        _ => None,
    }
}

#[expect(clippy::print_stdout, reason = "it is what it is asked for")]
fn ping() -> ExitCode {
    println!("pong");
    ExitCode::SUCCESS
}
