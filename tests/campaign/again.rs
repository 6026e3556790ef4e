//! What a campaign does when it is stopped, and how it goes on.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    begun, conforms, run, shell, states, suite,
    support::{Shell, ended, eventually},
};

const THREE: &str = "
target: { nodes: 3 }
workloads: { register: { keys: 2, rate: 40/s, concurrency: 3 } }
run: { time: 4s, op_timeout: 1s, settle: 5s }
faults: none
cases: [{ name: first }, { name: second }, { name: third }]
";
const PATIENCE: Duration = Duration::from_secs(120);

/// A campaign whose second case is being run.
fn in_the_second(shell: &Shell, more: &[&str]) -> Child {
    let args = [&["run", "--progress", "none", "--quiet", "--json"], more].concat();
    let mut command = shell.command(&args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let there = eventually(PATIENCE, || {
        let at_it = |record: Value| states(&record)[1] == "running";
        begun(shell, "runs").is_some_and(at_it) && second_has_a_run(shell)
    });
    assert!(there, "the second case was never begun");
    child
}

/// Whether its clients are at work: it can be interrupted in good order.
fn second_has_a_run(shell: &Shell) -> bool {
    let parent = shell.path().join("runs/second/none");
    let runs = std::fs::read_dir(parent).into_iter().flatten().flatten();
    runs.into_iter()
        .any(|run| run.path().join("history.jsonl").is_file())
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn runner_of_second(record: &Value) -> u32 {
    let pid = record["cases"][1]["owner"]["pid"].as_u64();
    u32::try_from(pid.expect("a process")).expect("a number")
}

#[test]
fn a_campaign_that_was_killed_goes_on_where_it_was() {
    let shell = shell(THREE);
    let mut child = in_the_second(&shell, &["--seed", "7"]);
    run(&shell, &["--resume", "latest"])
        .code(2)
        .says("still being run");
    let runner = runner_of_second(&suite(&shell, "runs"));
    kill_process(pid(&child), Signal::KILL).expect("killed");
    child.wait().expect("it ends");
    // The case that ran hears of it, heals, and ends by itself.
    let gone = eventually(PATIENCE, || {
        !std::path::Path::new(&format!("/proc/{runner}")).exists()
    });
    assert!(gone, "the case outlived its campaign");

    let before = suite(&shell, "runs");
    assert_eq!(states(&before), ["ended", "running", "planned"]);
    // Neither another configuration nor its absence changes what is left to do.
    std::fs::remove_file(shell.path().join("schism.yaml")).expect("removed");
    run(&shell, &["--resume", "latest"])
        .code(0)
        .says("2 of 3 cases are left")
        .says("3 cases: 3 pass");
    let after = suite(&shell, "runs");
    assert_eq!(after["suite"], before["suite"]);
    assert_eq!(states(&after), ["ended", "ended", "ended"]);
    assert_eq!(
        after["cases"][0]["run"], before["cases"][0]["run"],
        "it was not run again"
    );
    let seeds = |record: &Value| -> Vec<String> {
        (0..3)
            .map(|i| record["cases"][i]["seed"].to_string())
            .collect()
    };
    assert_eq!(seeds(&after), seeds(&before));
    let runs = std::fs::read_dir(shell.path().join("runs/first/none")).expect("runs");
    assert_eq!(runs.count(), 1);
    // Nothing is left: it ends as it did.
    run(&shell, &["--resume", "latest"])
        .code(0)
        .says("0 of 3 cases are left");
}

#[test]
fn an_interrupt_ends_the_case_in_good_order_begins_no_other_and_says_how_to_go_on() {
    let shell = shell(THREE);
    let child = in_the_second(&shell, &[]);
    kill_process(pid(&child), Signal::INT).expect("interrupted");
    let ended = ended(child.wait_with_output().expect("it ends")).code(130);
    assert!(ended.err.contains("--resume"), "{}", ended.err);
    let record = suite(&shell, "runs");
    assert_eq!(states(&record), ["ended", "interrupted", "planned"]);
    assert_eq!(record["exit"], 130);
    let run = record["cases"][1]["run"].as_str().expect("it was sealed");
    let verdict = shell
        .path()
        .join("runs/second/none")
        .join(run)
        .join("verdict.json");
    assert!(verdict.is_file(), "{run}");
    // Machines are told of every case, and last of all of them together.
    let events: Vec<Value> = ended
        .out
        .lines()
        .map(|l| serde_json::from_str(l).expect("JSON"))
        .collect();
    conforms(&shell, "events", &events);
    conforms(&shell, "suite", [&record]);
    let last = events.last().expect("events");
    assert_eq!(
        (&last["type"], &last["exit"]),
        (&"verdict".into(), &130.into())
    );
    assert_eq!(last["suite"], record["suite"]);
    assert!(
        events[..events.len() - 1]
            .iter()
            .all(|event| event["case"].is_string())
    );
}
