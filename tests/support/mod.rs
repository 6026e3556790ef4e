//! Running the program as its users do. Each test binary uses its own part of this.
#![allow(dead_code, unreachable_pub, reason = "shared by several test binaries")]

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A run that finds a stale read: one answer is enough for a read, one acknowledgement for a write, and a partition between.
/// How long it takes is to be added: `--time 4s`.
pub const STALE: [&str; 14] = [
    "run",
    "embedded",
    "--mode",
    "quorum",
    "--read-quorum",
    "1",
    "--write-quorum",
    "1",
    "--faults",
    "partition",
    "--op-timeout",
    "1s",
    "--progress",
    "none",
];
/// A run that asks nothing, and so concludes nothing.
pub const NOTHING: [&str; 10] = [
    "run",
    "embedded",
    "--faults",
    "kill",
    "--time",
    "1s",
    "--rate",
    "1/m",
    "--progress",
    "none",
];

/// A directory of its own, and the program run in it.
pub struct Shell {
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("writable");
    }

    /// The program with these arguments, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_schism"));
        command
            .args(args)
            .current_dir(self.path())
            .env_remove("SCHISM_RUNS")
            .env("TMPDIR", self.path())
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn schism(&self, args: &[&str]) -> Ended {
        ended(self.command(args).output().expect("the program starts"))
    }
}

pub fn ended(output: Output) -> Ended {
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Ended {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

impl Ended {
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "\nstdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }
    #[track_caller]
    pub fn says(self, what: &str) -> Self {
        let said = format!("{}{}", self.out, self.err);
        assert!(
            said.contains(what),
            "{what:?} is not in\nstdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }
}

/// Polls until the condition is true; false if it is not within the time.
pub fn eventually(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
