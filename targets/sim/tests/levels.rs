//! Stores of transactions show what theory allows at their level, and nothing else; of each broken one the bug is found, by
//! its name, and nothing that theory excludes at the level that it still keeps.

mod cases;

use std::collections::BTreeSet;

use cases::cases;
use checkers::{
    Budget, Isolation,
    txn::{Anomaly, Level},
};
use history::{History, Txn};
use rayon::prelude::*;
use schism_sim::{Objects, Promise, Simulated, nodes, stores};

/// What a store of each name must have shown at least once, as it is not excluded and the store is bound to get there: over
/// lists, and what besides over registers. What is excluded it must never show, on this list or not.
const SHOWN: [(&str, &[&str]); 18] = [
    ("strict-serializable", &[]),
    ("timestamps-of-one-clock", &[]),
    (
        "strong-session-serializable",
        &["G-single-realtime", "G0-realtime"],
    ),
    (
        "serializable",
        &[
            "G-single-realtime",
            "G-single-session",
            "G0-realtime",
            "G0-session",
            "G1c-session",
        ],
    ),
    ("strong-snapshot-isolation", &["G2-item"]),
    (
        "strong-session-snapshot-isolation",
        &["G2-item", "G-single-realtime"],
    ),
    (
        "snapshot-isolation",
        &[
            "G2-item",
            "G-single-realtime",
            "G-single-session",
            "G-nonadjacent-session",
        ],
    ),
    (
        "parallel-snapshot-isolation",
        &[
            "G2-item",
            "G-nonadjacent",
            "G-single-realtime",
            "G-single-session",
        ],
    ),
    ("repeatable-read", &[]),
    (
        "prefix",
        &["G2-item", "G-single", "lost-update", "G-single-realtime"],
    ),
    (
        "causal",
        &[
            "G2-item",
            "G-nonadjacent",
            "G-single",
            "lost-update",
            "G-single-realtime",
        ],
    ),
    (
        "pram",
        &[
            "G2-item",
            "G-nonadjacent",
            "G-single",
            "lost-update",
            "G-single-realtime",
        ],
    ),
    (
        "read-atomic",
        &[
            "G2-item",
            "G-nonadjacent",
            "G-single",
            "lost-update",
            "G-single-session",
            "G-single-realtime",
        ],
    ),
    (
        "monotonic-atomic-view",
        &[
            "G2-item",
            "G-single",
            "lost-update",
            "fractured-read",
            "non-repeatable-read",
        ],
    ),
    (
        "read-committed",
        &[
            "G2-item",
            "G-single",
            "lost-update",
            "fractured-read",
            "non-repeatable-read",
            "non-monotonic-view",
        ],
    ),
    (
        "short-read-locks",
        &[
            "G2-item",
            "G-single",
            "lost-update",
            "fractured-read",
            "non-repeatable-read",
        ],
    ),
    (
        "read-uncommitted",
        &[
            "G1a",
            "G1b",
            "G1c",
            "incompatible-order",
            "non-monotonic-view",
            "fractured-read",
            "non-repeatable-read",
            "lost-update",
            "G-single",
            "G2-item",
        ],
    ),
    (
        "eventual",
        &[
            "G1b",
            "non-monotonic-view",
            "fractured-read",
            "non-repeatable-read",
            "lost-update",
            "G-single",
            "G2-item",
        ],
    ),
];

/// A level by the name that a store promises it under.
fn level(name: &str) -> Level {
    match name {
        "prefix" => Level::PrefixConsistency,
        name => name.parse().expect("a level of the checker"),
    }
}

fn history(store: &Simulated<Txn>, seed: u64) -> History<Txn> {
    let concurrency = [2, 3, 5, 8, 12][seed as usize % 5];
    let events = store.run(seed, 60, concurrency);
    History::new(nodes(), events).expect("well formed")
}

/// What many runs showed: each anomaly with the first seed that showed it.
fn shown(store: &Simulated<Txn>, seeds: u64) -> Vec<(Anomaly, u64)> {
    let judge = |seed| {
        let checker = Isolation::expecting(Level::StrictSerializable);
        let judgement = checker.judge(&history(store, seed), Budget::default());
        assert_eq!(judgement.undecided, [], "{}, seed {seed}", store.name);
        judgement.found.iter().map(|f| (f.anomaly, seed)).collect()
    };
    let runs: Vec<Vec<(Anomaly, u64)>> = (0..seeds).into_par_iter().map(judge).collect();
    let mut all = runs.concat();
    all.sort_unstable();
    all.dedup_by_key(|(anomaly, _)| *anomaly);
    all
}

/// What many runs showed, after making sure that none of it is excluded by a level.
fn shown_within(
    store: &Simulated<Txn>,
    objects: Objects,
    levels: &[&str],
) -> BTreeSet<&'static str> {
    let shown = shown(store, cases(250));
    for (anomaly, seed) in &shown {
        for name in levels {
            assert!(
                !anomaly.excluded_by(level(name)),
                "{objects:?}, {}, seed {seed}: {anomaly:?}, which {name} excludes",
                store.name
            );
        }
    }
    shown
        .iter()
        .map(|(anomaly, _)| anomaly.entry().code)
        .collect()
}

/// What shows over lists only: a register forgets what it held, and of its versions the order is seldom known. Whoever
/// keeps causal order or that of sessions gets a single anti-dependency only from an update of what it did not see.
fn only_lists(store: &str, code: &str) -> bool {
    match code {
        "G0-realtime" | "G0-session" | "G1c-session" | "incompatible-order" => true,
        "G-single" => matches!(store, "prefix" | "causal" | "pram"),
        _ => false,
    }
}

#[test]
fn an_honest_store_shows_what_its_level_allows_and_nothing_else() {
    for objects in [Objects::Lists, Objects::Registers] {
        let mut table = SHOWN.iter();
        for store in stores(objects) {
            let Promise::Honest(level) = store.promise else {
                continue;
            };
            let (name, expected) = table.next().expect("a row for each store");
            assert_eq!(*name, store.name);
            let shown = shown_within(&store, objects, &[level]);
            let lists = objects == Objects::Lists;
            let expected = expected
                .iter()
                .filter(|code| lists || !only_lists(name, code));
            for code in expected {
                assert!(
                    shown.contains(code),
                    "{objects:?}, {name}: no {code} in {shown:?}"
                );
            }
            if matches!(*name, "prefix" | "causal") && !lists {
                // What a session saw or did, and what that depends on, is never missing.
                assert!(!shown.contains("G-single") && !shown.contains("G-single-session"));
            }
        }
        assert_eq!(table.next(), None);
    }
}

#[test]
fn the_bug_of_each_broken_store_is_found_by_its_name() {
    for objects in [Objects::Lists, Objects::Registers] {
        for store in stores(objects) {
            let Promise::Broken(bug) = store.promise else {
                continue;
            };
            let shown = shown_within(&store, objects, bug.keeps);

            assert!(
                shown.contains(bug.code),
                "{objects:?}, {}: {shown:?}",
                store.name
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for store in stores(Objects::Lists) {
        for seed in 0..3 {
            assert_eq!(
                store.run(seed, 40, 5),
                store.run(seed, 40, 5),
                "{}",
                store.name
            );
        }
    }
}
