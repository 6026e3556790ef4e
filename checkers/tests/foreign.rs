//! Register histories that others recorded get the verdicts that others found.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "all of this file is a test, and the absence of the corpora is said aloud"
)]

use std::{fs, path::PathBuf};

use history::foreign::{self, Assumptions, Nil};
use schism_checkers::{Budget, Checker, Linearizable};

/// The words of a row's model: `cas-register --initial 0 --nil unknown`.
fn assumptions(model: &str, otherwise: Assumptions) -> Option<Assumptions> {
    let mut words = model.split(' ');
    if words.next() != Some("cas-register") {
        return None;
    }
    let mut told = otherwise;
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match (option, value) {
            ("--initial", "nil") => told.initial = None,
            ("--initial", n) => told.initial = Some(n.parse().unwrap()),
            ("--nil", "unknown") => told.nil = Nil::Unknown,
            ("--nil", "value") => told.nil = Nil::Absent,
            other => panic!("no such option: {other:?}"),
        }
    }
    Some(told)
}

#[test]
fn recorded_registers_get_the_verdicts_of_their_sources() {
    let root = std::env::var_os("SCHISM_CORPORA")
        .map_or_else(|| PathBuf::from("../../shared/corpora"), PathBuf::from);
    let Ok(table) = fs::read_to_string(root.join("corpora.tsv")) else {
        eprintln!(
            "\n*** NOT TESTED: there are no corpora at {}; name them with SCHISM_CORPORA ***\n",
            root.display()
        );
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for row in table.lines().skip(1) {
        let [path, _, model, expected, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row needs four cells: {row}");
        };
        let text = fs::read(root.join(path)).unwrap();
        let (sniffed, ops) = foreign::open(&text[..]).unwrap();
        let defaults = Assumptions::of(sniffed.format);
        let Some(told) = assumptions(model, defaults) else {
            continue;
        };
        assert_eq!(
            told, defaults,
            "{path}: the defaults are what its source assumed"
        );
        let imported = foreign::registers(ops, &told).unwrap_or_else(|e| panic!("{path}: {e}"));
        let checker = Linearizable::starting_with(told.initial);
        let verdict = checker.check(&imported.history, Budget::default());
        judged += 1;
        if verdict.word() != expected {
            wrong.push(format!("{path}: {} instead of {expected}", verdict.word()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        judged > 100,
        "only {judged} of the recorded histories are registers"
    );
}
