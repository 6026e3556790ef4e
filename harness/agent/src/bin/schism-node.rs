//! The smallest program with the helpers: what the tests of this crate start.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    if let [node, rest @ ..] = &args[..]
        && node == "node"
        && let Some(code) = schism_agent::node_main(rest)
    {
        return code;
    }
    // Nobody to tell it to, if this fails.
    let _ = writeln!(io::stderr(), "no such helper");
    ExitCode::FAILURE
}
