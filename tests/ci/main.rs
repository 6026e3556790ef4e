//! What machines and CI services get from real processes: exit codes and their mixtures, signals, deaths, bugs of ours, the
//! JSON stream, GitHub's files, and what a terminal shows where it can show little. The embedded store; no root.

mod deaths;
mod events;
mod exits;
mod github;
#[path = "../across/schemas.rs"]
mod schemas;
mod screens;
#[path = "../support/mod.rs"]
mod support;

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use serde_json::Value;
use support::{Ended, NOTHING, STALE, Shell, ended, eventually};

/// A run that goes on until somebody ends it, with stores that are stopped now and then.
const LONG: [&str; 8] = [
    "run",
    "embedded",
    "--faults",
    "pause",
    "--time",
    "120s",
    "--progress",
    "none",
];
/// How long anything may take that is waited for; what is slower is broken.
const PATIENCE: Duration = Duration::from_secs(60);

fn stale(shell: &Shell) -> Ended {
    shell.schism(&[&STALE[..], &["--time", "4s"]].concat())
}

fn file(shell: &Shell, name: &str) -> String {
    let path = shell.path().join("runs/latest").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn verdict(shell: &Shell) -> Value {
    serde_json::from_str(&file(shell, "verdict.json")).expect("JSON")
}

/// Starts it, with its streams kept.
fn start(shell: &Shell, args: &[&str]) -> Child {
    shell
        .command(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits until the newest run has said this in one of its files.
#[track_caller]
fn wait_for(shell: &Shell, name: &str, what: &str) {
    let path = shell.path().join("runs/latest").join(name);
    let said = || std::fs::read_to_string(&path).is_ok_and(|text| text.contains(what));
    assert!(eventually(PATIENCE, said), "{what} never was in {name}");
}

/// Sends a signal to a process that the test started.
fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

fn finish(child: Child) -> Ended {
    ended(child.wait_with_output().expect("it ends"))
}

/// Command lines of processes that name this shell's directory.
fn processes(shell: &Shell) -> Vec<String> {
    let here = shell.path().to_str().expect("UTF-8");
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = all.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    lines
        .map(|c| String::from_utf8_lossy(&c).replace('\0', " "))
        .filter(|c| c.contains(here))
        .collect()
}

/// Nothing of a run is left: no process, no file of the store's.
#[track_caller]
fn nothing_left(shell: &Shell) {
    assert!(
        eventually(Duration::from_secs(10), || processes(shell).is_empty()),
        "{:?}",
        processes(shell)
    );
    let names = std::fs::read_dir(shell.path()).expect("readable").flatten();
    let left: Vec<_> = names
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().starts_with("schism-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
