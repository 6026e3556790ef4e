//! The catalogue has a row for every code in the sources of the checkers, and the reference page is made from it.
#![expect(
    clippy::disallowed_methods,
    reason = "a test that is asked to update what it compares with writes it"
)]

use std::{collections::BTreeSet, fs, path::Path};

use schism_checkers::catalogue;

/// Strings that look like codes and are none: names of checkers, of properties and of levels, classes of errors.
const NOT_CODES: &[&str] = &[
    "atomic-commit",
    "bounded-staleness",
    "cas-mismatch",
    "delete-min",
    "kebab-case",
    "linearizable-set",
    "monotonic-reads",
    "monotonic-writes",
    "mutual-exclusion",
    "producer-order",
    "read-your-writes",
    "sequential-keys",
    "set-full",
    "total-queue",
    "unique-ids",
    "writes-follow-reads",
    "write-skew",
];

/// The text of all sources but tests and the catalogue.
fn sources(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, all);
            continue;
        }
        let name = path.display().to_string();
        let of_tests = [
            "agreement.rs",
            "_tests.rs",
            "/tests",
            "textbook",
            "witnesses.rs",
            "levels.rs",
        ];
        if name.contains("catalogue") || of_tests.iter().any(|test| name.contains(test)) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        all.push((name, text.to_owned()));
    }
}

/// The strings in a source that have the shape of a code: `lost-write`, `coverage/no-reads`.
fn codes(text: &str) -> BTreeSet<&str> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let strings = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let shaped = |s: &&str| {
        let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        s.contains(['-', '/'])
            && s.split(['-', '/'])
                .all(|word| !word.is_empty() && word.chars().all(small))
    };
    strings.filter(shaped).collect()
}

fn known() -> BTreeSet<String> {
    let rows = catalogue::rows().into_iter().map(|row| row.code.to_owned());
    let doubts = catalogue::doubts()
        .iter()
        .map(|doubt| doubt.code.to_owned());
    rows.chain(doubts).collect()
}

#[test]
fn every_code_of_a_checker_is_in_the_catalogue_and_the_other_way_round() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 20, "only {} sources", all.len());
    let known = known();
    let levels = schism_checkers::txn::Level::ALL.map(|level| level.name());
    let models = schism_checkers::linear::models::NAMES.map(|(name, _)| name);
    let mut unknown = Vec::new();
    let mut used: BTreeSet<String> = BTreeSet::new();
    for (name, text) in &all {
        for code in codes(text) {
            // Some put their name before their codes.
            let prefixed = [("coverage.rs", "coverage"), ("set_full.rs", "set")];
            let prefixed = prefixed.iter().find(|(file, _)| name.ends_with(file));
            let prefixed = prefixed.map(|(_, prefix)| format!("{prefix}/{code}"));
            let full = prefixed.filter(|full| known.contains(full));
            let full = full.unwrap_or_else(|| code.to_owned());
            if known.contains(&full) {
                used.insert(full);
            } else if !levels.contains(&code)
                && !models.contains(&code)
                && !NOT_CODES.contains(&code)
            {
                unknown.push(format!("{name}: {code}"));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "these need a row in checkers/src/catalogue, or a place in NOT_CODES: {unknown:#?}"
    );
    let txn = schism_checkers::txn::Anomaly::ALL.map(|anomaly| anomaly.entry().code);
    let dead: Vec<&String> = known
        .iter()
        .filter(|code| !used.contains(*code) && !txn.contains(&code.as_str()))
        .collect();
    assert!(dead.is_empty(), "nobody gives these codes: {dead:?}");
}

#[test]
fn every_row_says_everything() {
    for row in catalogue::rows() {
        let texts = [
            row.code,
            row.name,
            row.words,
            row.example,
            row.causes,
            row.source,
        ];
        assert!(texts.iter().all(|text| !text.is_empty()), "{row:?}");
        assert!(
            !row.excluded_by.is_empty() && !row.words.ends_with('.'),
            "{row:?}"
        );
    }
    let rows = catalogue::rows();
    let names: BTreeSet<_> = rows
        .iter()
        .map(|row| (row.code, &row.excluded_by))
        .collect();
    assert_eq!(names.len(), rows.len(), "a code twice for one property");
}

#[test]
fn a_code_is_explained_whatever_its_capitals() {
    assert_eq!(
        catalogue::explain("g1A").expect("it is known"),
        "G1a: aborted read\n\
         a committed transaction read a value written by one that failed.\n  \
         for example  T1: append x 1, fails · T2: r x → [1]\n  \
         excluded by  read-committed\n  \
         usual cause  reads without locks or snapshots; a failure reported for what took effect\n  \
         defined in   Adya 1999, 4.2.1\n"
    );
    let stale = catalogue::explain("stale-read").expect("it is known");
    assert!(
        stale.contains("excluded by  linearizable\n")
            && stale.contains("excluded by  linearizable-set\n")
    );
    assert!(
        catalogue::explain("coverage/no-faults")
            .is_some_and(|text| text.contains("what to do   raise --time"))
    );
    assert_eq!(catalogue::explain("no-such-code"), None);
}

#[test]
fn the_reference_page_is_what_the_catalogue_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/anomalies.md");
    let page = catalogue::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/reference/anomalies.md is not what the catalogue says; UPDATE_DOCS=1 cargo test -p schism-checkers --test catalogue writes it anew"
    );
}
