//! What it takes to make pages: of runs of many calls, and of an index of many runs.
//!
//! `cargo bench -p schism-reports`. A plain program, each figure the best of three.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures and says so"
)]

use std::time::{Duration, Instant};

use checkers::{Check, Evidence, Verdict};
use history::{
    Event, History, Index as At, Key, Moment, Nanos, NodeId, Nodes, Outcome, Process, Register,
    RegisterCall, RegisterOp, RegisterReturn,
};
use schism_reports::{
    Report, RunMeta,
    across::{Entry, Index, Row, RunFiles, index_page},
    html,
};
use serde_json::json;

fn main() {
    for n in [1_000, 100_000, 1_000_000] {
        let history = history(n);
        let (took, report) = best(|| {
            let check = Check {
                name: "linearizable".to_owned(),
                decides: "whether it is".to_owned(),
                verdict: Verdict::Pass(Evidence::default()),
                took: Duration::ZERO,
            };
            Report::new(RunMeta::default(), &history, vec![check], Vec::new())
        });
        let (rendered, page) = best(|| html::page(&report));
        println!(
            "report of {n} calls: data {took:.2?}, page {rendered:.2?}, {:.2} MB",
            page.len() as f64 / 1e6
        );
    }
    for n in [200, 10_000] {
        let lines = Index::new((0..n).map(entry)).to_jsonl();
        let (read, index) = best(|| Index::parse(&lines));
        let (rendered, page) = best(|| index_page(&index, &|_: &Row| None));
        println!(
            "index of {n} runs: reading {read:.2?} ({:.1} MB), page {rendered:.2?}, {:.2} MB",
            lines.len() as f64 / 1e6,
            page.len() as f64 / 1e6
        );
    }
}

/// The shortest of three times, and what came of it.
fn best<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut run = || {
        let began = Instant::now();
        let made = work();
        (began.elapsed(), made)
    };
    let (mut took, mut made) = run();
    for _ in 0..2 {
        let (again, other) = run();
        if again < took {
            (took, made) = (again, other);
        }
    }
    (took, made)
}

/// Writes of fifty processes to five nodes, a minute long.
fn history(n: u32) -> History<Register> {
    let names: Vec<String> = (1..=5).map(|i| format!("n{i}")).collect();
    let nodes = Nodes::new(names.iter().map(String::as_str));
    let step = 60_000_000_000 / u64::from(n);
    let events = (0..n).flat_map(|i| {
        let event = |end: u32, moment| Event {
            index: At(2 * i + end),
            time: Nanos(u64::from(i) * step + u64::from(end) * step / 2),
            process: Process(i % 50),
            node: Some(NodeId((i % 5) as u16)),
            moment,
        };
        let call = RegisterCall {
            key: Key::Int(i64::from(i % 32)),
            op: RegisterOp::Write(i64::from(i)),
        };
        [
            event(0, Moment::Invoke(call)),
            event(1, Moment::Complete(Outcome::Ok(RegisterReturn::Done))),
        ]
    });
    History::new(nodes, events.collect::<Vec<_>>()).expect("calls and their ends")
}

/// A night's run; every fiftieth has a finding.
fn entry(n: u32) -> Entry {
    let fail = n.is_multiple_of(50);
    let finding = json!({
        "number": 1, "code": format!("stale-read-{}", n % 7), "title": "stale read on key 1", "property": "linearizable",
        "from": 10, "until": 20, "witness": [1, 2, 3],
    });
    let verdict = json!({
        "schema": 1, "verdict": if fail { "fail" } else { "pass" },
        "findings": if fail { json!([finding]) } else { json!([]) }, "ops": {"ok": 82_114, "fail": 12, "info": 3},
    });
    let started = chrono::DateTime::from_timestamp(1_795_229_112 + i64::from(n) * 3_600, 0);
    let (id, case) = (
        format!("20261121T024512Z-{n:04x}"),
        format!("register-db-{}", n % 12),
    );
    Entry::new(RunFiles {
        id: &id,
        case: &case,
        faults: "partition+kill",
        started: started.expect("a time of this century"),
        verdict: &verdict,
        meta: RunMeta::default(),
        spans: &[],
        brief: None,
    })
    .expect("a verdict is a line")
}
