//! How the program ends, over real processes: each code, mixtures, signals, and bugs of ours.

use super::{
    LONG, NOTHING, PATIENCE, STALE, Shell, file, finish, nothing_left, schemas, signal, stale,
    start, support, verdict, wait_for,
};

/// A write of 1, a write of 2, a read of this.
fn history(read: &str) -> String {
    let calls = [(0, "write", "1"), (0, "write", "2"), (1, "read", read)];
    let mut lines = String::new();
    for (i, (process, f, value)) in calls.into_iter().enumerate() {
        for (j, kind) in ["invoke", "ok"].into_iter().enumerate() {
            let value = match (f, kind) {
                ("read", "invoke") => String::new(),
                _ => format!(r#","value":{value}"#),
            };
            let n = 2 * i + j;
            lines.push_str(&format!(
                r#"{{"index":{n},"time":{}000000,"process":{process},"type":"{kind}","f":"{f}","key":"x"{value},"node":"n1"}}"#,
                n + 1
            ));
            lines.push('\n');
        }
    }
    lines
}

#[test]
fn every_mixture_of_histories_ends_with_its_worst() {
    let shell = Shell::new();
    shell.write("pass", &history("2"));
    shell.write("fail", &history("1"));
    shell.write("unknown", "");
    shell.write("error", "nonsense\n");
    // An empty file says nothing of what it is of.
    let said = shell.schism(&["check", "unknown", "--workload", "register"]);
    said.code(3).says("stats/nothing-succeeded");
    let table: [(&[&str], i32); 13] = [
        (&["pass"], 0),
        (&["fail"], 1),
        (&["error"], 2),
        (&["unknown"], 3),
        (&["pass", "unknown"], 3),
        (&["unknown", "pass", "--on-unknown", "pass"], 0),
        (&["unknown", "pass", "--on-unknown", "warn"], 0),
        (&["unknown", "fail", "--on-unknown", "pass"], 1),
        (&["fail", "unknown"], 1),
        (&["unknown", "fail", "pass"], 1),
        (&["error", "fail"], 1),
        (&["error", "unknown"], 2),
        (&["unknown", "error", "fail", "pass"], 1),
    ];
    for (what, code) in table {
        let args = [&["check", "--workload", "register"], what].concat();
        let said = shell.schism(&args);
        assert_eq!(said.code, Some(code), "{what:?}\n{}{}", said.out, said.err);
    }
}

#[test]
fn a_run_that_concludes_nothing_ends_as_was_asked_for() {
    let shell = Shell::new();
    let table = [
        ("fail", 3, "<error type=\"inconclusive\""),
        ("warn", 0, "<skipped"),
        ("pass", 0, "<skipped"),
    ];
    for (wish, code, junit) in table {
        let said = shell.schism(&[&NOTHING[..], &["--on-unknown", wish]].concat());
        let said = said.code(code).says("UNKNOWN");
        let warned = said.err.contains("⚠ not enough evidence to pass");
        assert_eq!(warned, wish == "warn", "{}", said.err);
        // The verdict is what it is, however the program ends.
        assert_eq!(verdict(&shell)["verdict"], "unknown");
        assert_eq!(verdict(&shell)["exit_code"], code);
        let document = file(&shell, "junit.xml");
        assert!(document.contains(junit), "{wish}: {document}");
    }
}

#[test]
fn a_violation_is_not_masked_by_a_disk_that_is_full_after_it() {
    let shell = Shell::new();
    let run = |args: &[&str]| {
        let mut command = shell.command(&[]);
        let program = command.get_program().to_owned();
        // No file may grow beyond this; a write that tries fails, as on a full disk, instead of killing the program.
        command = std::process::Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$@\"", "sh"])
            .arg(program)
            .args(args)
            .current_dir(shell.path())
            .env("TMPDIR", shell.path())
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C.UTF-8")
            .stdin(std::process::Stdio::null());
        support::ended(command.output().expect("sh starts"))
    };
    let said = run(&[&STALE[..], &["--time", "60s", "--rate", "2000/s"]].concat());
    let said = said.code(1).says("FAIL").says("history.jsonl");
    assert_eq!(verdict(&shell)["verdict"], "fail", "{}", said.err);
    nothing_left(&shell);

    let calm = [
        "run",
        "embedded",
        "--faults",
        "kill",
        "--time",
        "60s",
        "--rate",
        "2000/s",
        "--progress",
        "none",
    ];
    let said = run(&calm).code(4).says("history.jsonl");
    let sealed = verdict(&shell);
    assert_eq!(
        (&sealed["verdict"], &sealed["exit_code"]),
        (&"error".into(), &4.into())
    );
    let schema = shell.schism(&["schema", "verdict"]).code(0).out;
    let schema = serde_json::from_str(&schema).expect("JSON");
    let found = schemas::violations(&schema, &sealed, "");
    assert!(found.is_empty(), "{found:?}\n{sealed}");
    let junit = file(&shell, "junit.xml");
    assert!(junit.contains("<error type=\"infrastructure\""), "{junit}");
    assert!(
        file(&shell, "summary.md").starts_with("## ! ERROR register"),
        "{}",
        said.err
    );
    nothing_left(&shell);
}

#[test]
fn one_interrupt_heals_and_judges_and_a_second_does_without_the_judging() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let shell = Shell::new();
        let child = start(&shell, &LONG);
        wait_for(&shell, "faults.jsonl", "\"verify\"");
        signal(&child, name);
        let said = finish(child).code(code).says("stopping: healing");
        assert_eq!(verdict(&shell)["verdict"], "unknown", "{}", said.err);
        assert_eq!(verdict(&shell)["exit_code"], code);
        assert!(file(&shell, "faults.jsonl").contains("\"heal-verify\""));
        nothing_left(&shell);
    }

    let shell = Shell::new();
    let child = start(&shell, &[&LONG[..], &["--json"]].concat());
    wait_for(&shell, "faults.jsonl", "\"verify\"");
    signal(&child, "-INT");
    wait_for(&shell, "events.jsonl", "stopping: healing");
    signal(&child, "-INT");
    let said = finish(child).code(130);
    // Either it was healed and not judged, or judging was over before the second was heard.
    let last: serde_json::Value =
        serde_json::from_str(said.out.lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&last["type"], &last["exit"]),
        (&"verdict".into(), &130.into())
    );
    assert_eq!(last["verdict"], "unknown", "{}", said.err);
    assert!(file(&shell, "faults.jsonl").contains("\"heal-verify\""));
    nothing_left(&shell);
    // Whatever was left undone can be done now.
    shell
        .schism(&["check", "latest"])
        .code(3)
        .says("interrupted");
    assert_eq!(verdict(&shell)["verdict"], "unknown");
}

#[test]
fn an_interrupted_run_that_found_something_ends_as_interrupted_with_a_verdict_that_says_fail() {
    let shell = Shell::new();
    let child = start(&shell, &[&STALE[..], &["--time", "120s"]].concat());
    wait_for(&shell, "events.jsonl", "\"violation\"");
    signal(&child, "-INT");
    let said = finish(child).code(130).says("FAIL");
    let sealed = verdict(&shell);
    assert_eq!(sealed["verdict"], "fail", "{}", said.err);
    assert_eq!(sealed["interrupted"], true);
    // The record alone is judged by itself: nobody interrupts that.
    shell.schism(&["check", "latest"]).code(1);
}

#[test]
fn a_third_interrupt_leaves_at_once_and_says_how_to_heal() {
    let shell = Shell::new();
    let child = start(&shell, &[&LONG[..], &["--json"]].concat());
    wait_for(&shell, "faults.jsonl", "\"verify\"");
    // Stopped, it hears none of them; then all at once, before it could have healed.
    signal(&child, "-STOP");
    signal(&child, "-INT");
    signal(&child, "-TERM");
    signal(&child, "-CONT");
    wait_for(&shell, "events.jsonl", "healing, and no more");
    signal(&child, "-INT");
    let said = finish(child);
    let last = said.out.lines().last().expect("a line").to_owned();
    let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(last["type"], "verdict", "{}", said.err);
    assert_eq!(last["exit"].as_i64(), said.code.map(i64::from));
    assert!([Some(130), Some(143)].contains(&said.code), "{said:?}");
    shell.schism(&["heal"]).code(0);
    nothing_left(&shell);
}

#[test]
fn repeating_a_run_ends_as_running_does() {
    let shell = Shell::new();
    stale(&shell).code(1);
    shell
        .schism(&["repro", "latest", "--tries", "5", "--first"])
        .code(1)
        .says("reproduced");
    // Nothing like it can be seen where the faults of that run are and the promise is kept.
    let yaml = "version: 1\ntarget: { adapter: embedded }\nfaults: [pause]\nrun: { time: 2s }\n";
    shell.write("calm.yaml", yaml);
    shell
        .schism(&[
            "repro",
            "calm.yaml",
            "--tries",
            "1",
            "--class",
            "stale-read",
        ])
        .code(3)
        .says("not reproduced")
        .says("does not show that it is gone");
    shell.schism(&["repro", "nosuch", "--tries", "1"]).code(2);
    let child = start(&shell, &["repro", "latest-fail", "--tries", "1000"]);
    let runs = || {
        let dir = shell.path().join("runs/index.jsonl");
        std::fs::read_to_string(dir).map_or(0, |text| text.lines().count())
    };
    let before = runs();
    assert!(support::eventually(PATIENCE, || runs() > before));
    signal(&child, "-TERM");
    finish(child).code(143);
    nothing_left(&shell);
}

#[test]
fn a_gate_that_is_broken_ends_with_1_and_one_that_holds_with_0() {
    let shell = Shell::new();
    // Two runs, one of which is ten times as slow to serve: made of records, so that nothing depends on this machine.
    for (id, latency) in [
        ("20261121T024501Z-aaaa", 1_000_000),
        ("20261121T024502Z-bbbb", 10_000_000),
    ] {
        let run = shell.path().join("runs/register/none").join(id);
        std::fs::create_dir_all(&run).expect("created");
        let mut lines = String::new();
        for n in 0..6_000_u64 {
            // A little noise, so that there is something to compare with.
            let (start, took) = (n * 10_000_000, latency + (n * 7919) % 100_000);
            let write = |index: u64, time: u64, kind: &str| {
                format!(
                    r#"{{"index":{index},"time":{time},"process":0,"type":"{kind}","f":"write","key":1,"value":{n},"node":"n1"}}"#
                )
            };
            lines.push_str(&write(2 * n, start, "invoke"));
            lines.push('\n');
            lines.push_str(&write(2 * n + 1, start + took.min(9_900_000), "ok"));
            lines.push('\n');
        }
        std::fs::write(run.join("history.jsonl"), lines).expect("written");
        std::fs::write(run.join("verdict.json"), r#"{"verdict":"pass"}"#).expect("written");
    }
    let gate = |a: &str, b: &str| shell.schism(&["compare", a, b, "--gate", "p99 < +25%"]);
    gate("-2", "-1").code(1).says("✗ p99");
    gate("-1", "-2").code(0);
    gate("-1", "-1").code(0).says("no change");
    gate("-1", "-9").code(2);
}

#[test]
fn a_bug_of_ours_ends_with_70_heals_and_leaves_a_dump() {
    let shell = Shell::new();
    let mut command = shell.command(&[&LONG[..], &["--json"]].concat());
    // The recorder dies while a fault is in force.
    let said = command.env("SCHISM_PROPERTY_PANIC", "workload").output();
    let said = support::ended(said.expect("it starts")).code(70);
    let said = said
        .says("this is a bug in schism")
        .says("what is known of it is in ");
    let dump = said
        .err
        .split("what is known of it is in ")
        .nth(1)
        .expect("a path");
    let dump = std::fs::read_to_string(dump.lines().next().expect("a line")).expect("a dump");
    for part in [
        "wants a panic at workload",
        "schism-recorder",
        "\"--json\"",
        "src/dump.rs",
    ] {
        assert!(dump.contains(part), "{part}\n{dump}");
    }
    let faults = file(&shell, "faults.jsonl");
    assert!(
        faults.contains("\"inject\"") && faults.contains("\"heal-verify\""),
        "{faults}"
    );
    let sealed = verdict(&shell);
    assert_eq!(
        (&sealed["verdict"], &sealed["exit_code"]),
        (&"error".into(), &70.into())
    );
    let last: serde_json::Value =
        serde_json::from_str(said.out.lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&last["type"], &last["verdict"]),
        (&"verdict".into(), &"error".into())
    );
    assert!(file(&shell, "junit.xml").contains("<error type=\"bug\""));
    nothing_left(&shell);

    // What was found before it is not masked.
    let mut command = shell.command(&[&STALE[..], &["--time", "4s"]].concat());
    let said = command.env("SCHISM_PROPERTY_PANIC", "report.html").output();
    support::ended(said.expect("it starts"))
        .code(1)
        .says("report.html could not be rendered; the verdict stands");
    assert_eq!(verdict(&shell)["verdict"], "fail");
    assert!(!shell.path().join("runs/latest/report.html").exists());
    assert!(
        file(&shell, "summary.md").contains("FAIL"),
        "the others are there"
    );

    // A checker's bug is ours, too; what was recorded can be judged again.
    let calm = [
        "run",
        "embedded",
        "--faults",
        "none",
        "--time",
        "1s",
        "--progress",
        "none",
    ];
    let said = shell
        .command(&calm)
        .env("SCHISM_PROPERTY_PANIC", "check")
        .output();
    support::ended(said.expect("it starts")).code(70);
    nothing_left(&shell);
    shell.schism(&["check", "latest"]).code(0).says("PASS");

    // A page that is missing changes no verdict of a pass either, but is a bug that is told.
    let said = shell
        .command(&calm)
        .env("SCHISM_PROPERTY_PANIC", "summary.md")
        .output();
    support::ended(said.expect("it starts"))
        .code(70)
        .says("PASS");
    assert_eq!(verdict(&shell)["verdict"], "pass");
}
