//! Runs that differ in nothing must not be told to differ.

use std::{
    io::Read,
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::support::Shell;

/// How often runs are made.
const TIMES: usize = 2;
/// How many are made at once. Only these are held against each other: they have the same machine, with the same other work.
const AT_ONCE: usize = 10;

#[test]
fn of_pairs_of_identical_runs_at_most_one_in_twenty_is_told_to_differ() {
    let shell = Shell::new();
    let start = |_| -> Child {
        // The same seed: the same calls, and the same faults at the same times.
        let args = [
            "run",
            "embedded",
            "--nodes",
            "3",
            "--keys",
            "4",
            "--rate",
            "30/s",
            "--concurrency",
            "4",
            "--faults",
            "pause",
            "--time",
            "22s",
            "--seed",
            "0x5eed",
            "--progress",
            "none",
            "--quiet",
            "--json",
        ];
        let mut command = shell.command(&args);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().expect("it starts")
    };
    let id = |mut child: Child| -> String {
        let mut said = String::new();
        child
            .stdout
            .take()
            .expect("piped")
            .read_to_string(&mut said)
            .expect("text");
        child.wait().expect("it ends");
        let last: Value =
            serde_json::from_str(said.lines().last().expect("a verdict")).expect("JSON");
        last["run"].as_str().expect("a run").to_owned()
    };
    let compare = |first: &str, second: &str| -> Value {
        let said = shell.schism(&["compare", first, second, "--json"]).code(0);
        serde_json::from_str(&said.out).expect("JSON")
    };
    let (mut pairs, mut told) = (0, Vec::new());
    for _ in 0..TIMES {
        let children: Vec<Child> = (0..AT_ONCE).map(start).collect();
        let runs: Vec<String> = children.into_iter().map(id).collect();
        let all = runs.iter().enumerate();
        for (first, second) in all.flat_map(|(i, one)| runs[..i].iter().map(move |two| (two, one)))
        {
            let said = compare(first, second);
            pairs += 1;
            let changes = said["comparison"]["changes"].as_array().expect("a list");
            // Long enough for its noise to be known, or the test would show nothing.
            assert_eq!(changes.len(), 4);
            assert!(
                changes.iter().all(|change| change["noise"].is_number()),
                "{said}"
            );
            if said["no_change"] != true {
                told.push(said["comparison"].to_string());
            }
        }
    }
    assert!(
        told.len() * 20 <= pairs,
        "{} of {pairs}:\n{}",
        told.len(),
        told.join("\n")
    );
}
