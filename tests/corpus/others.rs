//! The recorded histories of other projects get the verdicts of their sources. Where they are not, that is said aloud.
#![expect(
    clippy::print_stderr,
    reason = "the absence of the corpora is said aloud"
)]

use std::{env, fs, path::PathBuf};

use serde_json::Value;

use crate::support::Shell;

/// The isolation levels of the rows that name the strongest, weakest first; and what each is called here. AWDIT's first two
/// include the order of sessions.
const STRONGER: [(&str, &str); 3] = [
    ("read-committed", "strong-session-read-committed"),
    ("read-atomic", "strong-session-read-atomic"),
    ("causal", "causal"),
];

/// One judgement: the options, and the verdict that the source has for it.
#[derive(Debug, PartialEq)]
struct Question {
    options: Vec<String>,
    verdict: &'static str,
}

/// What a row of the table asks.
fn questions(path: &str, model: &str, expected: &str) -> Vec<Question> {
    let words: Vec<&str> = model.split(' ').collect();
    let asked = |options: &[&str], passes: bool| Question {
        options: options.iter().map(|o| (*o).to_owned()).collect(),
        verdict: if passes { "pass" } else { "fail" },
    };
    let passes = expected == "pass";
    match words[..] {
        ["strongest", ..] => {
            let strongest = STRONGER.iter().position(|(theirs, _)| *theirs == expected);
            let passing = strongest.map_or(0, |at| at + 1);
            let level = |(at, (_, level)): (usize, &(&str, &str))| {
                asked(
                    &["--workload", "rw-register", "--expect", level],
                    at < passing,
                )
            };
            STRONGER.iter().enumerate().map(level).collect()
        }
        // Its elements are pairs of numbers.
        ["set-full"] => vec![asked(&["--workload", "set-full", "--keys", "none"], passes)],
        ["list-append" | "rw-register" | "bank" | "counter"] => {
            vec![asked(&["--workload", words[0]], passes)]
        }
        ["kv-append", ..] => vec![asked(&["--model", "kv-append"], passes)],
        ["mutex"] => vec![asked(&["--model", "mutex"], passes)],
        ["cas-register" | "multi-register", ..] => {
            vec![asked(&[&["--model"], &words[..]].concat(), passes)]
        }
        _ => panic!("{path}: nobody knows {model:?} here"),
    }
}

/// The verdict on what was asked. The source takes a history without a read, in which nothing could be wrong, for a pass:
/// here that is too little to pass. That too little succeeded is true of some histories and no matter of their sources.
fn answer(verdict: &Value) -> &str {
    let checks = verdict["checks"].as_array().expect("a list");
    let mut judging = checks.iter().filter(|check| check["name"] != "stats");
    let judge = judging.next().expect("a checker");
    assert_eq!(judging.next(), None, "one checker judges a file");
    match judge["verdict"].as_str().expect("a word") {
        "unknown" if judge["cause"]["code"] == "counter/never-read" => "pass",
        word => word,
    }
}

#[test]
fn a_row_is_asked_as_its_source_asked() {
    let asked = |model, expected| {
        let options = |q: &Question| (q.options.join(" "), q.verdict);
        let all = questions("h", model, expected);
        all.iter().map(options).collect::<Vec<_>>()
    };
    let one = |options: &str, verdict| vec![(options.to_owned(), verdict)];
    assert_eq!(
        asked("cas-register --initial 0 --nil unknown", "fail"),
        one("--model cas-register --initial 0 --nil unknown", "fail")
    );
    let levels = asked(
        "strongest of read-committed < read-atomic < causal",
        "read-atomic",
    );
    let verdicts: Vec<&str> = levels.iter().map(|(_, verdict)| *verdict).collect();
    assert_eq!(verdicts, ["pass", "pass", "fail"]);
    assert_eq!(levels[2].0, "--workload rw-register --expect causal");
    assert_eq!(
        asked("kv-append (linearizable, per key)", "pass"),
        one("--model kv-append", "pass")
    );
}

#[test]
fn every_history_of_others_gets_the_verdict_of_its_source() {
    let Some(root) = env::var_os("SCHISM_CORPORA").map(PathBuf::from) else {
        eprintln!("\n*** NOT TESTED: SCHISM_CORPORA does not say where the corpora are ***\n");
        return;
    };
    let table = fs::read_to_string(root.join("corpora.tsv")).expect("the corpora's table");
    let shell = Shell::new();
    let mut wrong = Vec::new();
    for row in table.lines().skip(1) {
        let [path, _, model, expected, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row needs four cells: {row}");
        };
        let file = root.join(path).display().to_string();
        for Question { options, verdict } in questions(path, model, expected) {
            let told: Vec<&str> = options.iter().map(String::as_str).collect();
            let ended = shell.schism(&[&["check", &file, "--json"], &told[..]].concat());
            let asked = format!("{path} {}", told.join(" "));
            match serde_json::from_str(&ended.out) {
                Ok(json) if answer(&json) == verdict => {}
                Ok(json) => {
                    wrong.push(format!("{asked}: {} instead of {verdict}", answer(&json)));
                }
                Err(_) => wrong.push(format!("{asked}: {}", ended.err)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}
