//! Real systems in a lab: etcd over SSH, under real faults. Needs root, sshd, nftables or iptables, and etcd.

#[path = "../support/page.rs"]
mod page;
#[path = "../support/root.rs"]
mod root;
#[path = "../support/mod.rs"]
mod support;

use page::Page;
use serde_json::Value;
use support::Shell;

fn read(shell: &Shell, name: &str) -> String {
    std::fs::read_to_string(shell.path().join("runs/latest").join(name))
        .expect("written by the run")
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|l| serde_json::from_str(l).expect("a JSON line"))
        .collect()
}

/// Asked and started as the file of an adapter says, with nothing in this program that knows it.
#[test]
fn a_database_of_the_users_own_passes_under_faults_and_leaves_nothing() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/adapters/etcd-v2.http.yaml"
    );
    let run = |more: &[&str]| {
        shell.schism(&[&["run", file, "--lab", "3", "--time", "12s"], more].concat())
    };
    run(&["--faults", "partition,kill@leader,pause"])
        .code(0)
        .says("PASS");
    let verdict: Value = serde_json::from_str(&read(&shell, "verdict.json")).expect("JSON");
    assert_eq!(verdict["case"], "register × partition+kill+pause × etcd-v2");
    let killed = |line: &str| line.contains("\"kind\":\"kill\"") && line.contains("\"ok\":true");
    let faults = read(&shell, "faults.jsonl");
    assert!(faults.lines().any(killed), "the leader was found: {faults}");
    assert!(
        verdict["faults"]["verified"].as_u64() >= Some(3),
        "{verdict}"
    );
    assert!(verdict["ops"]["ok"].as_u64() > Some(500), "{verdict}");
    let log = read(&shell, "nodes/n1/schism-etcd-v2.log");
    assert!(log.contains("=== schism starts etcd"), "its log is kept");
    let meta: Value = serde_json::from_str(&read(&shell, "meta.json")).expect("JSON");
    assert!(
        meta["target_version"]
            .as_str()
            .is_some_and(|v| v.starts_with("etcd Version")),
        "{meta}"
    );

    let text = std::fs::read_to_string(file).expect("the example");
    shell.write(
        "gone.yaml",
        &text.replace("    etcd --name", "    no-such-db --name"),
    );
    let gone = ["run", "gone.yaml", "--lab", "1", "--faults", "none"];
    shell
        .schism(&gone)
        .code(4)
        .says("there is no no-such-db on this node");
    root::assert_nothing_left(shell.path());
}

#[test]
fn etcd_passes_under_partitions_kills_and_pauses_with_every_fault_verified() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let args = [
        "run",
        "etcd",
        "--lab",
        "5",
        "--faults",
        "partition,kill,pause",
        "--time",
        "60s",
    ];
    shell.schism(&args).code(0).says("PASS");
    let page = Page::of_latest(shell.path(), "etcd-pass");
    page.is_whole("PASS").says(&[
        "No violation found in",
        "Evidence, not proof",
        "linearizable means",
    ]);
    let nodes = page.section("nodes");
    for part in [
        "nodes/n1/schism-etcd.log",
        "elected leader",
        "=== schism starts etcd",
        "injected",
    ] {
        assert!(nodes.contains(part), "{part:?} is not in\n{nodes}");
    }

    let verdict: Value = serde_json::from_str(&read(&shell, "verdict.json")).expect("JSON");
    assert!(
        verdict["ops"]["ok"].as_u64().expect("a number") > 3000,
        "{verdict:#}"
    );
    let faults = json_lines(&read(&shell, "faults.jsonl"));
    for kind in ["partition", "kill", "pause"] {
        let verified = |e: &&Value| e["kind"] == kind && e["step"] == "verify";
        assert!(
            faults.iter().filter(verified).count() > 0,
            "no {kind} at all"
        );
        for step in ["inject", "verify", "heal", "heal-verify"] {
            for event in faults
                .iter()
                .filter(|e| e["kind"] == kind && e["step"] == step)
            {
                assert_eq!(event["ok"], true, "{event:#}");
            }
        }
    }
    // Reads went on in every window.
    let history = json_lines(&read(&shell, "history.jsonl"));
    let time = |e: &Value, field: &str| e[field].as_u64().expect("nanoseconds");
    let (mut windows, mut silent) = (0, Vec::new());
    for injected in faults.iter().filter(|e| e["step"] == "inject") {
        let id = &injected["fault"];
        let healed = faults
            .iter()
            .find(|e| e["step"] == "heal" && e["fault"] == *id)
            .expect("healed");
        let (from, until) = (time(injected, "until"), time(healed, "time"));
        let reads = history
            .iter()
            .filter(|e| e["type"] == "ok" && e["f"] == "read")
            .filter(|e| (from..=until).contains(&time(e, "time")))
            .count();
        windows += 1;
        if reads == 0 {
            silent.push(injected);
        }
    }
    // A busy machine may lose one window to an election that takes as long; more than that is no accident.
    assert!(
        silent.len() <= windows / 10,
        "of {windows} windows no read in {silent:#?}"
    );
    shell.schism(&["check", "latest"]).code(0);
    root::assert_nothing_left(shell.path());
}

#[test]
fn etcds_serializable_reads_are_caught_as_stale_and_explained() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let args = [
        "run",
        "etcd",
        "--lab",
        "5",
        "--serializable",
        "--faults",
        "partition",
        "--time",
        "15s",
    ];
    shell.schism(&args).code(1).says("FAIL").says("partition");
    let page = Page::of_latest(shell.path(), "etcd-stale");
    page.is_whole("FAIL").says(&[
        "What happened",
        "Could it be the test?",
        "reads are serializable, which etcd documents as possibly stale",
        "schism repro",
        "linearizable means",
    ]);
    assert!(page.section("nodes").contains("nodes/n5/schism-etcd.log"));
    assert!(
        page.section("time")
            .contains("What each side of a partition was given")
    );
    let verdict: Value = serde_json::from_str(&read(&shell, "verdict.json")).expect("JSON");
    let finding = &verdict["findings"][0];
    assert_eq!(finding["property"], "linearizable");
    let text = finding["explanation"].as_str().expect("words");
    assert!(text.contains("key") && text.contains("n"), "{text}");
    assert!(
        finding["witness"].as_array().is_some_and(|w| w.len() <= 4),
        "{finding:#}"
    );
    shell.schism(&["check", "latest"]).code(1);
    // In a lab of its own for each try, one after the other in one process.
    let again = shell.schism(&["repro", "latest-fail", "--tries", "2"]);
    again.code(1).says("of 2 tries");
    root::assert_nothing_left(shell.path());
}
