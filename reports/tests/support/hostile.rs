//! Text from a system under test, and a report that says it wherever it can.

use checkers::{
    Cause, Evidence, Finding, Verdict,
    cap::{Cap, Use},
};
use history::{
    ClockReading, Codec, Event, Fields, History, Index, Key, Moment, Nanos, NodeId, Nodes,
    Operation, Outcome, Process, Reason,
};
use schism_reports::{NodeLog, Report, RunMeta};
use serde_json::value::RawValue;

use super::fixture;

/// What every output must make inert. One list for all tests: `reports/tests/hostile.json`.
pub(crate) fn attacks() -> Vec<String> {
    serde_json::from_str(include_str!("../hostile.json")).expect("a list of texts")
}

/// An operation that is nothing but text.
#[derive(Debug, Clone, PartialEq)]
struct Echo;

impl Operation for Echo {
    type Call = (Key, String);
    type Return = String;
}

impl Codec for Echo {
    fn encode_call(call: &Self::Call) -> Fields {
        Fields {
            f: "echo",
            key: Some(call.0.clone()),
            value: Some(call.1.clone()),
        }
    }
    fn encode_return(_: &Self::Call, ret: &String) -> Option<String> {
        Some(ret.clone())
    }
    fn decode_call(_: &str, _: Option<Key>, _: Option<&RawValue>) -> Result<Self::Call, String> {
        Err("an echo is never read".to_owned())
    }
    fn decode_return(_: &Self::Call, _: Option<&RawValue>) -> Result<String, String> {
        Err("an echo is never read".to_owned())
    }
    fn key(call: &Self::Call) -> Option<&Key> {
        Some(&call.0)
    }
}

/// A report that says `s` everywhere.
pub(crate) fn report(s: &str) -> Report {
    let text = || s.to_owned();
    let event = |i: u32, p: u32, moment| Event::<Echo> {
        index: Index(i),
        time: Nanos::from_millis(u64::from(i)),
        process: Process(p),
        node: Some(NodeId(0)),
        moment,
    };
    let call = || (Key::Text(s.into()), text());
    let history = History::new(
        Nodes::new([s, "n2"]),
        [
            event(0, 0, Moment::Invoke(call())),
            event(1, 0, Moment::Complete(Outcome::Ok(text()))),
            event(2, 1, Moment::Invoke(call())),
            event(
                3,
                1,
                Moment::Complete(Outcome::Fail(Reason::with_detail(s, s))),
            ),
            event(4, 2, Moment::Invoke(call())),
            event(
                5,
                2,
                Moment::Complete(Outcome::Info(Reason::with_detail(s, s))),
            ),
        ],
    )
    .expect("calls are paired with their ends");
    let finding = Finding {
        code: text(),
        title: text(),
        property: text(),
        explanation: text(),
        key: Some(Key::Text(s.into())),
        witness: vec![Index(0), Index(2), Index(4)],
        from: Nanos(0),
        until: Nanos::from_millis(5),
        minimal: false,
        confidence: text(),
        more: 1,
        order: Vec::new(),
    };
    let mut fault = fixture::partition();
    let card = {
        let mut cut = fault.clone();
        (cut.began, cut.injected) = (Nanos(0), Some(Nanos(0)));
        cut.what = text();
        cut.sides = vec![vec![text()], vec!["n2".to_owned(), "n3".to_owned()]];
        Cap::<Echo>::new(|_| Some(Use::Read))
            .faults(vec![cut])
            .judged(s, Verdict::Fail(vec![finding.clone()]))
            .card(&history)
    };
    assert!(!card.partitions.is_empty());
    fault.began = Nanos(0);
    fault.injected = Some(Nanos(0));
    fault.what = text();
    fault.nodes = vec![text()];
    fault.sides = vec![vec![text()], vec![text(), "n2".to_owned()]];
    fault.verified = Some((false, text()));
    fault.heal_verified = Some((true, text()));
    fault.errors = vec![text(); 30];
    let meta = RunMeta {
        run: text(),
        workload: text(),
        faults: vec![text()],
        target: text(),
        target_version: Some(text()),
        nodes: vec![text()],
        expectation: text(),
        seed: Some(text()),
        argv: vec![text(), text()],
        config: text(),
        caveats: vec![text()],
        ended: vec![text()],
        host: text(),
        kernel: text(),
        schism: text(),
        ..fixture::meta()
    };
    let checks = vec![
        fixture::check(s, Verdict::Fail(vec![finding])),
        fixture::check(
            s,
            Verdict::Pass(Evidence {
                counts: vec![(text(), 1)],
                notes: vec![text()],
            }),
        ),
        fixture::check(
            s,
            Verdict::Unknown(Cause {
                code: text(),
                text: text(),
                remedy: text(),
            }),
        ),
    ];
    fault.kind = text();
    fault.clocks = vec![ClockReading {
        node: text(),
        at: Nanos(1),
        offset: -5,
        uncertainty: Nanos(1),
        during: true,
    }];
    let json = serde_json::json!({"ts": 1_795_229_127.001, "level": "error", "msg": s, s: s});
    let log = NodeLog {
        node: text(),
        file: text(),
        // An end of a line is the end of a line.
        text: format!(
            "2026-11-21 02:45:27.002 ERROR {}\n{json}\n",
            s.replace('\n', " ")
        ),
        left_out: 1,
        clock: None,
    };
    Report::new(meta, &history, checks, vec![fault])
        .with_cap(card)
        .with_sides(&history, &|_| Some(Use::Read))
        .with_logs(&[log])
}
