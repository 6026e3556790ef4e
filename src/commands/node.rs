//! `schism node`: what this program runs of itself as the processes of a lab or of the embedded store.

use std::{ffi::OsString, process::ExitCode};

/// Becomes the helper that the first argument names.
pub(crate) fn node(args: &[String]) -> ExitCode {
    let all: Vec<OsString> = args.iter().map(OsString::from).collect();
    if let Some(code) = agent::node_main(&all) {
        return code;
    }
    let rest: Vec<OsString> = args.iter().skip(1).map(OsString::from).collect();
    match args.first().map(String::as_str) {
        Some("embedded") => embedded::node_main(&rest),
        Some("lab-supervisor") => lab::supervisor_main(&rest),
        Some("lab-init") => lab::node_init_main(&rest),
        _ => crate::exit::Exit::Usage.into(),
    }
}
