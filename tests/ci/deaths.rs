//! A run that is killed in any of its phases can be healed, read and judged.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{PATIENCE, Shell, nothing_left, processes, support::eventually};

/// Long enough that every phase takes a while: a tenth of a second of work for the checkers and for the pages.
const RUN: [&str; 12] = [
    "run",
    "embedded",
    "--faults",
    "pause",
    "--time",
    "3s",
    "--rate",
    "4000/s",
    "--progress",
    "none",
    "--keys",
    "2",
];

/// Phases that the newest run has begun, in order.
fn phases(runs: &Path) -> Vec<String> {
    let events = std::fs::read_to_string(runs.join("latest/events.jsonl")).unwrap_or_default();
    let lines = events
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let begun = lines.filter(|l| l["type"] == "phase");
    begun
        .filter_map(|l| l["name"].as_str().map(str::to_owned))
        .collect()
}

/// Starts a run and kills it as soon as `reached` is true; whether it was killed then, and not later.
fn kill_when(shell: &Shell, reached: impl Fn() -> bool, in_time: impl Fn() -> bool) -> bool {
    let mut child = shell
        .command(&RUN)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "it never came so far");
        if child.try_wait().expect("it is ours").is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let _ = child.kill();
    child.wait().expect("it ends");
    in_time()
}

#[test]
fn a_run_killed_in_any_phase_is_healed_readable_and_sealed_when_it_is_judged() {
    for phase in [
        "ready",
        "workload",
        "heal",
        "final reads",
        "logs",
        "check",
        "report",
    ] {
        let shell = Shell::new();
        let runs = shell.path().join("runs");
        let newest = || phases(&runs).last().cloned().unwrap_or_default();
        let sealed = || runs.join("latest/verdict.json").exists();
        // A phase can be over before the signal arrives: then again.
        let mut killed = false;
        for _ in 0..10 {
            let _ = std::fs::remove_dir_all(&runs);
            // Of a workload there is something to judge once a fault has taken effect.
            let disturbed = || {
                let faults = std::fs::read_to_string(runs.join("latest/faults.jsonl"));
                phase != "workload" || faults.is_ok_and(|text| text.contains("\"verify\""))
            };
            killed = kill_when(
                &shell,
                || newest() == phase && disturbed(),
                || newest() == phase && !sealed(),
            );
            if killed {
                break;
            }
        }
        assert!(killed, "{phase} is over too soon to be killed in");
        assert!(
            eventually(Duration::from_secs(10), || processes(&shell).is_empty()),
            "{phase}: {:?}",
            processes(&shell)
        );
        shell.schism(&["list"]).code(0).says("interrupted");
        shell.schism(&["heal"]).code(0);
        shell.schism(&["heal"]).code(0).says("nothing to heal");
        nothing_left(&shell);
        let said = shell.schism(&["check", "latest"]);
        let said = said
            .code(3)
            .says("UNKNOWN")
            .says("interrupted")
            .says("and sealed");
        let verdict = std::fs::read_to_string(runs.join("latest/verdict.json"));
        let verdict: serde_json::Value =
            serde_json::from_str(&verdict.expect("sealed")).expect("JSON");
        assert_eq!(verdict["verdict"], "unknown", "{phase}: {}", said.err);
        assert_eq!(verdict["interrupted"], true, "{phase}");
        let calls = verdict["ops"]["ok"].as_u64().expect("a number");
        assert_eq!(calls > 0, phase != "ready", "{phase}: {calls} calls");
        for page in ["report.html", "summary.md", "junit.xml"] {
            assert!(runs.join("latest").join(page).is_file(), "{phase}: {page}");
        }
        let index = std::fs::read_to_string(runs.join("index.jsonl")).expect("an index");
        assert_eq!(index.lines().count(), 1, "{phase}: {index}");
        // Once is enough: the second time it is a run like any other.
        let again = shell.schism(&["check", "latest"]);
        assert!(!again.err.contains("sealed"), "{phase}: {}", again.err);
    }
}

#[test]
fn a_run_killed_before_it_has_a_directory_leaves_nothing_that_heal_does_not_remove() {
    let shell = Shell::new();
    let runs = shell.path().join("runs");
    let place = || {
        let names = std::fs::read_dir(shell.path()).expect("readable").flatten();
        names
            .map(|entry| entry.file_name())
            .any(|name| name.to_string_lossy().starts_with("schism-"))
    };
    let mut killed = false;
    for _ in 0..10 {
        let _ = std::fs::remove_dir_all(&runs);
        killed = kill_when(&shell, place, || !runs.join("latest").exists());
        if killed {
            break;
        }
        shell.schism(&["heal"]).code(0);
    }
    assert!(killed, "its directory is there too soon");
    assert!(
        eventually(Duration::from_secs(10), || processes(&shell).is_empty()),
        "{:?}",
        processes(&shell)
    );
    shell.schism(&["heal"]).code(0).says("is removed");
    shell.schism(&["heal"]).code(0).says("nothing to heal");
    nothing_left(&shell);
}

#[test]
fn what_others_have_among_the_temporary_files_stays() {
    let shell = Shell::new();
    let ours = std::process::id();
    for name in [
        format!("schism-{ours}-abc"),
        "schism-xyz".to_owned(),
        "schism-notes".to_owned(),
    ] {
        std::fs::create_dir(shell.path().join(name)).expect("created");
    }
    shell.write("schism-4194304-file", "a file, not a store");
    shell.schism(&["heal"]).code(0).says("nothing to heal");
    let names = std::fs::read_dir(shell.path()).expect("readable").flatten();
    let left = names.filter(|e| e.file_name().to_string_lossy().starts_with("schism-"));
    assert_eq!(left.count(), 4);
}
