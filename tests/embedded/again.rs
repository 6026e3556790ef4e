//! Runs made again, and made smaller, by the program as its users start it.

use crate::support::Shell;

/// A store that answers from two replicas what three have: nothing is stale while all can talk, much is while they cannot.
/// Of its faults only the partition matters.
const FOUR_FAULTS: &str = "
target: { adapter: embedded, mode: quorum, read_quorum: 2, write_quorum: 3 }
workloads: { register: { keys: 4, rate: 200/s, concurrency: 2n } }
run: { time: 5s, op_timeout: 2s, seed: 0x5eed }
schedule:
  script:
    - { at: 200ms, inject: pause@n3, for: 100ms }
    - { at: 900ms, inject: pause@n4, for: 100ms }
    - { at: 1500ms, inject: partition@n1+n2, for: 2500ms }
    - { at: 4400ms, inject: pause@n5, for: 100ms }
";

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_violation_is_reproduced_with_the_recorded_faults_and_its_rate_is_told() {
    let shell = Shell::new();
    let args = [
        "run",
        "embedded",
        "--mode",
        "quorum",
        "--faults",
        "partition",
        "--time",
        "3s",
        "--op-timeout",
        "1s",
    ];
    shell.schism(&args).code(1);
    let original = std::fs::read_link(shell.path().join("runs/latest")).expect("a link");
    let original = original.to_str().expect("UTF-8").to_owned();
    let original = format!("runs/{original}");

    // The recorded faults as a configuration: the same fault, its seed, when and for how long, and what it was.
    let written = shell.schism(&["repro", &original, "--write", "again.yaml"]);
    written.code(0).says("written: again.yaml");
    let yaml = std::fs::read_to_string(shell.path().join("again.yaml")).expect("written");
    let script = yaml
        .lines()
        .find(|line| line.contains("script:"))
        .expect("a script");
    for part in [
        "\"inject\":{\"partition\"",
        "\"seed\":",
        "\"at\":",
        "\"for\":",
        "\"was\":",
    ] {
        assert!(script.contains(part), "{part} is not in {script}");
    }

    let said = shell.schism(&["repro", &original, "--tries", "2", "--json"]);
    let said = said.code(1).says("try 1: ");
    let result = json(&said.out);
    let (hits, tries) = (result["hits"].as_u64(), result["tries"].as_u64());
    assert!(hits >= Some(1) && tries == Some(2), "{result}");
    assert!(result["low"].as_f64() > Some(0.05), "{result}");
    // The repetition met the same nodes.
    let aimed = |run: &str| {
        let faults =
            std::fs::read_to_string(shell.path().join(run).join("faults.jsonl")).expect("a track");
        let events = faults.lines().map(json);
        let planned = events.filter(|e| e["step"] == "plan" && e["ok"] == true);
        planned.map(|e| e["what"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(aimed(&original), aimed("runs/latest"));
    let orders = shell.path().join("runs/latest/orders.jsonl");
    let orders = std::fs::read_to_string(orders).expect("what was asked of the nemesis");
    assert!(orders.contains("\"repeat\""), "{orders}");
}

#[test]
fn of_four_faults_the_one_that_matters_is_left() {
    let shell = Shell::new();
    shell.write("four.yaml", FOUR_FAULTS);
    shell.schism(&["run", "four.yaml"]).code(1);
    let args = [
        "shrink",
        "latest",
        "--tries",
        "3",
        "--budget",
        "3m",
        "-o",
        "least.yaml",
    ];
    let said = shell.schism(&args).code(1);
    said.says("4 faults over 5s")
        .says("as it was: ")
        .says("smallest: 1 fault")
        .says("partition {n1 n2} | {n3 n4 n5}")
        .says("again: schism repro least.yaml");
    let calls = shell.path().join("least.jsonl");
    assert!(calls.is_file(), "the calls that prove it");
    shell
        .schism(&["check", "least.jsonl", "--workload", "register"])
        .code(1);
    let again = ["repro", "least.yaml", "--tries", "4", "--first"];
    shell.schism(&again).code(1).says("reproduced: ");
    // The run, the one that showed it last, and the repetitions; what led nowhere is gone.
    let list = shell.schism(&["list", "--json"]).code(0);
    let runs = json(&list.out).as_array().map_or(0, Vec::len);
    assert!((3..=6).contains(&runs), "{}", list.out);
    shell.schism(&["show", "latest"]).code(0);
}

#[test]
fn what_cannot_be_made_again_is_refused() {
    let shell = Shell::new();
    shell
        .schism(&["repro", "latest"])
        .code(2)
        .says("there are no runs yet");
    shell.write("tracks.yaml", "faults: [kill]\nrun: { time: 5s }\n");
    shell
        .schism(&["shrink", "tracks.yaml"])
        .code(2)
        .says("tracks.yaml has no script of faults that could be shrunk");
    shell
        .schism(&["run", "embedded", "--schedule", "sideways"])
        .code(2)
        .says("--schedule: ")
        .says("one-at-a-time");
    shell.write(
        "leader.yaml",
        "target: { adapter: embedded, mode: quorum }\nschedule: { script: [{ on: leader-change, inject: kill, for: 1s }] }\n",
    );
    shell
        .schism(&["run", "leader.yaml"])
        .code(2)
        .says("has no leader that could be asked for");
}
