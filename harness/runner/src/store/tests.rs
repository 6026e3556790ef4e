use std::{collections::BTreeSet, os::unix::fs::symlink};

use chrono::TimeZone;
use serde_json::{Value, json};

use super::*;

fn at(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 2, 45, second).unwrap()
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().join("runs")).unwrap();
    (dir, store)
}

fn states(store: &Store) -> Vec<(String, RunState, Option<String>)> {
    let list = store.list().unwrap();
    list.into_iter()
        .map(|e| (e.id, e.state, e.verdict))
        .collect()
}

/// A process that was, and is no more.
fn dead() -> Owner {
    Owner {
        pid: std::process::id(),
        pid_start: Owner::ours().pid_start + 1,
    }
}

#[test]
fn a_run_that_is_removed_is_gone_and_no_link_leads_to_it() {
    let (_dir, store) = store();
    let make = |second: u32, suffix: &str| {
        let run = store.create("reg", "kill", at(second), suffix).unwrap();
        run.seal(&json!({ "verdict": "fail" })).unwrap();
        run
    };
    let (old, new) = (make(1, "aaaa"), make(2, "bbbb"));
    store.discard(&new).unwrap();
    assert!(!new.path().exists());
    assert_eq!(store.resolve("latest").unwrap().id(), old.id());
    for link in ["latest", "latest-fail"] {
        let leads_to = store.root().join(link).canonicalize().unwrap();
        assert_eq!(leads_to, old.path());
    }
    store.discard(&old).unwrap();
    assert!(store.list().unwrap().is_empty());
    for link in ["latest", "latest-fail"] {
        assert!(!store.root().join(link).is_symlink());
    }
}

#[test]
fn a_run_goes_from_running_to_complete() {
    let (_dir, store) = store();
    let run = store
        .create("register", "partition+kill", at(12), "k3f9")
        .unwrap();
    assert_eq!(
        run.path(),
        store
            .root()
            .join("register/partition+kill/20261121T024512Z-k3f9")
    );
    run.set_state("healing", at(13)).unwrap();
    let entry = store.list().unwrap().pop().unwrap();
    assert_eq!(entry.state, RunState::Running);
    assert_eq!(entry.phase.as_deref(), Some("healing"));
    assert_eq!(
        (&*entry.case, &*entry.faults),
        ("register", "partition+kill")
    );
    assert_eq!(entry.started, at(12));

    run.seal(&json!({"verdict": "pass"})).unwrap();
    assert_eq!(
        states(&store),
        [(
            "20261121T024512Z-k3f9".to_owned(),
            RunState::Complete,
            Some("pass".to_owned())
        )]
    );
}

#[test]
fn a_run_whose_process_is_gone_is_interrupted_however_little_it_left() {
    let (_dir, store) = store();
    type Damage = fn(&RunDir);
    let cases: [(&str, Damage); 4] = [
        ("dead", |run| {
            let state = State {
                phase: "running".to_owned(),
                owner: dead(),
                heartbeat: at(1),
                progress: None,
            };
            run.write_json(STATE, &state).unwrap();
        }),
        ("torn", |run| {
            run.write_text(STATE, "{\"phase\":\"run").unwrap();
        }),
        ("absent", |run| {
            fs::remove_file(run.path().join(STATE)).unwrap();
        }),
        ("halfway", |run| {
            fs::remove_file(run.path().join(STATE)).unwrap();
            run.write_text(VERDICT, "{\"verdict\":").unwrap();
        }),
    ];
    for (suffix, damage) in cases {
        damage(&store.create("register", "none", at(0), suffix).unwrap());
    }
    let states: BTreeSet<_> = states(&store)
        .into_iter()
        .map(|(_, s, v)| (s as u8, v))
        .collect();
    assert_eq!(
        states,
        BTreeSet::from([(RunState::Interrupted as u8, None)])
    );
}

#[test]
fn a_live_owner_is_told_from_a_later_process_of_its_number() {
    assert!(Owner::ours().is_alive());
    assert!(!dead().is_alive());
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let gone = Owner {
        pid: child.id(),
        pid_start: 0,
    };
    child.wait().unwrap();
    assert!(!gone.is_alive());
}

#[test]
fn sealing_appends_to_the_index_and_points_latest_fail_at_a_failure() {
    let (_dir, store) = store();
    let fails = store.create("bank", "kill", at(1), "aaaa").unwrap();
    let passes = store.create("bank", "none", at(2), "bbbb").unwrap();
    fails.seal(&json!({"verdict": "fail"})).unwrap();
    passes.seal(&json!({"verdict": "pass"})).unwrap();
    passes.seal(&json!({"verdict": "unknown"})).unwrap();
    let index = fs::read_to_string(store.root().join("index.jsonl")).unwrap();
    let lines: Vec<Value> = index
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        json!({"id": "20261121T024501Z-aaaa", "case": "bank", "faults": "kill",
               "started": "2026-11-21T02:45:01Z", "verdict": "fail"})
    );
    let verdicts: Vec<&str> = lines.iter().filter_map(|l| l["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["fail", "pass", "unknown"]);
    let target = |link| fs::read_link(store.root().join(link)).unwrap();
    assert_eq!(
        target("latest-fail"),
        Path::new("bank/kill/20261121T024501Z-aaaa")
    );
    assert_eq!(
        target("latest"),
        Path::new("bank/none/20261121T024502Z-bbbb")
    );
}

#[test]
fn concurrent_seals_leave_whole_lines() {
    let (_dir, store) = store();
    let runs: Vec<RunDir> = (0..8)
        .map(|i| store.create("register", "none", at(i), "zzzz").unwrap())
        .collect();
    std::thread::scope(|scope| {
        for run in &runs {
            scope.spawn(|| run.seal(&json!({"verdict": "pass"})).unwrap());
        }
    });
    let index = fs::read_to_string(store.root().join("index.jsonl")).unwrap();
    let ids: BTreeSet<String> = index
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 8);
}

#[test]
fn a_verdict_without_its_word_is_refused_and_seals_nothing() {
    let (_dir, store) = store();
    let run = store.create("register", "none", at(1), "aaaa").unwrap();
    for odd in [
        json!({"result": "pass"}),
        json!("pass"),
        json!({"verdict": true}),
    ] {
        let error = run.seal(&odd).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot write verdict.json: it must be an object with a string \"verdict\""
        );
    }
    assert_eq!(states(&store)[0].1, RunState::Running);
}

#[test]
fn runs_are_found_by_word_number_prefix_and_path() {
    let (_dir, store) = store();
    let old = store.create("bank", "kill", at(1), "kaaa").unwrap();
    let new = store.create("bank", "kill", at(2), "kbbb").unwrap();
    old.seal(&json!({"verdict": "fail"})).unwrap();
    let found = |wanted: &str| store.resolve(wanted).unwrap().id();
    assert_eq!(found("latest"), new.id());
    assert_eq!(found("latest-fail"), old.id());
    assert_eq!(found("-1"), new.id());
    assert_eq!(found("-2"), old.id());
    assert_eq!(found("ka"), old.id());
    assert_eq!(found("20261121T024502"), new.id());
    assert_eq!(found(old.path().to_str().unwrap()), old.id());
    assert_eq!(
        found(&format!("{}/latest", store.root().display())),
        new.id()
    );

    let message = |wanted: &str| store.resolve(wanted).unwrap_err().to_string();
    assert_eq!(
        message("k"),
        "\"k\" could be any of 20261121T024502Z-kbbb, 20261121T024501Z-kaaa; give more of the id"
    );
    for absent in ["-3", "-0", "zzz", ""] {
        let said = message(absent);
        assert!(
            said.ends_with("the newest are 20261121T024502Z-kbbb, 20261121T024501Z-kaaa"),
            "{said}"
        );
    }
    let root = store.root().to_str().unwrap();
    assert!(message(root).contains("is not a run directory"));
    assert!(message("/no/such/run").starts_with("cannot open /no/such/run"));
}

#[test]
fn an_empty_store_says_so() {
    let (_dir, store) = store();
    let said = store.resolve("latest").unwrap_err().to_string();
    assert!(said.ends_with("there are no runs yet"), "{said}");
}

#[test]
fn hostile_names_never_become_paths() {
    let (dir, store) = store();
    let hostile = [
        "", ".", "..", "../up", "a/b", "a b", "a:b", "-rf", "é", "a\0b", "a\nb",
    ];
    for name in hostile {
        let case = store.create(name, "none", at(0), "aaaa");
        assert!(matches!(case, Err(Error::Name { .. })), "case {name:?}");
        let faults = store.create("bank", name, at(0), "aaaa");
        assert!(matches!(faults, Err(Error::Name { .. })), "faults {name:?}");
        let suffix = store.create("bank", "none", at(0), name);
        assert!(matches!(suffix, Err(Error::Name { .. })), "suffix {name:?}");
        name::check(&safe_name(name)).unwrap();
    }
    name::check(&safe_name(&"x".repeat(500))).unwrap();

    let run = store.create("bank", "none", at(0), "aaaa").unwrap();
    for name in ["../x", "/etc/x", "nodes/../../x", "nodes//x", ".hidden", ""] {
        let refused = run.write_text(name, "no");
        assert!(matches!(refused, Err(Error::Name { .. })), "{name:?}");
    }
    symlink(dir.path(), run.path().join("nodes")).unwrap();
    let refused = run.write_text("nodes/db.log", "no");
    assert!(matches!(refused, Err(Error::Escape { .. })));
    assert!(!dir.path().join("db.log").exists());
}

#[test]
fn a_run_is_never_made_over_another() {
    let (_dir, store) = store();
    let run = store.create("bank", "none", at(0), "aaaa").unwrap();
    run.write_text("log.txt", "first").unwrap();
    let again = store.create("bank", "none", at(0), "aaaa");
    assert!(matches!(again, Err(Error::Exists { .. })));
    assert_eq!(
        fs::read_to_string(run.path().join("log.txt")).unwrap(),
        "first"
    );
    let left: Vec<_> = fs::read_dir(run.path().parent().unwrap())
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "nothing is left of the attempt");
}

#[test]
fn files_are_replaced_whole_and_lines_are_appended() {
    let (_dir, store) = store();
    let run = store.create("bank", "none", at(0), "aaaa").unwrap();
    run.write_json("checks/linear.json", &json!({"a": 1}))
        .unwrap();
    run.write_json("checks/linear.json", &json!({"a": 2}))
        .unwrap();
    let read = |name: &str| fs::read_to_string(run.path().join(name)).unwrap();
    assert_eq!(read("checks/linear.json"), "{\n  \"a\": 2\n}\n");
    run.append_json("faults.jsonl", &json!({"n": 1})).unwrap();
    run.append_json("faults.jsonl", &json!({"n": 2})).unwrap();
    assert_eq!(read("faults.jsonl"), "{\"n\":1}\n{\"n\":2}\n");
    run.append_line("log.txt", "a\nforged line").unwrap();
    assert_eq!(read("log.txt"), "a forged line\n");
    let names: Vec<_> = fs::read_dir(run.path().join("checks")).unwrap().collect();
    assert_eq!(names.len(), 1, "no temporary files are left");
}

#[test]
fn what_is_not_a_run_is_passed_over() {
    let (_dir, store) = store();
    store.create("bank", "none", at(0), "aaaa").unwrap();
    fs::create_dir_all(store.root().join("bank/none/notes")).unwrap();
    fs::create_dir_all(store.root().join("bank/none/.20261121T024512Z-k3f9.77")).unwrap();
    fs::write(store.root().join("bank/none/file"), "").unwrap();
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn suffixes_are_safe_and_differ_and_follow_the_clock() {
    let suffixes: BTreeSet<String> = (0..1000).map(|n| run_suffix(at(0), n)).collect();
    assert_eq!(suffixes.len(), 1000);
    for suffix in &suffixes {
        name::check(suffix).unwrap();
    }
    let later = |ms| at(0) + chrono::TimeDelta::milliseconds(ms);
    let in_turn: Vec<String> = (0..1000)
        .map(|ms| run_suffix(later(ms), u64::MAX >> (ms % 64)))
        .collect();
    assert!(in_turn.is_sorted() && in_turn.iter().all(|s| s.len() == 5));
}

#[test]
fn of_runs_of_one_second_the_later_is_the_newer() {
    let (_dir, store) = store();
    for ms in [10, 900, 500] {
        let started = at(0) + chrono::TimeDelta::milliseconds(ms);
        let suffix = run_suffix(started, 77 * ms as u64);
        store
            .create(&format!("at-{ms}"), "none", started, &suffix)
            .unwrap();
    }
    let cases: Vec<String> = store.list().unwrap().into_iter().map(|r| r.case).collect();
    assert_eq!(cases, ["at-900", "at-500", "at-10"]);
}

#[test]
fn a_torn_line_of_the_index_spoils_no_other_and_the_index_can_be_replaced() {
    let (_dir, store) = store();
    fs::write(store.root().join("index.jsonl"), "{\"id\":\"torn").unwrap();
    let run = store.create("register", "kill", at(0), "aaaa").unwrap();
    run.seal_as(&json!({"verdict": "pass"}), Some(&json!({"mine": 1})))
        .unwrap();
    assert_eq!(store.index().unwrap(), "{\"id\":\"torn\n{\"mine\":1}\n");
    store
        .replace_index(|old| old.lines().skip(1).map(|l| format!("{l}\n")).collect())
        .unwrap();
    assert_eq!(store.index().unwrap(), "{\"mine\":1}\n");
}

#[test]
fn a_removed_run_is_gone_with_the_directories_that_only_it_used() {
    let (_dir, store) = store();
    store.create("register", "kill", at(0), "aaaa").unwrap();
    store.create("bank", "kill", at(1), "bbbb").unwrap();
    let entries = store.list().unwrap();
    let bank = entries.iter().find(|e| e.case == "bank").unwrap();
    store.remove(bank).unwrap();
    assert!(!store.root().join("bank").exists());
    assert_eq!(store.list().unwrap().len(), 1);
}

#[test]
fn folders_of_names_that_are_never_given_are_passed_over() {
    let (_dir, store) = store();
    let run = store.create("reg", "kill", at(1), "aaaa").unwrap();
    for name in ["\u{202e}x", "<img src=x>", "a b", "-x"] {
        let foreign = store.root().join(name).join("kill").join(run.id());
        fs::create_dir_all(&foreign).unwrap();
        fs::write(foreign.join(VERDICT), "{\"verdict\":\"pass\"}").unwrap();
    }
    let cases: Vec<String> = store.list().unwrap().into_iter().map(|e| e.case).collect();
    assert_eq!(cases, ["reg"]);
}

#[test]
fn a_run_is_found_by_its_whole_id_and_by_nothing_else() {
    let (_dir, store) = store();
    let run = store.create("reg", "kill", at(1), "aaaa").unwrap();
    let found = store.find(&run.id()).unwrap();
    assert_eq!(found.map(|e| e.path), Some(run.path().to_owned()));
    let absolute = run.path().display().to_string();
    for wanted in [
        "latest", "aaaa", "2026", "", ".", "..", "reg", "reg/kill", &absolute,
    ] {
        assert_eq!(store.find(wanted).unwrap(), None, "{wanted}");
    }
    let none = store.list_only(|_| false).unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_state_says_how_far_the_clients_are() {
    let (_dir, store) = store();
    let run = store.create("reg", "kill", at(1), "aaaa").unwrap();
    let progress = Progress {
        ok: 7,
        rate: 1.5,
        ..Progress::default()
    };
    run.set_progress("workload", at(2), progress.clone())
        .unwrap();
    let read =
        || -> State { serde_json::from_slice(&fs::read(run.path().join(STATE)).unwrap()).unwrap() };
    assert_eq!(read().progress, Some(progress));
    run.set_state("heal", at(3)).unwrap();
    assert_eq!((read().phase.as_str(), read().progress), ("heal", None));
}
