//! A lab's node that loses its power, from within.
//!
//! ```text
//! schism node power check   whether this is a lab's node
//! schism node power off     ends everything here at once, and boots it again
//! ```
//!
//! reboot(2) in a PID namespace ends that namespace's first process, and with it all others, and tells its parent by the
//! signal what was wanted (pid_namespaces(7)): here the lab's supervisor, which boots the node again. Outside of such a
//! namespace the same call restarts the machine. So it is only ever made where two things say that this is a lab's
//! node: a PID namespace that is not the machine's own, and a first process that is our own init.

use std::{ffi::OsString, fs, process::ExitCode};

use rustix::system::{RebootCommand, reboot};

use crate::answer::{Failure, answer};

/// The number of the machine's own PID namespace, fixed in the kernel (`PROC_PID_INIT_INO`).
const MACHINE: &str = "pid:[4026531836]";
/// The words with which a lab's supervisor starts a node's first process.
const INIT: [&str; 2] = ["node", "lab-init"];

/// `schism node power`.
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    answer(match words[..] {
        ["check"] => check().map(|()| "a lab's node".into()),
        ["off"] => check().and_then(|()| off()),
        _ => Err(Failure("usage: schism node power check | off".into())),
    })
}

fn check() -> Result<(), Failure> {
    let namespace = fs::read_link("/proc/1/ns/pid");
    let namespace = namespace.map_err(Failure::io("reading", "/proc/1/ns/pid".as_ref()))?;
    let words = fs::read("/proc/1/cmdline");
    let words = words.map_err(Failure::io("reading", "/proc/1/cmdline".as_ref()))?;
    match is_lab(&namespace.to_string_lossy(), &words) {
        true => Ok(()),
        false => Err(Failure("this is not a lab's node".into())),
    }
}

fn is_lab(namespace: &str, cmdline: &[u8]) -> bool {
    let mut words = cmdline.split(|byte| *byte == 0).skip(1);
    let own = namespace.starts_with("pid:[") && namespace != MACHINE;
    own && INIT
        .iter()
        .all(|word| words.next() == Some(word.as_bytes()))
}

fn off() -> Result<String, Failure> {
    reboot(RebootCommand::Restart)
        .map_err(|errno| Failure(format!("the kernel refuses: {errno}")))?;
    Ok("it has not ended yet".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_labs_init_in_a_namespace_of_its_own_is_believed() {
        let init = b"/proc/self/exe\0node\0lab-init\0run\0/run/x\x001\0";
        assert!(is_lab("pid:[4026532500]", init));
        assert!(!is_lab(MACHINE, init));
        assert!(!is_lab("", init));
        assert!(!is_lab("pid:[4026532500]", b"/sbin/init\0"));
        assert!(!is_lab(
            "pid:[4026532500]",
            b"schism\0run\0node\0lab-init\0"
        ));
        assert!(!is_lab("pid:[4026532500]", b""));
    }
}
