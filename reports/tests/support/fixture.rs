//! Runs made up in code: nothing here depends on a clock or on chance.

use std::time::Duration;

use checkers::{Cause, Check, Evidence, Finding, Verdict, cap::Use};
use history::{
    ClockReading, Event, History, Index, Key, Moment, Nanos, NodeId, Nodes, Outcome, Process,
    Reason, Register, RegisterCall, RegisterOp, RegisterReturn,
    fault::{FaultId, FaultSpan},
};
use schism_reports::{NodeClock, NodeLog, Phases, Report, RunMeta, Window, broken};

/// An event without its index: its time, whether it is an end, the number of its call, and the rest.
type Draft = (Nanos, bool, u64, Process, Option<NodeId>, Moment<Register>);

/// A history in the making; calls may be added in any order.
pub(crate) struct Calls {
    events: Vec<Draft>,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new() }
    }

    /// A call of process `p` on node `n` (from 1), from `start` to `end` in microseconds.
    pub(crate) fn call(
        &mut self,
        (p, n): (u32, u16),
        (start, end): (u64, Option<u64>),
        key: Key,
        op: RegisterOp,
        outcome: Outcome<RegisterReturn>,
    ) {
        let at = |us: u64| Nanos(us * 1000);
        let number = self.events.len() as u64;
        let node = Some(NodeId(n - 1));
        let call = RegisterCall { key, op };
        self.events.push((
            at(start),
            false,
            number,
            Process(p),
            node,
            Moment::Invoke(call),
        ));
        if let Some(end) = end {
            self.events.push((
                at(end),
                true,
                number,
                Process(p),
                node,
                Moment::Complete(outcome),
            ));
        }
    }

    /// The history, and the index of the invocation of each call, in the order in which they were added.
    pub(crate) fn history(mut self) -> (History<Register>, Vec<Index>) {
        self.events.sort_by_key(|e| (e.0, e.1, e.2));
        let mut calls: Vec<(u64, Index)> = Vec::new();
        let events: Vec<Event<Register>> = self
            .events
            .into_iter()
            .enumerate()
            .map(|(i, (time, is_end, number, process, node, moment))| {
                let index = Index(i as u32);
                if !is_end {
                    calls.push((number, index));
                }
                Event {
                    index,
                    time,
                    process,
                    node,
                    moment,
                }
            })
            .collect();
        calls.sort_unstable();
        let nodes = Nodes::new(["n1", "n2", "n3", "n4", "n5"]);
        (
            History::new(nodes, events).expect("calls are paired with their ends"),
            calls.into_iter().map(|c| c.1).collect(),
        )
    }
}

pub(crate) fn value(v: i64) -> Outcome<RegisterReturn> {
    Outcome::Ok(RegisterReturn::Value(Some(v)))
}

pub(crate) fn done() -> Outcome<RegisterReturn> {
    Outcome::Ok(RegisterReturn::Done)
}

/// A mixed load of `n` calls by ten processes over sixty seconds, n1 and n2 failing while they are cut off.
pub(crate) fn load(calls: &mut Calls, n: u64) {
    let mut state = 7_u64;
    let mut draw = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let step = 60_000_000 / n;
    let mut process: Vec<u32> = (100..110).collect();
    let mut free = [0_u64; 10];
    for i in 0..n {
        let worker = (i % 10) as usize;
        let start = (i * step).max(free[worker] + 1);
        if start > 60_000_000 {
            continue;
        }
        let node = (worker % 5) as u16 + 1;
        let cut = (24_000_000..39_000_000).contains(&start) && node <= 2;
        let latency = 400 + draw(1800) + if draw(50) == 0 { draw(40_000) } else { 0 };
        let key = Key::Int(draw(32) as i64);
        let (op, good) = match draw(3) {
            0 => (RegisterOp::Write(i as i64), done()),
            1 => (
                RegisterOp::Cas {
                    from: i as i64,
                    to: 3,
                },
                Outcome::Fail(Reason::new("cas-mismatch")),
            ),
            _ => (RegisterOp::Read, value(draw(900) as i64)),
        };
        let (end, outcome) = match (cut, op, draw(4)) {
            (true, RegisterOp::Read, 0..3) | (false, ..) => (start + latency, good),
            (true, _, 0) => (
                start + 900,
                Outcome::Fail(Reason::with_detail(
                    "refused",
                    "connection refused (os error 111)",
                )),
            ),
            (true, ..) => (
                start + 2_000_000,
                Outcome::Info(Reason::with_detail("timeout", "deadline of 2s passed")),
            ),
        };
        let lost = matches!(outcome, Outcome::Info(_));
        calls.call(
            (process[worker], node),
            (start, Some(end)),
            key,
            op,
            outcome,
        );
        free[worker] = end;
        if lost {
            process[worker] += 10;
        }
    }
}

pub(crate) fn partition() -> FaultSpan {
    let names = |n: &[&str]| n.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    FaultSpan {
        id: FaultId(1),
        kind: "partition".to_owned(),
        what: "{n1 n2} | {n3 n4 n5}".to_owned(),
        nodes: names(&["n1", "n2", "n3", "n4", "n5"]),
        sides: vec![names(&["n1", "n2"]), names(&["n3", "n4", "n5"])],
        injected: Some(Nanos::from_millis(24_000)),
        began: Nanos::from_millis(23_960),
        verified: Some((true, "0/20 probes crossed, 20/20 inside passed".to_owned())),
        healed: Some(Nanos::from_millis(39_000)),
        heal_verified: Some((true, "20/20 probes crossed".to_owned())),
        errors: Vec::new(),
        clocks: Vec::new(),
    }
}

/// A clock that was made wrong, and what was measured of it.
pub(crate) fn clock() -> FaultSpan {
    let reading = |at, offset, during| ClockReading {
        node: "n2".to_owned(),
        at: Nanos::from_millis(at),
        offset,
        uncertainty: Nanos(500_100),
        during,
    };
    FaultSpan {
        id: FaultId(3),
        kind: "clock".to_owned(),
        what: "n2 20s561ms ahead".to_owned(),
        nodes: vec!["n2".to_owned()],
        sides: Vec::new(),
        injected: Some(Nanos::from_millis(50_000)),
        began: Nanos::from_millis(49_900),
        verified: Some((
            true,
            "n2: 20561 ms, give or take 0.1 µs (1 process)".to_owned(),
        )),
        healed: Some(Nanos::from_millis(55_000)),
        heal_verified: Some((true, "n2: 0 ms (1 process)".to_owned())),
        errors: Vec::new(),
        clocks: vec![
            reading(50_300, 20_561_000_000, true),
            reading(55_200, 0, false),
        ],
    }
}

/// What nodes wrote; the run's zero is 1795229127 by a clock of which `n3`'s is two seconds ahead.
pub(crate) fn logs() -> Vec<NodeLog> {
    let log = |node: &str, offset: i64, lines: &[(f64, &str, &str)]| {
        let line = |(at, level, msg): &(f64, &str, &str)| {
            let ts = 1_795_229_127.0 + at + offset as f64 / 1e9;
            format!("{{\"level\":\"{level}\",\"ts\":{ts:.3},\"msg\":\"{msg}\"}}\n")
        };
        NodeLog {
            node: node.to_owned(),
            file: format!("nodes/{node}/etcd.log"),
            text: lines.iter().map(line).collect(),
            left_out: 0,
            clock: Some(NodeClock {
                offset,
                uncertainty: Nanos(2_000_000),
            }),
        }
    };
    let noise: Vec<(f64, &str, &str)> = (0..500)
        .map(|i| (f64::from(i) * 0.1, "info", "compacted 17"))
        .collect();
    let slow: Vec<(f64, &str, &str)> = (0..40)
        .map(|i| (24.0 + f64::from(i) * 0.2, "warn", "lost connection to 7f"))
        .collect();
    vec![
        log("n1", 0, &[&noise[..240], &slow[..]].concat()),
        log("n2", 0, &[
            (49.0, "info", "before"),
            (51.0 + 20.561, "error", "written by a wrong clock"),
            (56.0, "info", "elected leader 8e at term 4"),
        ]),
        log("n3", 2_000_000_000, &[(31.3, "info", "became leader at term 3"), (31.4, "info", "applied 93")]),
        NodeLog {
            text: "=== schism starts etcd\n2026-11-21 02:46:15.000 INFO up\npanic: runtime error\n\ngoroutine 1 [running]:\n".to_owned(),
            ..log("n4", 0, &[])
        },
    ]
}

/// Everything that a page can show.
pub(crate) fn whole() -> Report {
    let (history, finding) = stale(3_000);
    let read = |call: &RegisterCall| {
        Some(match call.op {
            RegisterOp::Read => Use::Read,
            _ => Use::Write,
        })
    };
    Report::new(
        meta(),
        &history,
        vec![
            check("linearizable", Verdict::Fail(vec![finding])),
            pass("coverage"),
        ],
        vec![partition(), kill(true), clock()],
    )
    .with_sides(&history, &read)
    .with_logs(&logs())
}

/// A run that could not reach a node.
pub(crate) fn broken() -> broken::Aftermath {
    broken::Aftermath {
        meta: meta(),
        phase: "deploy".to_owned(),
        message: "n2: cannot reach 10.77.0.2:22: Connection refused (os error 111)".to_owned(),
        calls: 0,
        in_force: Vec::new(),
        log: (0..60).map(|i| format!("02:45:{i:02} deploy")).collect(),
        logs: Vec::new(),
    }
}

pub(crate) fn kill(verified: bool) -> FaultSpan {
    FaultSpan {
        id: FaultId(2),
        kind: "kill".to_owned(),
        what: "kill -9 n4".to_owned(),
        nodes: vec!["n4".to_owned()],
        sides: Vec::new(),
        injected: Some(Nanos::from_millis(45_000)),
        began: Nanos::from_millis(44_990),
        verified: Some((
            verified,
            if verified {
                "pid 4711 is gone"
            } else {
                "pid 4711 is still there"
            }
            .to_owned(),
        )),
        healed: Some(Nanos::from_millis(48_200)),
        heal_verified: None,
        errors: Vec::new(),
        clocks: Vec::new(),
    }
}

pub(crate) fn meta() -> RunMeta {
    let window = |from, until| {
        Some(Window {
            from: Nanos::from_millis(from),
            until: Nanos::from_millis(until),
        })
    };
    let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    RunMeta {
        schema: schism_reports::META_SCHEMA,
        run: "20261121T024512Z-k3f9".to_owned(),
        workload: "register".to_owned(),
        faults: words(&["partition", "kill"]),
        target: "etcd".to_owned(),
        target_version: Some("3.4.23".to_owned()),
        nodes: words(&["n1", "n2", "n3", "n4", "n5"]),
        keys: Some(32),
        expectation: "linearizable".to_owned(),
        seed: Some("0x5eed1a7c".to_owned()),
        started: chrono::DateTime::from_timestamp(1_795_229_112, 0),
        zero: chrono::DateTime::from_timestamp(1_795_229_127, 0),
        duration: Nanos::from_millis(66_400),
        argv: words(&["target/release/schism", "run", "etcd", "--lab", "5", "--time", "60s"]),
        config: "target: etcd            # command line\nnodes: 5                # --lab 5\nrun:\n  time: 60s             # --time 60s\n  op_timeout: 5s        # default\n".to_owned(),
        interrupted: false,
        imported: false,
        caveats: Vec::new(),
        ended: Vec::new(),
        host: "bench-3".to_owned(),
        kernel: "Linux 6.1.0".to_owned(),
        schism: "0.1.0".to_owned(),
        phases: Phases {
            workload: window(0, 60_000),
            heal: window(60_000, 63_100),
            final_reads: window(63_100, 66_000),
        },
    }
}

pub(crate) fn check(name: &str, verdict: Verdict) -> Check {
    Check {
        name: name.to_owned(),
        decides: match name {
            "linearizable" => "Each key behaves as if every call took effect at one instant between being sent and being answered.",
            _ => "There were reads, faults that took effect, and final reads of every key.",
        }
        .to_owned(),
        verdict,
        took: Duration::from_millis(31),
    }
}

pub(crate) fn pass(name: &str) -> Check {
    check(
        name,
        Verdict::Pass(Evidence {
            counts: vec![("ok ops".to_owned(), 5_113), ("keys".to_owned(), 32)],
            notes: vec!["values are distinct per key, so zones decide it".to_owned()],
        }),
    )
}

pub(crate) fn unknown(name: &str) -> Check {
    check(
        name,
        Verdict::Unknown(Cause {
            code: "coverage/no-reads-during-fault".to_owned(),
            text: "no read succeeded while a fault was in force".to_owned(),
            remedy: "raise --time to 60s or more".to_owned(),
        }),
    )
}

/// The stale read of UX.md, on a background of `n` calls.
pub(crate) fn stale(n: u64) -> (History<Register>, Finding) {
    let mut calls = Calls::new();
    let key = || Key::Int(17);
    calls.call(
        (4, 3),
        (31_061_000, Some(31_066_000)),
        key(),
        RegisterOp::Write(88),
        done(),
    );
    calls.call(
        (4, 3),
        (31_198_000, Some(31_204_000)),
        key(),
        RegisterOp::Write(93),
        done(),
    );
    calls.call(
        (9, 1),
        (31_611_000, Some(31_613_000)),
        key(),
        RegisterOp::Read,
        value(88),
    );
    if n > 0 {
        load(&mut calls, n);
    }
    let (history, indices) = calls.history();
    let finding = Finding {
        code: "stale-read".to_owned(),
        title: "stale read on key 17".to_owned(),
        property: "linearizable".to_owned(),
        explanation: "n3 acknowledged write 17=93 to process 4 at 0:31.204. 407 ms later process 9 read key 17 on n1 and \
                      got 88, the value before it. A client that writes and then tells another client would be \
                      contradicted by the database."
            .to_owned(),
        key: Some(key()),
        witness: indices[..3].to_vec(),
        from: Nanos::from_millis(31_061),
        until: Nanos::from_millis(31_613),
        minimal: true,
        confidence: "certain".to_owned(),
        more: 11,
        order: Vec::new(),
    };
    (history, finding)
}

pub(crate) fn failing(n: u64) -> Report {
    let (history, finding) = stale(n);
    Report::new(
        meta(),
        &history,
        vec![
            check("linearizable", Verdict::Fail(vec![finding])),
            pass("coverage"),
        ],
        vec![partition(), kill(true)],
    )
}

pub(crate) fn passing() -> Report {
    let (history, _) = stale(3_000);
    Report::new(
        meta(),
        &history,
        vec![pass("linearizable"), pass("coverage")],
        vec![partition(), kill(true)],
    )
}

pub(crate) fn undecided() -> Report {
    let (history, _) = stale(300);
    Report::new(
        meta(),
        &history,
        vec![pass("linearizable"), unknown("coverage")],
        vec![partition(), kill(false)],
    )
}

pub(crate) fn interrupted() -> Report {
    let (history, _) = stale(300);
    let meta = RunMeta {
        interrupted: true,
        ..meta()
    };
    Report::new(meta, &history, vec![pass("linearizable")], vec![kill(true)])
}

pub(crate) fn empty() -> Report {
    let (history, _) = Calls::new().history();
    Report::new(RunMeta::default(), &history, vec![], vec![])
}

/// One call, and nothing else.
pub(crate) fn single() -> Report {
    let mut calls = Calls::new();
    calls.call(
        (0, 1),
        (1_000, Some(3_000)),
        Key::Int(17),
        RegisterOp::Write(1),
        done(),
    );
    let (history, _) = calls.history();
    Report::new(meta(), &history, vec![unknown("coverage")], vec![])
}

pub(crate) fn quiet() -> Report {
    let (history, _) = stale(300);
    let meta = RunMeta {
        faults: vec![],
        ..meta()
    };
    Report::new(meta, &history, vec![pass("linearizable")], vec![])
}
