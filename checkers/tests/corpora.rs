//! Histories recorded by others, with the verdicts that they published. Not part of this repository: where they are not
//! there, this says so and judges nothing.
#![expect(clippy::print_stderr, reason = "a test that did not run must say so")]

use std::path::{Path, PathBuf};

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Register,
    RegisterCall, RegisterOp, RegisterReturn,
};
use schism_checkers::{Budget, Checker, Linearizable};

fn corpora() -> Option<PathBuf> {
    let named = std::env::var_os("SCHISM_CORPORA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let found = [named, Some(beside)]
        .into_iter()
        .flatten()
        .find(|p| p.join("corpora.tsv").is_file());
    if found.is_none() {
        eprintln!("\n!!! NOT RUN: no corpora here; name their folder in SCHISM_CORPORA\n");
    }
    found
}

/// Reads Porcupine's copies of Jepsen's etcd logs: `INFO  jepsen.util - PROCESS TYPE F VALUE`.
fn etcd_log(text: &str) -> History<Register> {
    let key = || Key::Text("x".into());
    let mut events: Vec<Event<Register>> = Vec::new();
    for line in text.lines() {
        let Some((_, said)) = line.split_once("jepsen.util - ") else {
            continue;
        };
        let words: Vec<&str> = said.split_whitespace().collect();
        let [process, kind, f, value @ ..] = &words[..] else {
            continue;
        };
        let Ok(process) = process.parse().map(Process) else {
            continue;
        };
        let number = |word: &str| word.trim_matches(['[', ']']).parse::<i64>().ok();
        let op = match *f {
            ":read" => RegisterOp::Read,
            ":write" => {
                RegisterOp::Write(value.first().and_then(|v| number(v)).unwrap_or_default())
            }
            ":cas" => match value {
                [from, to] => RegisterOp::Cas {
                    from: number(from).expect("a number"),
                    to: number(to).expect("a number"),
                },
                // A completion that repeats no value.
                _ => RegisterOp::Cas { from: 0, to: 0 },
            },
            other => panic!("{other} in {line}"),
        };
        let moment = match (*kind, op) {
            (":invoke", op) => Moment::Invoke(RegisterCall { key: key(), op }),
            (":ok", RegisterOp::Read) => {
                let seen = value
                    .first()
                    .filter(|v| **v != "nil")
                    .and_then(|v| number(v));
                Moment::Complete(Outcome::Ok(RegisterReturn::Value(seen)))
            }
            (":ok", _) => Moment::Complete(Outcome::Ok(RegisterReturn::Done)),
            (":fail", _) => Moment::Complete(Outcome::Fail(Reason::new("fail"))),
            (":info", _) => Moment::Complete(Outcome::Info(Reason::new("timed-out"))),
            (other, _) => panic!("{other} in {line}"),
        };
        let index = Index(events.len() as u32);
        events.push(Event {
            index,
            time: Nanos(u64::from(index.0)),
            process,
            node: None,
            moment,
        });
    }
    History::new(Nodes::default(), events).expect("a history")
}

#[test]
fn porcupines_etcd_logs_get_their_published_verdicts() {
    let Some(corpora) = corpora() else { return };
    let table = std::fs::read_to_string(corpora.join("corpora.tsv")).expect("readable");
    let mut judged = 0;
    for row in table.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [path, _, _, expected, ..] = &columns[..] else {
            continue;
        };
        if !path.starts_with("porcupine/etcd_") {
            continue;
        }
        let text = std::fs::read_to_string(corpora.join(path)).expect("readable");
        let verdict = Linearizable::default().check(&etcd_log(&text), Budget::default());
        let legal = matches!(*expected, "true" | "valid" | "ok" | "pass" | "linearizable");
        assert_eq!(
            verdict.word(),
            if legal { "pass" } else { "fail" },
            "{path}: expected {expected}"
        );
        judged += 1;
    }
    assert!(judged >= 50, "only {judged} logs");
}
