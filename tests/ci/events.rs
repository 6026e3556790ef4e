//! The JSON stream: every line is as the schema says, and the last is the verdict, however it ends.

use serde_json::Value;

use super::{
    LONG, NOTHING, STALE, Shell, file, finish, schemas, signal, start, support::Ended, wait_for,
};

/// Every line conforms to the schema that the program ships; the last is the verdict, and the only one.
#[track_caller]
fn conforms(shell: &Shell, said: &Ended) -> Value {
    let schema = shell.schism(&["schema", "events"]).code(0).out;
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let parse =
        |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    let lines: Vec<Value> = said.out.lines().map(parse).collect();
    for line in &lines {
        let found = schemas::violations(&schema, line, "");
        assert!(found.is_empty(), "{found:?}\n{line}");
    }
    let verdicts = lines.iter().filter(|l| l["type"] == "verdict").count();
    assert_eq!(verdicts, 1, "{}", said.out);
    let last = lines.last().expect("a line").clone();
    assert_eq!(last["type"], "verdict", "{}\n{}", said.out, said.err);
    assert_eq!(last["exit"].as_i64(), said.code.map(i64::from), "{last}");
    last
}

#[test]
fn the_stream_of_every_way_to_end_is_as_its_schema_says() {
    let shell = Shell::new();
    let json = |args: &[&str]| shell.schism(&[args, &["--json"]].concat());
    let table: [(&[&str], &str, i32); 5] = [
        (&[&STALE[..], &["--time", "4s"]].concat(), "fail", 1),
        (&NOTHING, "unknown", 3),
        (&["run", "etdc"], "error", 2),
        (&["run", "--no-such-flag"], "error", 2),
        (
            &[
                "run",
                "etcd",
                "--node",
                "127.0.0.1:1",
                "--ssh-user",
                "nobody",
            ],
            "error",
            4,
        ),
    ];
    for (args, word, code) in table {
        let said = json(args).code(code);
        let last = conforms(&shell, &said);
        assert_eq!(last["verdict"], word, "{args:?}");
    }
    let child = start(&shell, &[&LONG[..], &["--json"]].concat());
    wait_for(&shell, "faults.jsonl", "\"verify\"");
    signal(&child, "-INT");
    let said = finish(child).code(130);
    assert_eq!(conforms(&shell, &said)["verdict"], "unknown");
    // What the run keeps is what was said.
    let kept = file(&shell, "events.jsonl");
    let kept: Vec<&str> = kept.lines().collect();
    let said: Vec<&str> = said.out.lines().collect();
    assert_eq!(kept.last(), said.last());
    assert!(kept.iter().all(|line| said.contains(line)), "{kept:?}");
}

#[test]
fn the_phases_come_in_their_order() {
    let shell = Shell::new();
    let said = shell.schism(&[
        "run",
        "embedded",
        "--faults",
        "none",
        "--time",
        "1s",
        "--json",
        "--progress",
        "none",
    ]);
    let lines = said
        .out
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
    let names: Vec<String> = lines
        .filter(|l| l["type"] == "phase")
        .map(|l| l["name"].as_str().expect("a name").to_owned())
        .collect();
    let phases = [
        "deploy",
        "ready",
        "workload",
        "heal",
        "final reads",
        "logs",
        "check",
        "report",
    ];
    assert_eq!(names, phases);
}
