//! How long the linearizability of registers takes to judge, from memory, and the peak of resident memory.
//!
//! `cargo bench -p schism-checkers`. A plain program: each row is one large history, made from a fixed seed.

#[path = "../tests/support/honest.rs"]
mod honest;

use std::time::Instant;

use honest::{Case, history};
use schism_checkers::{Budget, Checker, Linearizable, Verdict};

const CASES: [(&str, Case); 7] = [
    (
        "1 M ops, 1 key, distinct values, 50 at a time, 1 % info",
        Case {
            ops: 1_000_000,
            clients: 50,
            keys: 1,
            values: None,
            info: 10,
            stale: false,
        },
    ),
    (
        "1 M ops, 100 keys, distinct values, 50 at a time, 1 % info",
        Case {
            ops: 1_000_000,
            clients: 50,
            keys: 100,
            values: None,
            info: 10,
            stale: false,
        },
    ),
    (
        "10 k ops, 5 values, 20 at a time",
        Case {
            ops: 10_000,
            clients: 20,
            keys: 1,
            values: Some(5),
            info: 0,
            stale: false,
        },
    ),
    (
        "10 k ops, 5 values, 50 at a time",
        Case {
            ops: 10_000,
            clients: 50,
            keys: 1,
            values: Some(5),
            info: 0,
            stale: false,
        },
    ),
    (
        "100 k ops, 5 values, 10 at a time",
        Case {
            ops: 100_000,
            clients: 10,
            keys: 1,
            values: Some(5),
            info: 0,
            stale: false,
        },
    ),
    (
        "1 M ops, 5 values, 5 at a time",
        Case {
            ops: 1_000_000,
            clients: 5,
            keys: 1,
            values: Some(5),
            info: 0,
            stale: false,
        },
    ),
    (
        "10 k ops, 5 values, 20 at a time, one stale read",
        Case {
            ops: 10_000,
            clients: 20,
            keys: 1,
            values: Some(5),
            info: 0,
            stale: true,
        },
    ),
];

/// Peak resident memory of this process so far, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    line.trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .unwrap_or_default()
        / 1024
}

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark for the command line"
)]
fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    for (name, case) in &CASES {
        let history = history(case, 7);
        let began = Instant::now();
        let verdict = Linearizable::default().check(&history, Budget::default());
        let took = began.elapsed();
        assert_eq!(matches!(verdict, Verdict::Fail(_)), case.stale, "{name}");
        println!(
            "{name:<62} {:>9.1} ms   {} {:>6} MB peak",
            took.as_secs_f64() * 1e3,
            verdict.word(),
            peak()
        );
    }
}
