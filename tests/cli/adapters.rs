//! Runs against an adapter that is a script of a few lines: what is kept of it, what it says aloud, and a database that never
//! serves. Nothing listens anywhere.

use std::{path::Path, process::Stdio, time::Duration};

use crate::support::{Shell, ended, eventually};

/// Knows nothing, refuses every write, and complains.
const SCRIPT: &str = r#"read hello
echo 'no route to heaven' >&2
echo '{"ready":{"v":1,"ops":["read","write"]}}'
while read -r line; do
    id=${line#*\"id\":}
    id=${id%%[,\}]*}
    case $line in
        *'"write"'*) echo "{\"id\":$id,\"fail\":\"closed on Sundays\"}" ;;
        *) echo "{\"id\":$id,\"ok\":null}" ;;
    esac
done
"#;

const FILE: &str = "adapter: shell\nport: 1\nstdio: sh adapter.sh --token hunter-22\n";

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn what_the_adapter_was_is_kept_without_its_secrets_and_what_it_says_can_be_heard() {
    let shell = Shell::new();
    shell.write("adapter.sh", SCRIPT);
    shell.write("shell.yaml", FILE);
    let run = [
        "run",
        "shell.yaml",
        "--at",
        "127.0.0.1:1",
        "--time",
        "1s",
        "--rate",
        "30/s",
    ];
    let quiet = shell.schism(&[&run[..], &["--progress", "none"]].concat());
    let heard = ["adapter of n1: no route to heaven", "closed on Sundays"];
    for line in heard {
        assert!(!quiet.err.contains(line), "{}", quiet.err);
    }
    let kept = shell.path().join("runs/latest/adapter/source");
    assert_eq!(
        read(&kept.join("shell.yaml")),
        FILE.replace("hunter-22", "[redacted]")
    );
    assert_eq!(read(&kept.join("adapter.sh")), SCRIPT);

    let verbose = shell.schism(&[&run[..], &["--progress", "none", "-v"]].concat());
    assert!(verbose.err.contains(heard[0]), "{}", verbose.err);
    assert!(verbose.err.contains(" check\n"), "phases: {}", verbose.err);
    assert!(!verbose.err.contains(heard[1]), "{}", verbose.err);

    let all = shell.schism(&[&run[..], &["--progress", "none", "-vv"]].concat());
    assert!(all.err.contains(heard[0]), "{}", all.err);
    // Each call has its line, and its number is one that `show` takes.
    let line = all.err.lines().find(|line| line.contains(heard[1]));
    let line = line.unwrap_or_else(|| panic!("{}", all.err));
    let number = line.split_whitespace().next().expect("a number");
    shell
        .schism(&["show", &format!("latest/op/{number}")])
        .code(0)
        .says("closed on Sundays")
        .says("write");
    let calls = all.err.lines().filter(|line| line.contains("  p"));
    let history = read(&shell.path().join("runs/latest/history.jsonl"));
    let made = history.lines().filter(|line| line.contains("\"invoke\""));
    assert_eq!(calls.count(), made.count());
    // Loud and quiet at once is a mistake.
    shell.schism(&["run", "-q", "-v"]).code(2);
}

#[test]
fn a_run_that_is_stopped_before_the_database_serves_ends_at_once_with_a_verdict_and_its_pages() {
    let shell = Shell::new();
    shell.write(
        "never.yaml",
        "adapter: never\nport: 1\nops:\n  read: { get: \"/{key}\" }\n  write: { put: \"/{key}\", body: \"{value}\" }\n",
    );
    let child = shell
        .command(&[
            "run",
            "never.yaml",
            "--at",
            "127.0.0.1:1",
            "--json",
            "--progress",
            "none",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let latest = shell.path().join("runs/latest");
    let state = latest.join("state.json");
    let waits = || std::fs::read_to_string(&state).is_ok_and(|text| text.contains("\"ready\""));
    let waited = eventually(Duration::from_secs(20), waits);
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("kill runs").success());
    let said = ended(child.wait_with_output().expect("it ends")).code(130);
    assert!(waited, "{}", said.err);
    let last: serde_json::Value =
        serde_json::from_str(said.out.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["type"], "verdict", "{last}");
    let verdict: serde_json::Value =
        serde_json::from_str(&read(&latest.join("verdict.json"))).expect("JSON");
    assert_eq!(verdict["verdict"], "unknown");
    assert_eq!(verdict["exit_code"], 130);
    assert!(read(&latest.join("report.html")).contains("interrupted"));
    for page in ["junit.xml", "summary.md", "history.jsonl"] {
        assert!(latest.join(page).is_file(), "{page}");
    }
    assert!(read(&shell.path().join("runs/index.html")).contains("never"));
    shell.schism(&["list"]).code(0).says("unknown");
    shell.schism(&["check", "latest"]).code(3);
}
