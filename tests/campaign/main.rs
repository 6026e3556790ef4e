//! Many runs in one go, over real processes: choosing, sharding and merging, budgets, hunts, going on after a death, exit
//! codes. Short runs of the embedded store; no root.

mod again;
mod alike;
#[path = "../across/schemas.rs"]
mod schemas;
#[path = "../support/mod.rs"]
mod support;

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;
use support::{Ended, Shell};

/// Twelve runs of three cases: of those that pass, that ask nothing and so conclude nothing, and that read stale.
const NIGHTLY: &str = "
target: { nodes: 3 }
workloads: { register: { keys: 2, rate: 40/s, concurrency: 3 } }
run: { time: 1s, op_timeout: 1s, settle: 5s }
cases:
  - { name: calm, faults: none, seeds: 6 }
  - { name: silent, faults: kill, seeds: 4, workloads: { register: { rate: 1/m } } }
  - name: loose
    target: { mode: quorum, nodes: 5 }
    workloads: { register: { keys: 16, rate: 1000/s, concurrency: 4n } }
    faults: partition
    seeds: 2
    run: { time: 4s }
";

/// Cases that end in each way there is, and one that takes too long.
const MIXED: &str = "
target: { nodes: 3 }
workloads: { register: { keys: 2, rate: 40/s, concurrency: 3 } }
run: { time: 1s, op_timeout: 1s, settle: 5s }
cases:
  - { name: calm, faults: none }
  - { name: silent, faults: kill, workloads: { register: { rate: 1/m } } }
  - { name: refused, faults: clock }
  - { name: gone, target: etcd, cluster: { nodes: ['root@127.0.0.1:1'] }, faults: none }
  - { name: long, faults: none, run: { time: 10m } }
  - name: loose
    target: { mode: quorum, nodes: 5 }
    workloads: { register: { keys: 16, rate: 1000/s, concurrency: 4n } }
    faults: partition
    run: { time: 4s }
";

fn shell(config: &str) -> Shell {
    let shell = Shell::new();
    shell.write("schism.yaml", config);
    shell
}

fn run(shell: &Shell, args: &[&str]) -> Ended {
    shell.schism(&[&["run", "--progress", "none", "--quiet"], args].concat())
}

/// The record of the suite that was begun last, if one was.
fn begun(shell: &Shell, runs: &str) -> Option<Value> {
    let files = std::fs::read_dir(shell.path().join(runs).join("suites")).ok()?;
    let files = files.map(|file| file.expect("a file").path());
    let record = files
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .max()?;
    Some(json(&record))
}

/// The record of the suite that was begun last.
fn suite(shell: &Shell, runs: &str) -> Value {
    begun(shell, runs).expect("a suite")
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON")
}

fn states(suite: &Value) -> Vec<&str> {
    let cases = suite["cases"].as_array().expect("a list").iter();
    cases
        .map(|case| case["state"].as_str().expect("a word"))
        .collect()
}

/// The lines of an index, sorted.
fn lines(shell: &Shell, runs: &str) -> Vec<String> {
    let text =
        std::fs::read_to_string(shell.path().join(runs).join("index.jsonl")).expect("an index");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What an index says of each run, without what no two runs share: ids and times. Of findings only whether it has the one
/// that every such run shows: which others it shows depends on who was how fast.
fn index(shell: &Shell, runs: &str) -> Vec<(String, String, String, String, bool)> {
    let mut index: Vec<_> = lines(shell, runs)
        .iter()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let found = line["findings"].as_array().expect("a list");
            let stale = found.iter().any(|finding| finding["code"] == "stale-read");
            (
                text("case"),
                text("faults"),
                text("seed"),
                text("verdict"),
                stale,
            )
        })
        .collect();
    index.sort();
    index
}

/// What is said of a kind is as its schema says.
fn conforms<'a>(shell: &Shell, kind: &str, said: impl IntoIterator<Item = &'a Value>) {
    let schema = shell.schism(&["schema", kind]).code(0).out;
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    for value in said {
        let found = schemas::violations(&schema, value, "");
        assert!(found.is_empty(), "{kind}: {found:?}\n{value}");
    }
}

#[test]
fn a_nightly_over_two_shards_merged_is_the_nightly_of_one_machine() {
    let shell = shell(NIGHTLY);
    let all = ["--seed", "0x5eed", "--jobs", "4"];
    run(&shell, &[&all[..], &["--runs", "one"]].concat())
        .code(1)
        .says("12 cases: 6 pass · 2 fail · 4 unknown");
    let mut sizes = Vec::new();
    for (shard, runs) in [("1/2", "shard1"), ("2/2", "shard2")] {
        let ended = run(
            &shell,
            &[&all[..], &["--shard", shard, "--runs", runs]].concat(),
        );
        assert!(matches!(ended.code, Some(0 | 1 | 3)), "{ended:?}");
        sizes.push(states(&suite(&shell, runs)).len());
    }
    conforms(
        &shell,
        "suite",
        [&suite(&shell, "one"), &suite(&shell, "shard1")],
    );
    assert_eq!(sizes.iter().sum::<usize>(), 12);
    assert!(sizes.iter().all(|n| *n > 0), "{sizes:?}");
    shell
        .schism(&["--runs", "all", "merge", "shard1", "shard2"])
        .code(0)
        .says("12 runs copied")
        .says("12 cases: 6 pass · 2 fail · 4 unknown");
    let (one, merged) = (index(&shell, "one"), index(&shell, "all"));
    assert_eq!(one.len(), 12);
    assert_eq!(one, merged);
    // And every line, with all its findings, is as the shards have it.
    let mut shards = [lines(&shell, "shard1"), lines(&shell, "shard2")].concat();
    shards.sort();
    assert_eq!(lines(&shell, "all"), shards);
    let verdicts = |word: &str| one.iter().filter(|line| line.3 == word).count();
    assert_eq!(
        [verdicts("pass"), verdicts("unknown"), verdicts("fail")],
        [6, 4, 2]
    );
    let seeds: BTreeSet<&String> = one.iter().map(|line| &line.2).collect();
    assert_eq!(seeds.len(), 12, "every run has a seed of its own");
    // The page has every case; how often it names one that fails depends on what else that shows.
    let named = |runs: &str, case: &str| {
        let page = std::fs::read_to_string(shell.path().join(runs).join("index.html"));
        page.expect("a page").matches(case).count()
    };
    for case in ["calm", "silent"] {
        assert_eq!(named("one", case), named("all", case), "{case}");
    }
    for case in ["calm", "silent", "loose"] {
        assert!(named("all", case) > 0, "{case}");
    }
    // Merging again changes nothing.
    shell
        .schism(&["--runs", "all", "merge", "shard2"])
        .code(0)
        .says("0 runs copied");
    assert_eq!(index(&shell, "all"), merged);
}

#[test]
fn cases_are_chosen_by_name_and_expression_and_every_shard_has_its_own() {
    let shell = shell(NIGHTLY);
    let plan = |args: &[&str]| {
        let ended = run(&shell, &[&["--dry-run"], args].concat()).code(0);
        let names = ended.out.lines().map(|l| {
            l.split_whitespace()
                .take(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        names.collect::<BTreeSet<_>>()
    };
    let seeded = ["--seed", "5"];
    let all = plan(&seeded);
    assert_eq!(all.len(), 12);
    assert_eq!(plan(&seeded), all);
    assert_ne!(plan(&["--seed", "6"]), all);
    assert_eq!(plan(&["calm"]).len(), 6);
    assert_eq!(plan(&["l*", "silent/kill"]).len(), 6);
    assert_eq!(plan(&["-E", "!fault(kill) & !(case(loose))"]).len(), 6);
    assert_eq!(plan(&["schism.yaml", "loose", "--repeat", "3"]).len(), 6);
    // A case's seed is the same whatever else is run.
    assert!(plan(&["--seed", "5", "-E", "fault(partition)"]).is_subset(&all));
    for of in 1..=5 {
        let mut union = BTreeSet::new();
        let mut sum = 0;
        for part in 1..=of {
            let part = plan(&["--seed", "5", "--shard", &format!("{part}/{of}")]);
            sum += part.len();
            union.extend(part);
        }
        assert_eq!(sum, 12, "of {of}");
        assert_eq!(union, all, "of {of}");
    }
    run(&shell, &["clam"])
        .code(5)
        .says("no case is called clam")
        .says("calm/none");
    run(&shell, &["-E", "fault(wan)"])
        .code(5)
        .says("loose/partition");
    run(&shell, &["-E", "fault(wan"])
        .code(2)
        .says("expected a pattern");
    run(&shell, &["--shard", "3/2"]).code(2).says("1/4");
    run(&shell, &["--faults", "kill"]).code(2).says("-E");
    run(&shell, &["--profile", "quick"])
        .code(2)
        .says("has no `profiles`");
    run(&shell, &["--resume", "latest"])
        .code(2)
        .says("no suite");
    run(&shell, &["--resume", "latest", "--time", "9s"])
        .code(2)
        .says("as they were recorded");
    shell
        .schism(&["config", "show", "clam"])
        .code(2)
        .says("embedded");
    run(&shell, &["embedded", "calm"])
        .code(2)
        .says("taken for a target");
    assert!(
        !shell.path().join("runs/suites").exists(),
        "nothing was begun"
    );
}

#[test]
fn a_suite_ends_with_the_worst_of_its_cases() {
    let shell = shell(MIXED);
    for (cases, code) in [
        (&["calm"][..], 0),
        (&["calm", "silent"], 3),
        (&["silent", "calm", "refused"], 4),
        (&["gone", "silent"], 4),
        (&["refused", "loose", "silent"], 1),
    ] {
        let ended = run(&shell, cases);
        assert_eq!(ended.code, Some(code), "{cases:?}\n{}", ended.err);
        // What is worst stands nearest to the prompt.
        let words = |line: &str| {
            line.split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        };
        let rows: Vec<String> = ended
            .err
            .lines()
            .filter(|l| l.contains(" × "))
            .map(words)
            .collect();
        let rank = |word: &String| {
            ["pass", "unknown", "error", "fail"]
                .iter()
                .position(|w| w == word)
        };
        let table = &rows[rows.len() - cases.len()..];
        assert!(table.is_sorted_by_key(rank), "{table:?}\n{}", ended.err);
    }
    // What the way to it broke is run again, what the target refused is not.
    run(&shell, &["gone", "refused", "--retry-errors", "2"])
        .code(4)
        .says("run again 2 times");
    let record = suite(&shell, "runs");
    conforms(&shell, "suite", [&record]);
    let reruns: Vec<usize> = record["cases"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|case| case["reruns"].as_array().expect("a list").len())
        .collect();
    assert_eq!(reruns, [0, 2]);
    let id = record["suite"].as_str().expect("its name");
    let text = |name: &str| {
        std::fs::read_to_string(shell.path().join("runs").join(name)).expect("readable")
    };
    let junit = text(&format!("suites/{id}.junit.xml"));
    assert_eq!(junit.matches("<rerunError ").count(), 2, "{junit}");
    assert!(!junit.contains("flaky"), "{junit}");
    // The page has a row for each suite, with what became of all its runs, the last one too.
    let page = text("index.html");
    for said in [
        id,
        "2 runs: 2 error<",
        "3 runs: 1 fail · 1 error · 1 unknown<",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn a_suite_goes_with_the_last_of_its_runs() {
    let shell = shell(MIXED);
    run(&shell, &["calm", "gone"]).code(4);
    run(&shell, &["calm", "silent"]).code(3);
    let files = || {
        let dir = std::fs::read_dir(shell.path().join("runs/suites")).expect("suites");
        dir.count()
    };
    let both = files();
    let gc = |keep: &str| shell.schism(&["gc", "--keep", keep, "--yes"]).code(0);
    // The two runs of the newer one stay.
    gc("2").says("deleted suite ");
    assert_eq!(files(), both / 2);
    gc("0").says("deleted suite ");
    assert_eq!(files(), 0);
}

#[test]
fn what_would_not_end_within_the_budget_is_not_begun_and_named() {
    let shell = shell(MIXED);
    let ended = run(&shell, &["calm", "long", "--budget", "2m"]).code(3);
    assert!(
        ended.err.contains("2 cases: 1 pass · 1 not run"),
        "{}",
        ended.err
    );
    let left = ended
        .err
        .lines()
        .find(|l| l.contains("left out"))
        .expect("a row");
    assert!(
        left.contains("long × none") && left.contains("budget"),
        "{left}"
    );
    let record = suite(&shell, "runs");
    assert_eq!(states(&record), ["ended", "left-out"]);
    assert_eq!(record["exit"], 3);
    // A violation outranks what was left out, and next time its case comes first.
    run(&shell, &["calm", "loose", "long", "--budget", "2m"]).code(1);
    let plan = run(&shell, &["--budget", "2m", "--dry-run"]).code(0).out;
    assert!(plan.starts_with("loose/partition"), "{plan}");
}

#[test]
fn a_hunt_ends_with_the_first_violation_or_where_it_was_bounded() {
    let shell = shell(MIXED);
    let ended = run(&shell, &["loose", "calm", "--until-fail"]).code(1);
    assert!(ended.err.contains("1 fail"), "{}", ended.err);
    run(&shell, &["calm", "--until-fail", "--repeat", "2"])
        .code(0)
        .says("2 cases: 2 pass");
    let record = suite(&shell, "runs");
    let seeds: BTreeSet<&str> = record["cases"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|case| case["seed"].as_str().expect("a seed"))
        .collect();
    assert_eq!(seeds.len(), 2);
}
