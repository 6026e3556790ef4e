//! A million calls on one key: no stack overflows, the memory is in proportion, and the verdict is right.

#[path = "support/honest.rs"]
mod honest;

use std::thread;

use honest::{Case, history};
use schism_checkers::{Budget, Checker, Linearizable, Verdict};

/// Of this process, in bytes, as Linux counts it.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes: u64 = line
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .expect("VmHWM: 1234 kB");
    kibibytes * 1024
}

/// Checks it on a small stack. The bytes a call that the check needed beyond the history itself come with the verdict.
fn check(case: Case) -> (Verdict, u64) {
    let history = history(&case, 1);
    let before = most_memory();
    let judge = move || Linearizable::default().check(&history, Budget::default());
    let thread = thread::Builder::new().stack_size(256 << 10);
    let verdict = thread.spawn(judge).expect("a thread").join();
    let more = most_memory() - before;
    (verdict.expect("no overflow"), more / case.ops as u64)
}

/// One test, because the memory is that of the process: the frugal case first.
#[test]
fn a_million_calls_on_one_key() {
    let distinct = Case {
        ops: 1_000_000,
        clients: 50,
        keys: 1,
        values: None,
        info: 10,
        stale: false,
    };
    let (verdict, bytes) = check(distinct);
    assert!(matches!(verdict, Verdict::Pass(_)), "{verdict:#?}");
    assert!(bytes <= 150, "{bytes} bytes a call");

    let (verdict, _) = check(Case {
        stale: true,
        ..distinct
    });
    let Verdict::Fail(findings) = verdict else {
        panic!("{verdict:#?}");
    };
    let codes: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["stale-read", "non-monotonic-read"], "{findings:#?}");

    // Values that repeat, for the search; of five clients, as in CHECKERS.md, section 5.
    let few = Case {
        clients: 5,
        values: Some(5),
        info: 0,
        ..distinct
    };
    let (verdict, bytes) = check(few);
    assert!(matches!(verdict, Verdict::Pass(_)), "{verdict:#?}");
    assert!(bytes <= 1000, "{bytes} bytes a call");
}
