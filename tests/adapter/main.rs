//! Adapters for a real etcd and a real Redis: the good ones pass their checks, and each that lies in one way is caught by the
//! check that is for it. No root. Where a database is not installed the test says so loudly, or fails where CI promised it.

mod lies;
mod runs;
#[path = "../support/mod.rs"]
mod support;

use std::{path::Path, process::Command};

use serde_json::Value;
use support::{Ended, Shell};

/// The folder of adapters that people are shown.
fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/adapters")
}

/// Whether these programs are here.
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn have(programs: &[&str]) -> bool {
    let there = |program: &&&str| {
        let look = Command::new("sh")
            .args(["-c", "command -v \"$1\"", "sh", program])
            .output();
        look.is_ok_and(|out| out.status.success())
    };
    let missing: Vec<_> = programs.iter().filter(|p| !there(p)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("SCHISM_REQUIRE_ETCD").is_none(),
        "this test must run here, and cannot: {missing:?} are missing"
    );
    eprintln!("\n!!! NOT RUN: {missing:?} are missing.\n");
    false
}

/// The example's files in a folder of its own, after this text in one of them was replaced.
fn with(shell: &Shell, changes: &[(&str, &str, &str)]) {
    for entry in std::fs::read_dir(examples()).expect("the examples") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        let mut text = std::fs::read_to_string(entry.path()).expect("readable");
        for (_, from, to) in changes.iter().filter(|(file, ..)| *file == name) {
            assert!(text.contains(from), "{name} does not say {from:?}");
            text = text.replace(from, to);
        }
        shell.write(&name, &text);
    }
}

/// What came of each check, and how the program ended.
fn tested(shell: &Shell, file: &str, more: &[&str]) -> (Ended, Vec<Value>) {
    let args = [
        &["adapter", "test", file, "--json", "--op-timeout", "2s"],
        more,
    ]
    .concat();
    let ended = shell.schism(&args);
    let page: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
    let checks = page["checks"].as_array().expect("a list").clone();
    assert_eq!(
        page["passed"],
        checks.iter().all(|c| c["mark"] != "bad"),
        "{page}"
    );
    (ended, checks)
}

/// The names of the checks that failed.
fn bad(checks: &[Value]) -> Vec<&str> {
    let failed = checks.iter().filter(|c| c["mark"] == "bad");
    failed
        .map(|c| c["name"].as_str().expect("a name"))
        .collect()
}
