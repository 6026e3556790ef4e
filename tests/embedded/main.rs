//! Whole runs against the embedded store: real processes on loopback, no root.

mod again;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use support::{Shell, ended, eventually};

fn verdict(shell: &Shell) -> serde_json::Value {
    let text = std::fs::read_to_string(shell.path().join("runs/latest/verdict.json"))
        .expect("a sealed run");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn consensus_survives_partitions_kills_and_pauses() {
    let shell = Shell::new();
    shell
        .schism(&["run", "embedded", "--time", "8s"])
        .code(0)
        .says("PASS");
    let verdict = verdict(&shell);
    assert_eq!(verdict["verdict"], "pass");
    for file in [
        "report.html",
        "junit.xml",
        "summary.md",
        "meta.json",
        "history.jsonl",
        "faults.jsonl",
    ] {
        assert!(
            shell.path().join("runs/latest").join(file).is_file(),
            "{file}"
        );
    }
    // The record alone leads to the same verdict.
    shell.schism(&["check", "latest"]).code(0).says("PASS");
    shell.schism(&["list"]).code(0).says("pass");
    shell.schism(&["show", "latest"]).code(0).says("PASS");
}

#[test]
fn a_quorum_of_one_under_partition_returns_a_stale_read() {
    let shell = Shell::new();
    let args = [
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
        "--time",
        "6s",
    ];
    shell
        .schism(&args)
        .code(1)
        .says("FAIL")
        .says("linearizable");
    assert_eq!(verdict(&shell)["verdict"], "fail");
    shell.schism(&["check", "latest"]).code(1);
    shell.schism(&["check", "-1"]).code(1);
    let card = shell.schism(&["show", "latest/1"]).code(0);
    let proof = card.out.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let number = words.next()?;
        words.next()?.strip_prefix('p')?.parse::<u32>().ok()?;
        Some(number.to_owned())
    });
    let call = proof.expect("the number of a call of the proof");
    shell
        .schism(&["show", &format!("latest/op/{call}")])
        .code(0)
        .says("on key")
        .says("Faults that may have been in force")
        .says("just before and after");
    shell
        .schism(&["show", "latest/op/999999999"])
        .code(2)
        .says("are numbered from 0 to ");
    card.says("key");
    shell
        .schism(&["list", "--verdict", "fail"])
        .code(0)
        .says("quorum");
    for (filter, found) in [
        (["--case", "*-quorum/part*"], "partition"),
        (["--case", "etcd*"], "no run is as was asked"),
        (["--since", "1h"], "quorum"),
    ] {
        let said = shell.schism(&[&["list"][..], &filter].concat());
        said.code(0).says(found);
    }
}

#[test]
fn a_violation_shows_while_the_run_goes_on_and_ends_it_where_one_is_enough() {
    let shell = Shell::new();
    let args = [
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
        "--time",
        "60s",
        "--fail-fast",
    ];
    let said = shell.schism(&args).code(1);
    said.says("✗ violation at ")
        .says("must have been there both before and after");
    let dir = shell.path().join("runs/latest");
    let meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("meta.json")).expect("written"))
            .expect("JSON");
    let until = meta["phases"]["workload"]["until"]
        .as_u64()
        .expect("it ended");
    assert!(until < 55_000_000_000, "stopped after {until} ns of 60 s");
    assert_eq!(meta["interrupted"], false, "nobody interrupted it");
    assert!(
        meta["phases"]["final_reads"].is_object(),
        "it read once more"
    );
    let events = std::fs::read_to_string(dir.join("events.jsonl")).expect("written");
    assert!(events.contains(r#""type":"violation""#), "{events}");
}

#[test]
fn the_last_json_line_is_the_verdict_and_nothing_else_is_on_standard_output() {
    let shell = Shell::new();
    let args = [
        "run", "embedded", "--faults", "kill", "--time", "4s", "--json",
    ];
    let said = shell.schism(&args);
    let lines: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|l| serde_json::from_str(l).expect("a JSON line"))
        .collect();
    let last = lines.last().expect("at least the verdict");
    assert_eq!(last["type"], "verdict");
    assert_eq!(
        i64::from(said.code.expect("no signal")),
        last["exit"].as_i64().expect("a number")
    );
    assert!(lines.iter().any(|l| l["type"] == "fault"));
}

#[test]
fn a_run_without_faults_or_reads_is_unknown_rather_than_a_pass() {
    let shell = Shell::new();
    // Nothing is asked of the store in so short a time at so low a rate.
    let args = [
        "run", "embedded", "--faults", "kill", "--time", "1s", "--rate", "1/m",
    ];
    shell
        .schism(&args)
        .code(3)
        .says("UNKNOWN")
        .says("coverage/");
}

#[test]
fn one_interrupt_stops_heals_and_judges_what_there_is() {
    let shell = Shell::new();
    let child = shell
        .command(&["run", "embedded", "--faults", "kill", "--time", "60s"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = child.id().to_string();
    let faults = shell.path().join("runs/latest/faults.jsonl");
    assert!(
        eventually(Duration::from_secs(20), || {
            std::fs::read_to_string(&faults).is_ok_and(|text| text.contains("\"verify\""))
        }),
        "no fault was injected"
    );
    let kill = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .expect("kill runs");
    assert!(kill.success());
    let said = ended(child.wait_with_output().expect("it ends"))
        .code(130)
        .says("interrupted");
    assert_eq!(verdict(&shell)["verdict"], "unknown", "{}", said.err);
    let faults = std::fs::read_to_string(&faults).expect("readable");
    assert!(faults.contains("\"heal\""), "{faults}");
}

#[test]
fn a_killed_run_leaves_no_process_a_readable_history_and_something_to_heal() {
    let shell = Shell::new();
    let mut child = shell
        .command(&["run", "embedded", "--faults", "pause", "--time", "60s"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let faults = shell.path().join("runs/latest/faults.jsonl");
    assert!(eventually(Duration::from_secs(20), || {
        std::fs::read_to_string(&faults).is_ok_and(|text| text.contains("\"verify\""))
    }));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    // Also the stores that were stopped at that moment.
    let here = shell.path().to_str().expect("UTF-8").to_owned();
    assert!(
        eventually(Duration::from_secs(5), || processes_mentioning(&here)
            .is_empty()),
        "{:?}",
        processes_mentioning(&here)
    );
    shell.schism(&["list"]).code(0).says("interrupted");
    shell.schism(&["check", "latest"]).says("interrupted");
    shell.schism(&["heal"]).code(0);
    shell.schism(&["heal"]).code(0).says("nothing");
    let names = std::fs::read_dir(shell.path())
        .expect("readable")
        .flatten()
        .map(|e| e.file_name());
    let left: Vec<_> = names
        .filter(|n| n.to_string_lossy().starts_with("schism-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Command lines of processes that name this directory.
fn processes_mentioning(path: &str) -> Vec<String> {
    std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .map(|c| String::from_utf8_lossy(&c).replace('\0', " "))
        .filter(|c| c.contains(path))
        .collect()
}

#[test]
fn a_store_that_ends_by_itself_is_started_again_for_the_final_reads_and_it_is_told() {
    let shell = Shell::new();
    let child = shell
        .command(&["run", "embedded", "--faults", "none", "--time", "4s"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let history = shell.path().join("runs/latest/history.jsonl");
    assert!(
        eventually(Duration::from_secs(20), || {
            std::fs::read_to_string(&history).is_ok_and(|text| text.contains("\"ok\""))
        }),
        "no call succeeded"
    );
    // As a crash: neither a fault nor the harness knows of it.
    let here = shell.path().to_str().expect("UTF-8");
    let is_n2 = |c: &str| c.contains(here) && c.contains("embedded serve") && c.contains(" n2");
    let found = std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .find(|p| {
            std::fs::read(p.path().join("cmdline"))
                .is_ok_and(|c| is_n2(&String::from_utf8_lossy(&c).replace('\0', " ")))
        });
    let number = found.expect("the store of n2 runs").file_name();
    let kill = std::process::Command::new("kill")
        .arg("-KILL")
        .arg(&number)
        .status()
        .expect("kill runs");
    assert!(kill.success());
    let said = ended(child.wait_with_output().expect("it ends")).code(0);
    said.says("on n2 had ended by itself, not by a fault")
        .says("started again for the final reads");
    let story = verdict(&shell)["story"].to_string();
    assert!(story.contains("was not running on n2"), "{story}");
    let history = std::fs::read_to_string(&history).expect("readable");
    let last = history.lines().rev().take(400).collect::<String>();
    assert!(last.contains("\"n2\""), "n2 is read at the end");
}

#[test]
fn the_same_seed_asks_the_same_calls() {
    let first = |seed: &str| {
        let shell = Shell::new();
        let args = [
            "run",
            "embedded",
            "--faults",
            "none",
            "--time",
            "2s",
            "--rate",
            "50/s",
            "--concurrency",
            "1",
        ];
        shell
            .schism(&[&args[..], &["--seed", seed]].concat())
            .says(seed);
        let read = |name: &str| {
            std::fs::read_to_string(shell.path().join("runs/latest").join(name)).expect("written")
        };
        let meta: serde_json::Value = serde_json::from_str(&read("meta.json")).expect("JSON");
        let until = meta["phases"]["workload"]["until"]
            .as_u64()
            .expect("a time");
        let text = read("history.jsonl");
        let calls = text
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON"));
        // How many there are in the time is the machine's to say; so are the final reads after them.
        let calls = calls
            .filter(|e| e["type"] == "invoke" && e["f"] != "cas")
            .filter(|e| e["time"].as_u64().is_some_and(|t| t < until))
            .take(20);
        let calls: Vec<_> = calls.map(|e| format!("{} {}", e["f"], e["key"])).collect();
        assert!(calls.len() >= 5, "{calls:?}");
        calls
    };
    let (one, again, other) = (first("0x5eed"), first("0x5eed"), first("0xfeed"));
    let both = one.len().min(again.len());
    assert_eq!(one[..both], again[..both]);
    let both = one.len().min(other.len());
    assert_ne!(one[..both], other[..both]);
}

#[test]
fn what_faults_take_time_for_is_not_taken_for_silence_and_what_is_left_out_is_one_line() {
    let shell = Shell::new();
    std::fs::write(
        shell.path().join("schism.yaml"),
        "schedule:\n  script:\n    - { at: 1s, inject: kill@n1 }\n    - { at: 2s, inject: clock@n1 }\n",
    )
    .expect("it can be written");
    // The clock of a process that is gone shows nothing: the order lasts until it is given up, longer than clients may be
    // silent.
    let args = ["run", "schism.yaml", "--mode", "quorum", "--time", "11s"];
    let ran = shell.schism(&args);
    let orders = std::fs::read_to_string(shell.path().join("runs/latest/orders.jsonl"));
    let text = orders.expect("orders were given");
    let clocks = text.matches("\"clock\"").count();
    assert!(clocks > 0, "no clock was ordered: {text}");
    assert!(!ran.err.contains("no call has ended"), "{}", ran.err);

    std::fs::remove_file(shell.path().join("schism.yaml")).expect("it is there");
    let ran = shell.schism(&["run", "embedded", "--faults", "all", "--time", "4s"]);
    let left_out: Vec<&str> = ran
        .err
        .lines()
        .filter(|line| line.contains("left out"))
        .collect();
    assert_eq!(left_out.len(), 1, "{}", ran.err);
    for (word, there) in [
        ("membership", true),
        ("terminate", false),
        ("packets", false),
    ] {
        assert_eq!(left_out[0].contains(word), there, "{}", left_out[0]);
    }
    let log = std::fs::read_to_string(shell.path().join("runs/latest/log.txt"));
    let log = log.expect("a log");
    assert!(
        log.contains("left out: membership: members of embedded cannot leave and join"),
        "{log}"
    );
}
