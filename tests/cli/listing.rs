//! `schism list`: what there is besides runs, as people and scripts get it.

use serde_json::Value;

use crate::support::Shell;

fn listed(shell: &Shell, args: &[&str]) -> Vec<Value> {
    let said = shell.schism(args).code(0);
    let all: Value = serde_json::from_str(&said.out).expect("JSON");
    all.as_array().expect("an array").clone()
}

fn of<'a>(all: &'a [Value], key: &str, name: &str) -> &'a Value {
    all.iter()
        .find(|one| one[key] == name)
        .unwrap_or_else(|| panic!("no {key} {name}"))
}

#[test]
fn workloads_say_what_can_be_run_and_what_only_be_judged() {
    let shell = Shell::new();
    let all = listed(&shell, &["list", "workloads", "--json"]);
    assert_eq!(of(&all, "workload", "register")["runs"], true);
    let queue = of(&all, "workload", "queue");
    assert_eq!(queue["runs"], false);
    assert_eq!(queue["expects"][0], "at-least-once");
    let said = shell.schism(&["list", "workloads"]).code(0);
    said.says("long-fork")
        .says("schism run, workload: register");
}

#[test]
fn checkers_say_what_they_decide_of_what_and_how_far_to_trust_them() {
    let shell = Shell::new();
    let all = listed(&shell, &["list", "checkers", "--json"]);
    let lock = of(&all, "checker", "lock");
    assert_eq!(
        lock["decides"][0]["of"],
        serde_json::json!([{ "workload": "lock", "expect": "mutual-exclusion" }])
    );
    assert!(
        lock["limits"]
            .as_str()
            .expect("text")
            .contains("incomplete"),
        "{lock}"
    );
    // What the list names can be asked for as it stands there.
    shell.write("h.jsonl", super::STALE);
    let of_registers = all.iter().filter(|c| c["checker"] == "linearizable");
    assert!(of_registers.count() > 1, "registers, and models");
    shell
        .schism(&["list", "checkers"])
        .code(0)
        .says("--workload register --expect linearizable")
        .says("--model fifo-queue --expect linearizable")
        .says("of every run");
    shell
        .schism(&[
            "check",
            "h.jsonl",
            "--workload",
            "register",
            "--expect",
            "linearizable",
        ])
        .code(1);
}

#[test]
fn adapters_are_the_targets_that_a_run_takes() {
    let shell = Shell::new();
    let all = listed(&shell, &["list", "adapters", "--json"]);
    assert_eq!(of(&all, "adapter", "etcd")["needs_cluster"], true);
    assert_eq!(of(&all, "adapter", "embedded")["needs_cluster"], false);
    shell
        .schism(&["list", "adapters"])
        .code(0)
        .says("FILE.yaml")
        .says("schism new");
}

const NIGHTLY: &str = "
run: { time: 90s }
cases:
  - { faults: [none, partition+kill] }
  - { name: loose, target: { mode: quorum }, faults: [kill], seeds: 3 }
";

#[test]
fn cases_are_those_of_the_file_that_is_named_or_found() {
    let shell = Shell::new();
    shell.write("nightly.yaml", NIGHTLY);
    let all = listed(&shell, &["list", "cases", "nightly.yaml", "--json"]);
    let names: Vec<&str> = all.iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "register-embedded-consensus/none",
            "register-embedded-consensus/partition+kill",
            "loose/kill"
        ]
    );
    assert_eq!(all[1]["kinds"], serde_json::json!(["partition", "kill"]));
    assert_eq!(all[2]["seeds"].as_array().expect("seeds").len(), 3);
    assert_eq!(all[0]["seconds"], 90.0);
    shell.write("schism.yaml", NIGHTLY);
    let found = shell.schism(&["list", "cases"]).code(0);
    found.says("loose/kill").says("3 seeds, 90s each");
    // Without a file there is one, of the built-in store.
    let alone = Shell::new();
    let all = listed(&alone, &["list", "cases", "--json"]);
    assert_eq!(all.len(), 1);
}

#[test]
fn what_is_not_about_what_is_listed_is_refused() {
    let shell = Shell::new();
    for (args, why) in [
        (&["list", "checkers", "etcd"][..], "faults"),
        (&["list", "cases", "--verdict", "fail"], "runs"),
        (&["list", "checkers", "--since", "7d"], "runs"),
        (&["list", "--since", "soon"], "30d"),
        (&["list", "workloads", "--lab", "3"], "faults"),
        (&["list", "cases", "nosuch.yaml"], "nosuch.yaml"),
        (&["list", "nosuch"], "checkers"),
    ] {
        shell.schism(args).code(2).says(why);
    }
}
