//! The journal gives back what was written, and survives what a crash does to it.

use proptest::prelude::*;
use schism_history::{
    Event, History, Index, Key, Moment, Nanos, NodeId, Nodes, Outcome, Process, Reason, Register,
    RegisterCall, RegisterOp, RegisterReturn, Span, journal,
};

fn event(index: u32, process: u32, moment: Moment<Register>) -> Event<Register> {
    Event {
        index: Index(index),
        time: Nanos(u64::from(index) * 3),
        process: Process(process),
        node: Some(NodeId(0)),
        moment,
    }
}

fn written(nodes: &Nodes, events: &[Event<Register>]) -> Vec<u8> {
    let mut writer = journal::Writer::new(Vec::new(), nodes.clone());
    for event in events {
        writer.write(event).expect("into memory");
    }
    writer.into_inner()
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("\"}\n{\"index\":0}\u{2028}\0\\".to_owned()),
        Just("7".to_owned()),
        Just("</script>\r\n".to_owned()),
    ]
}

fn op() -> impl Strategy<Value = (RegisterCall, Outcome<RegisterReturn>)> {
    let key = prop_oneof![
        any::<i64>().prop_map(Key::Int),
        hostile().prop_map(|s| Key::Text(s.into()))
    ];
    let reason =
        (hostile(), hostile()).prop_map(|(class, detail)| Reason::with_detail(&class, &detail));
    let op = prop_oneof![
        Just(RegisterOp::Read),
        any::<i64>().prop_map(RegisterOp::Write),
        any::<(i64, i64)>().prop_map(|(from, to)| RegisterOp::Cas { from, to }),
    ];
    (key, op, reason, any::<Option<i64>>(), 0..3u8).prop_map(|(key, op, reason, value, end)| {
        let ret = match op {
            RegisterOp::Read => RegisterReturn::Value(value),
            _ => RegisterReturn::Done,
        };
        let outcome = match end {
            0 => Outcome::Ok(ret),
            1 => Outcome::Fail(reason),
            _ => Outcome::Info(reason),
        };
        (RegisterCall { key, op }, outcome)
    })
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written(ops in prop::collection::vec(op(), 1..20), node in hostile()) {
        let nodes = Nodes::new([node]);
        let calls = ops.iter().enumerate().map(|(i, (call, _))| {
            event(i as u32, i as u32, Moment::Invoke(call.clone()))
        });
        let n = ops.len() as u32;
        let ends = ops.iter().enumerate().map(|(i, (_, outcome))| {
            event(n + i as u32, i as u32, Moment::Complete(outcome.clone()))
        });
        let events: Vec<_> = calls.chain(ends).collect();
        let text = written(&nodes, &events);
        let read = journal::read::<Register>(&text[..]).expect("what we wrote");
        prop_assert_eq!(read.torn, None);
        prop_assert_eq!(read.lines, events.len());
        prop_assert_eq!(read.history, History::new(nodes, events).expect("well formed"));
    }
}

#[test]
fn a_journal_cut_at_any_byte_is_a_prefix() {
    let call = |key: &str, op| {
        Moment::Invoke(RegisterCall {
            key: Key::Text(key.into()),
            op,
        })
    };
    let events = [
        event(0, 0, call("ключ\"\n", RegisterOp::Write(17))),
        event(1, 1, call("x", RegisterOp::Cas { from: 1, to: -2 })),
        event(2, 0, Moment::Complete(Outcome::Ok(RegisterReturn::Done))),
        event(
            3,
            1,
            Moment::Complete(Outcome::Info(Reason::with_detail("timeout", "é\\"))),
        ),
    ];
    let nodes = Nodes::new(["n1"]);
    let text = written(&nodes, &events);
    for cut in 0..=text.len() {
        let read =
            journal::read::<Register>(&text[..cut]).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        let lines = text[..cut].iter().filter(|b| **b == b'\n').count();
        // A line that lacks only its line feed is whole.
        let whole = lines + usize::from(text.get(cut) == Some(&b'\n'));
        assert_eq!(read.lines, whole, "cut at {cut}");
        let bytes = cut
            - text[..cut]
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |at| at + 1);
        let torn = (bytes > 0 && whole == lines).then_some(journal::Torn {
            line: lines + 1,
            bytes,
        });
        assert_eq!(read.torn, torn, "cut at {cut}");
        let known = if whole == 0 {
            Nodes::default()
        } else {
            nodes.clone()
        };
        let prefix = History::new(known, events[..whole].iter().cloned()).expect("a prefix");
        assert_eq!(read.history, prefix, "cut at {cut}");
    }
}

#[test]
fn a_line_looks_as_documented() {
    let text = written(
        &Nodes::new(["n2"]),
        &[
            event(
                7,
                3,
                Moment::Invoke(RegisterCall {
                    key: Key::Text("x".into()),
                    op: RegisterOp::Read,
                }),
            ),
            event(
                8,
                3,
                Moment::Complete(Outcome::Ok(RegisterReturn::Value(Some(17)))),
            ),
        ],
    );
    let expected = r#"{"index":7,"time":21,"process":3,"type":"invoke","f":"read","key":"x","node":"n2"}
{"index":8,"time":24,"process":3,"type":"ok","f":"read","key":"x","value":17,"node":"n2"}
"#;
    assert_eq!(String::from_utf8_lossy(&text), expected);
}

#[test]
fn bad_lines_are_named_with_their_number_and_what_is_wrong() {
    let good =
        r#"{"index":0,"time":0,"process":0,"type":"invoke","f":"read","key":1,"later":{"a":[]}}"#;
    for (bad, message) in [
        ("{oops}", "line 2, column 2: key must be a string"),
        (r#"{"index":1}"#, "line 2, column 11: missing field `time`"),
        (
            r#"{"index":1,"time":1,"process":1,"type":"begin"}"#,
            "line 2: no event has the type \"begin\"; it is invoke, ok, fail or info",
        ),
        (
            r#"{"index":1,"time":1,"process":1,"type":"ok"}"#,
            "line 2: event 1: process 1 completes a call that it never made",
        ),
        (
            r#"{"index":1,"time":1,"process":1,"type":"invoke","f":"pop","key":1}"#,
            "line 2: a register has no call \"pop\"; it has read, write and cas",
        ),
        (
            r#"{"index":1,"time":1,"process":0,"type":"fail","error":7}"#,
            "line 2: an error is \"class\" or [\"class\",\"detail\"], not 7",
        ),
        (
            r#"{"index":1,"time":1,"process":0,"type":"invoke","f":"read","key":1.5}"#,
            "line 2: a key is a string or a 64-bit integer, not 1.5",
        ),
    ] {
        let text = format!("{good}\n{bad}\n{good}\n");
        let error = journal::read::<Register>(text.as_bytes()).expect_err(bad);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_completion_of_nothing_is_not_written() {
    let mut writer = journal::Writer::<Register, _>::new(Vec::new(), Nodes::default());
    let orphan = event(0, 0, Moment::Complete(Outcome::Ok(RegisterReturn::Done)));
    assert_eq!(
        writer.write(&orphan).expect_err("refused").kind(),
        std::io::ErrorKind::InvalidInput
    );
    assert!(writer.into_inner().is_empty());
}

#[test]
fn a_register_span_is_at_most_120_bytes() {
    assert!(
        size_of::<Span<Register>>() <= 120,
        "{}",
        size_of::<Span<Register>>()
    );
}

#[test]
fn a_line_that_cannot_be_read_is_not_quoted_whole() {
    let f = "x".repeat(1_000_000);
    let line = format!(r#"{{"index":0,"time":0,"process":0,"type":"invoke","f":"{f}","key":1}}"#);
    let error = journal::read::<Register>(line.as_bytes()).expect_err("no such function");
    let message = error.to_string();
    assert!(message.len() < 1000, "{} bytes", message.len());
    assert!(
        message.starts_with("line 1: ") && message.ends_with("read, write and cas"),
        "{message}"
    );
}
