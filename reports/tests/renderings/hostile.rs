//! Text from a system under test, wherever it can enter, is inert in everything that is written.

use checkers::{Cause, Evidence, Finding, Verdict};
use history::{
    Codec, Event, Fields, History, Index, Key, Moment, Nanos, NodeId, Nodes, Operation, Outcome,
    Process, Reason,
};
use schism_reports::{Report, RunMeta, html, junit, summary};
use serde_json::value::RawValue;

use super::{elements, fixture, page_elements, renderings};

const ATTACKS: [&str; 9] = [
    "</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b]8;;http://x\x07",
    "::error::x",
    "##[error]x ##vso[task.complete]x ##teamcity[x]",
    "\u{202e}desrever",
    "]]>",
    "nul\0byte\u{fffe}\r\n::warning::y",
    "\"' onload=alert(1) x='",
    "| `code` *bold* [a](javascript:alert(1)) @here ${x} {{ y }}",
];

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
fn report(s: &str) -> Report {
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
    };
    let mut fault = fixture::partition();
    fault.began = Nanos(0);
    fault.injected = Some(Nanos(0));
    fault.kind = text();
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
    Report::new(meta, &history, checks, vec![fault])
}

#[test]
fn no_rendering_carries_an_attack() {
    for attack in ATTACKS {
        let report = report(attack);
        let benign = page_elements(&html::page(&self::report("benign")));
        assert_eq!(
            page_elements(&html::page(&report)),
            benign,
            "{attack:?} made elements"
        );
        assert_eq!(
            elements(&junit::document(&report, junit::OnUnknown::Error, &[])),
            elements(&junit::document(
                &self::report("benign"),
                junit::OnUnknown::Error,
                &[]
            )),
        );
        for (name, text) in renderings(&report) {
            let at = || format!("{attack:?} in {name}");
            let controls = text
                .chars()
                .filter(|c| c.is_control() && *c != '\n' && *c != '\x1b');
            assert_eq!(controls.collect::<String>(), "", "{}", at());
            if name != "colour" {
                assert!(!text.contains('\x1b'), "{}", at());
            }
            assert!(!text.contains(['\u{202e}', '\u{fffe}']), "{}", at());
            for marker in ["##[", "##vso[", "##teamcity["] {
                assert!(!text.contains(marker), "{}", at());
            }
            let commands = text.lines().filter(|l| l.trim_start().starts_with("::"));
            assert_eq!(commands.count(), 0, "{}", at());
            if ["html", "junit", "markdown"].contains(&name) {
                assert!(!text.contains("<img"), "{}", at());
                assert!(!text.contains("</script"), "{}", at());
                assert!(!text.contains("]]>"), "{}", at());
            }
        }
    }
}

#[test]
fn terminal_colours_are_only_ours() {
    let report = report("\x1b[2J\x1b]0;owned\x07");
    let text = &renderings(&report)[2].1;
    for code in text.split('\x1b').skip(1) {
        let ours = ["[1m", "[2m", "[0m", "[1;31m", "[1;32m", "[1;33m"];
        assert!(ours.iter().any(|o| code.starts_with(o)), "{code:?}");
    }
}

#[test]
fn markdown_keeps_its_table() {
    let page = summary::page(&report("a | b\nc"));
    for row in page.lines().filter(|l| l.starts_with('|')) {
        let cells = row.matches('|').count() - 1;
        assert!(cells == 4 || cells == 6, "{row}");
    }
    assert!(!summary::page(&report("@here [a](http://b)")).contains("@here"));
}

#[test]
fn a_megabyte_is_elided_with_its_length() {
    let report = report(&"é".repeat(1 << 20));
    for (name, text) in renderings(&report) {
        assert!(text.len() < 600_000, "{name}: {} bytes", text.len());
        assert!(text.contains("… (1,048,576 characters)"), "{name}");
    }
    assert!(summary::page(&report).len() <= summary::MAX_BYTES);
}
