//! The pages of real runs: each says what happened, how sure that is and what to type next, and nothing that is not so.
//! Those of etcd are in `tests/targets`, those of a million calls and of simulated stores in `reports/tests/browser`.

#[path = "../support/page.rs"]
mod page;
#[path = "../support/mod.rs"]
mod support;

use std::{net::TcpListener, time::Duration};

use page::Page;
use serde_json::Value;
use support::{Shell, ended, eventually};

fn verdict(shell: &Shell) -> Value {
    let sealed = std::fs::read(shell.path().join("runs/latest/verdict.json"));
    serde_json::from_slice(&sealed.expect("a sealed run")).expect("JSON")
}

const QUORUM_OF_ONE: [&str; 7] = [
    "run",
    "embedded",
    "--mode",
    "quorum",
    "--read-quorum",
    "1",
    "--write-quorum=1",
];

#[test]
fn a_stale_read_is_told_with_its_proof_its_faults_and_what_nodes_wrote_meanwhile() {
    let shell = Shell::new();
    let faults = ["--faults", "partition,clock,kill", "--time", "12s"];
    shell
        .schism(&[&QUORUM_OF_ONE[..], &faults].concat())
        .code(1);
    let page = Page::of_latest(shell.path(), "embedded-fail");
    let verdict = verdict(&shell);
    let (run, finding) = (&verdict["run"], &verdict["findings"][0]);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    page.is_whole("FAIL").says(&[
        "linearizable means",
        &text(&verdict["story"]),
        "What happened",
        "Could it be the test?",
        &format!("schism repro {} --tries 20", text(run)),
        &format!("schism shrink {}/1", text(run)),
        "R=1, W=1, N=5: R + W ≤ N",
    ]);
    let findings = page.section("findings");
    assert!(
        findings.contains(&text(&finding["explanation"])),
        "{findings}"
    );
    the_proof_is_least(&shell, finding);
    let nodes = page.section("nodes");
    for part in [
        "nodes/n1/server.log",
        "does not answer",
        "server starts",
        "injected",
        "give or take",
    ] {
        assert!(nodes.contains(part), "{part:?} is not in\n{nodes}");
    }
    let time = page.section("time");
    for part in [
        "Clocks as they were measured",
        "while it was to be wrong",
        "What each side of a partition was given",
    ] {
        assert!(time.contains(part), "{part:?} is not in\n{time}");
    }
    the_pages_are_made_again(&shell);
}

/// From what was found, to the byte, and without judging.
fn the_pages_are_made_again(shell: &Shell) {
    let run = shell.path().join("runs/latest");
    let pages = ["report.html", "summary.md", "junit.xml"].map(|name| run.join(name));
    let before = pages
        .each_ref()
        .map(|page| std::fs::read(page).expect("written"));
    for page in &pages {
        std::fs::remove_file(page).expect("it was there");
    }
    shell
        .schism(&["report", "latest"])
        .code(0)
        .says("report.html");
    for (page, before) in pages.iter().zip(before) {
        let again = std::fs::read(page).expect("written again");
        assert!(again == before, "{} is another now", page.display());
    }
}

/// The proof alone fails with the same class, and whatever call may be taken from it (a read always, a write whose value
/// nobody kept has read), the rest fails no more.
fn the_proof_is_least(shell: &Shell, finding: &Value) {
    shell
        .schism(&["check", "latest", "--finding", "1", "--minimal"])
        .code(1);
    let text = std::fs::read_to_string(shell.path().join("minimal.jsonl")).expect("written");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let judged = |name: &str| -> (Option<i32>, Value) {
        let said = shell.schism(&["check", name, "--workload", "register", "--json"]);
        (said.code, serde_json::from_str(&said.out).expect("JSON"))
    };
    let (code, alone) = judged("minimal.jsonl");
    assert_eq!(code, Some(1));
    assert_eq!(alone["findings"][0]["code"], finding["code"]);
    let processes: std::collections::BTreeSet<u64> = events
        .iter()
        .filter_map(|e| e["process"].as_u64())
        .collect();
    assert!(processes.len() > 1, "{text}");
    let read = |value: &Value| {
        let ends = events
            .iter()
            .filter(|e| e["f"] == "read" && e["type"] == "ok");
        ends.clone().any(|e| e["value"] == *value)
    };
    let mut tried = 0;
    for (i, call) in events
        .iter()
        .enumerate()
        .filter(|(_, e)| e["type"] == "invoke")
    {
        if call["f"] != "read" && read(&call["value"]) {
            continue;
        }
        let end = events[i + 1..]
            .iter()
            .position(|e| e["process"] == call["process"]);
        let gone = [Some(i), end.map(|end| end + i + 1)];
        let lines = text.lines().enumerate();
        let rest: String = lines
            .filter(|(at, _)| !gone.contains(&Some(*at)))
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        shell.write("fewer.jsonl", &rest);
        let (code, told) = judged("fewer.jsonl");
        assert_ne!(code, Some(1), "without {call}: {told}");
        tried += 1;
    }
    assert!(tried > 0, "nothing could be taken from\n{text}");
}

#[test]
fn consensus_is_told_with_its_leaders() {
    let shell = Shell::new();
    shell
        .schism(&[
            "run",
            "embedded",
            "--faults",
            "kill,partition",
            "--time",
            "8s",
        ])
        .code(0);
    let page = Page::of_latest(shell.path(), "embedded-pass");
    page.is_whole("PASS")
        .says(&["No violation found in", "Evidence, not proof"]);
    assert!(page.section("nodes").contains("leader"), "{}", page.text);
}

#[test]
fn a_cluster_that_cannot_be_reached_leaves_a_run_that_says_so() {
    // A port at which nobody listens, and one where somebody hangs up.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = free.local_addr().expect("bound").port();
    drop(free);
    let rude = TcpListener::bind("127.0.0.1:0").expect("a port");
    let hangs_up = rude.local_addr().expect("bound").port();
    std::thread::spawn(move || rude.incoming().for_each(drop));
    for (port, name) in [(nobody, "refused"), (hangs_up, "hangs-up")] {
        let shell = Shell::new();
        let node = format!("db-7=127.0.0.1:{port}");
        shell
            .schism(&[
                "run",
                "etcd",
                "--node",
                &node,
                "--ssh-user",
                "nobody",
                "--time",
                "5s",
            ])
            .code(4)
            .says("db-7");
        let verdict = verdict(&shell);
        assert_eq!(verdict["verdict"], "error");
        assert_eq!(verdict["exit_code"], 4);
        let message = verdict["error"].as_str().expect("text").to_owned();
        let page = Page::of_latest(shell.path(), &format!("error-{name}"));
        page.is_whole("ERROR").says(&[
            "The run broke, and says nothing about etcd",
            &message,
            "neither a pass nor a fail",
            "No call had been made.",
            &format!("schism doctor etcd --node 'db-7=127.0.0.1:{port}' --ssh-user nobody"),
            "failed: db-7",
        ]);
        // Whoever looks at all runs sees it, too.
        shell.schism(&["list"]).code(0).says("error");
        let index = std::fs::read_to_string(shell.path().join("runs/index.html"));
        assert!(index.expect("written").contains("error"));
        the_pages_are_made_again(&shell);
    }
}

#[test]
fn nothing_is_recorded_of_what_was_never_to_run() {
    let shell = Shell::new();
    shell.schism(&["run", "etcd", "--time", "5s"]).code(2);
    shell
        .schism(&["run", "embedded", "--faults", "torn-write"])
        .code(2);
    assert!(!shell.path().join("runs/latest").exists());
}

#[test]
fn an_interrupted_run_says_what_was_looked_at_and_what_was_not() {
    let shell = Shell::new();
    let child = shell
        .command(&["run", "embedded", "--faults", "kill", "--time", "60s"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let pid = child.id().to_string();
    let faults = shell.path().join("runs/latest/faults.jsonl");
    let injected = eventually(Duration::from_secs(30), || {
        std::fs::read_to_string(&faults).is_ok_and(|text| text.contains("\"verify\""))
    });
    let kill = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .expect("kill runs");
    assert!(kill.success());
    let said = ended(child.wait_with_output().expect("it ends"));
    assert!(injected, "no fault was injected: {}", said.err);
    said.code(130);
    let page = Page::of_latest(shell.path(), "interrupted");
    page.is_whole("UNKNOWN").says(&[
        "the run was stopped",
        "looked at",
        "what was still to come was not looked at",
        "nothing was read once more at the end",
        "schism run embedded",
    ]);
}
