//! What the program keeps and says across runs: the index, the baseline, exit codes of mixtures. Short runs of the embedded
//! store; no root.

mod schemas;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{NOTHING, STALE, Shell};

fn index(shell: &Shell) -> Vec<Value> {
    let text = std::fs::read_to_string(shell.path().join("runs/index.jsonl")).expect("an index");
    let lines = text.lines().map(|l| serde_json::from_str(l).expect("JSON"));
    lines.collect()
}

#[test]
fn a_finding_is_known_once_accepted_until_it_expires_and_no_mixture_masks_another() {
    let shell = Shell::new();
    shell
        .schism(&[&STALE[..], &["--time", "4s"]].concat())
        .code(1)
        .says("FAIL");
    let lines = index(&shell);
    let [line] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(line["verdict"], "fail");
    assert_eq!(line["verified"], serde_json::json!(["partition"]));
    let print = line["findings"][0]["fingerprint"]
        .as_str()
        .expect("a fingerprint")
        .to_owned();
    let page = || std::fs::read_to_string(shell.path().join("runs/index.html")).expect("a page");
    assert!(page().contains(&print), "{}", page());
    let stale = line["id"].as_str().expect("an id").to_owned();

    conforms(&shell);

    // The index can be made anew, to the same bytes.
    let before = std::fs::read_to_string(shell.path().join("runs/index.jsonl")).expect("there");
    std::fs::remove_file(shell.path().join("runs/index.jsonl")).expect("deleted");
    shell.schism(&["index", "--rebuild"]).code(0).says("1 runs");
    let after = std::fs::read_to_string(shell.path().join("runs/index.jsonl")).expect("there");
    assert_eq!(before, after);

    // Against itself nothing has changed; so short a run says nothing of noise.
    shell
        .schism(&["compare", "latest", "latest"])
        .code(0)
        .says("no change")
        .says("too short")
        .says("in both");
    shell
        .schism(&["compare", "latest", "latest", "--gate", "p99 < 5"])
        .code(2)
        .says("write 'p99 < +25%'");
    let record =
        std::fs::read_to_string(shell.path().join("runs/TRACK_RECORD.md")).expect("written");
    assert!(
        record.contains(&print) && record.contains("| open |"),
        "{record}"
    );

    // Known: exit 0, and still a violation in words.
    shell
        .schism(&[
            "accept",
            "latest",
            "--expires",
            "2126-01-01",
            "--issue",
            "https://example.org/7",
        ])
        .code(0)
        .says(&print);
    shell
        .schism(&["check", "latest"])
        .code(0)
        .says("FAIL")
        .says("✗ known")
        .says("https://example.org/7");
    shell.schism(&["index"]).code(0);
    assert!(page().contains("until 2126-01-01"));

    // What the checkers make of a mixture: a table over real processes. The known finding alone is no violation.
    shell.schism(&NOTHING).code(3);
    conforms(&shell);
    shell.write("good.jsonl", &history("2"));
    shell.write("bad.jsonl", &history("1"));
    shell.write("torn.jsonl", "nonsense\n");
    let table: [(&[&str], i32); 9] = [
        (&["good.jsonl", &stale], 0),
        (&["good.jsonl", "latest"], 3),
        (&[&stale, "latest"], 3),
        (&["latest", &stale, "bad.jsonl"], 1),
        (&["bad.jsonl", "torn.jsonl"], 1),
        (&["torn.jsonl", "latest"], 2),
        (&["latest", "torn.jsonl", "good.jsonl"], 2),
        (&["torn.jsonl", "bad.jsonl", "latest", "good.jsonl"], 1),
        (&["latest", "good.jsonl", "--on-unknown", "pass"], 0),
    ];
    for (what, code) in table {
        let ended = shell.schism(&[&["check"], what].concat());
        assert_eq!(
            ended.code,
            Some(code),
            "{what:?}\n{}{}",
            ended.out,
            ended.err
        );
    }

    // What is kept for a reason stays; without a terminal nothing is deleted unasked.
    shell
        .schism(&["gc", "--keep", "0"])
        .code(0)
        .says("would delete")
        .says("--yes");
    shell
        .schism(&["gc", "--keep", "0", "--yes"])
        .code(0)
        .says("1 of 2 runs");
    assert_eq!(shell.schism(&["list"]).code(0).out.lines().count(), 1);
    assert!(index(&shell).iter().any(|run| run["gone"] == true));
    shell.schism(&["index", "--rebuild"]).code(0).says("2 runs");

    // Expired: a violation again, and the file says since when.
    let yaml = std::fs::read_to_string(shell.path().join("baseline.yaml")).expect("written");
    shell.write("baseline.yaml", &yaml.replace("2126-01-01", "2026-01-01"));
    shell
        .schism(&["check", &stale])
        .code(1)
        .says("✗ expired")
        .says("2026-01-01");
    shell
        .schism(&[&NOTHING[..], &["--strict-baseline"]].concat())
        .code(3);

    // Forgotten: as before. What is not there cannot be forgotten.
    for found in line["findings"].as_array().expect("findings") {
        let print = found["fingerprint"].as_str().expect("a fingerprint");
        let _ = shell.schism(&["accept", "--remove", print]);
    }
    shell
        .schism(&["accept", "--remove", &print])
        .code(2)
        .says("does not have");
    shell.schism(&["check", &stale]).code(1);
    shell
        .schism(&["accept", "latest/1"])
        .code(2)
        .says("no finding");
    shell.write(
        "baseline.yaml",
        "version: 1\nfindings: [{ fingerprint: nonsense }]\n",
    );
    shell
        .schism(&["check", &stale])
        .code(2)
        .says("baseline.yaml")
        .says("not a fingerprint");
}

/// A write of 1, a write of 2, a read of this.
fn history(read: &str) -> String {
    let mut lines = String::new();
    let calls = [(0, "write", "1"), (0, "write", "2"), (1, "read", read)];
    for (i, (process, f, value)) in calls.into_iter().enumerate() {
        for (j, kind) in ["invoke", "ok"].into_iter().enumerate() {
            let n = 2 * i + j;
            let value = match (f, kind) {
                ("read", "invoke") => String::new(),
                _ => format!(r#","value":{value}"#),
            };
            lines.push_str(&format!(
                "{{\"index\":{n},\"time\":{}000000,\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"key\":\"x\"{value},\"node\":\"n1\"}}\n",
                n + 1
            ));
        }
    }
    lines
}

/// Everything that the last run and the index say to machines is as the schemas say.
fn conforms(shell: &Shell) {
    let names = shell.schism(&["schema"]).code(0).out;
    let schemas: BTreeMap<&str, Value> = names
        .lines()
        .map(|name| {
            let schema = shell.schism(&["schema", name]).code(0).out;
            (name, serde_json::from_str(&schema).expect("JSON"))
        })
        .collect();
    let read =
        |name: &str| std::fs::read_to_string(shell.path().join("runs").join(name)).expect("there");
    let verdict: Value = serde_json::from_str(&read("latest/verdict.json")).expect("JSON");
    let mut pairs = vec![("verdict", verdict.clone())];
    pairs.extend(
        verdict["findings"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|f| ("finding", f.clone())),
    );
    pairs.extend(index(shell).into_iter().map(|line| ("index", line)));
    let events = read("latest/events.jsonl");
    assert!(events.lines().count() > 5, "{events}");
    pairs.extend(
        events
            .lines()
            .map(|l| ("events", serde_json::from_str(l).expect("JSON"))),
    );
    for (name, value) in pairs {
        let found = schemas::violations(&schemas[name], &value, "");
        assert!(found.is_empty(), "{name}: {found:?}\n{value}");
    }
}

#[test]
fn the_surface_explains_itself() {
    let shell = Shell::new();
    shell.write("s.yaml", "target: embedded\nrun: { time: 3s }\n");
    let shown = shell
        .schism(&["config", "show", "s.yaml", "--origin"])
        .code(0);
    let line = |name: &str| {
        shown
            .out
            .lines()
            .find(|l| l.trim().starts_with(name))
            .unwrap_or_default()
    };
    assert!(line("time:").contains("s.yaml"), "{}", shown.out);
    assert!(
        line("settle:").contains("built-in defaults"),
        "{}",
        shown.out
    );
    shell.schism(&["man", "compare"]).code(0).says(".TH");
    shell
        .schism(&["man", "--out", "pages"])
        .code(0)
        .says("pages in pages");
    assert!(shell.path().join("pages/schism-run.1").is_file());
    shell.schism(&["man", "nonsense"]).code(2).says("no page");
    shell
        .schism(&["schema", "nonsense"])
        .code(2)
        .says("events, finding, index, suite, verdict");
    for name in ["bash", "zsh", "fish", "powershell", "elvish"] {
        shell.schism(&["completions", name]).code(0).says("schism");
    }
    // As a shell asks.
    let run = shell
        .path()
        .join("runs/register/kill/20261121T024512Z-k3f9");
    std::fs::create_dir_all(&run).expect("created");
    std::fs::write(run.join("verdict.json"), r#"{"verdict":"fail"}"#).expect("written");
    let mut asks = shell.command(&["--", "schism", "show", "2026"]);
    asks.env("COMPLETE", "fish");
    let said = support::ended(asks.output().expect("it starts"));
    assert!(
        said.out.contains("20261121T024512Z-k3f9") && said.out.contains("fail"),
        "{said:?}"
    );
    let config = "cases: [{ name: calm, faults: [none, kill] }]\n";
    shell.write("schism.yaml", config);
    for (begun, offered) in [
        (&["run", "calm"][..], "calm/kill\ta case of schism.yaml"),
        (&["run", "et"], "etcd\t"),
        (&["run", "sch"], "schism.yaml"),
        (&["run", "--faults", "kill,par"], "kill,partition\t"),
    ] {
        let mut asks = shell.command(&[&["--", "schism"], begun].concat());
        asks.env("COMPLETE", "fish");
        let said = support::ended(asks.output().expect("it starts"));
        assert!(said.out.contains(offered), "{begun:?}: {said:?}");
    }
}

#[test]
fn runs_of_several_machines_merge_into_the_index_that_one_would_have_made() {
    let shell = Shell::new();
    // Twelve runs of three cases, as one machine would have them, and dealt to two.
    for n in 0..12 {
        let (case, verdict) = (
            ["bank", "queue", "register"][n % 3],
            ["pass", "fail"][n % 2],
        );
        let finding = r#"{"number":1,"code":"stale-read","title":"stale read","property":"linearizable","from":1,"until":2,"witness":[1,2]}"#;
        let found = if verdict == "fail" { finding } else { "" };
        let text = format!(r#"{{"verdict":"{verdict}","findings":[{found}]}}"#);
        for store in ["one", ["shard1", "shard2"][n / 2 % 2]] {
            let run = shell
                .path()
                .join(format!("{store}/{case}/kill/20261121T0245{n:02}Z-aaaa"));
            std::fs::create_dir_all(run.join("nodes/n1")).expect("created");
            std::fs::write(run.join("nodes/n1/db.log"), "hello").expect("written");
            std::fs::write(run.join("verdict.json"), &text).expect("written");
        }
    }
    shell
        .schism(&["--runs", "one", "index", "--rebuild"])
        .code(0)
        .says("12 runs, 3 findings");
    shell
        .schism(&["--runs", "all", "merge", "shard1", "shard2"])
        .code(0)
        .says("12 runs copied");
    shell
        .schism(&["--runs", "all", "merge", "shard2"])
        .code(0)
        .says("0 runs copied, 6 were there already");
    for file in ["index.jsonl", "index.html", "TRACK_RECORD.md"] {
        let read = |store: &str| {
            std::fs::read_to_string(shell.path().join(store).join(file)).expect("there")
        };
        assert_eq!(read("one"), read("all"), "{file}");
    }
    let log = shell
        .path()
        .join("all/bank/kill/20261121T024500Z-aaaa/nodes/n1/db.log");
    assert_eq!(std::fs::read_to_string(log).expect("copied"), "hello");
    shell
        .schism(&["--runs", "all", "merge", "all"])
        .code(2)
        .says("name others");
    shell
        .schism(&["--runs", "all", "merge", "nowhere"])
        .code(2)
        .says("no folder");
}

#[test]
fn a_pass_with_an_entry_that_has_expired_ends_with_6_where_that_is_asked_for() {
    let shell = Shell::new();
    shell.write(
        "baseline.yaml",
        "version: 1\nfindings: [{ fingerprint: 08aa5b27ff97, case: register-embedded-consensus, title: stale read, \
         since: 2025-01-01, expires: 2026-01-01 }]\n",
    );
    let run = [
        "run",
        "embedded",
        "--faults",
        "none",
        "--time",
        "2s",
        "--progress",
        "none",
    ];
    shell
        .schism(&run)
        .code(0)
        .says("expired on 2026-01-01")
        .says("accept --remove");
    shell
        .schism(&[&run[..], &["--strict-baseline"]].concat())
        .code(6);
}
