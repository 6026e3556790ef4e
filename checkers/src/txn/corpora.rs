//! The verdicts of others: the transactions that elle-cli ships, in Jepsen's JSON (its EDN says the same).

use history::{Event, History, Index, Moment, Nanos, Nodes, Outcome, Process, Reason, Txn};

use super::{Isolation, Level};
use crate::{Budget, Checker, Finding, Verdict};

/// A reader of one array of events, as much of one as these files need: each event stands on a line of its own.
fn read(text: &str) -> History<Txn> {
    let field = |line: &str, name: &str| -> Option<String> {
        let at = line.find(&format!("\"{name}\":"))? + name.len() + 3;
        let (mut depth, rest) = (0, &line[at..]);
        let end = rest.find(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            depth == 0 && (c == ',' || c == '}')
        })?;
        Some(rest[..end].trim_matches('"').to_owned())
    };
    let mut calls = std::collections::BTreeMap::new();
    let mut events: Vec<Event<Txn>> = Vec::new();
    for line in text.lines().filter(|line| line.contains("\"type\"")) {
        let get = |name| field(line, name).expect("a field");
        let process: u32 = get("process").parse().expect("a process");
        let journal = format!(
            "{{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":{}}}\n",
            get("value")
        );
        let parsed = history::journal::read::<Txn>(journal.as_bytes()).expect("a journal");
        let call = parsed.history.spans()[0].call.clone();
        let moment = match get("type").as_str() {
            "invoke" => {
                calls.insert(process, call.clone());
                Moment::Invoke(call)
            }
            "ok" => {
                let answer = format!(
                    "{journal}{{\"index\":1,\"time\":0,\"process\":0,\"type\":\"ok\",\"f\":\"txn\",\"value\":{}}}\n",
                    get("value")
                );
                let parsed = history::journal::read::<Txn>(answer.as_bytes()).expect("a journal");
                Moment::Complete(parsed.history.spans()[0].outcome.clone())
            }
            "fail" => Moment::Complete(Outcome::Fail(Reason::new("fail"))),
            _ => Moment::Complete(Outcome::Info(Reason::new("info"))),
        };
        let index = Index(events.len() as u32);
        events.push(Event {
            index,
            time: Nanos(0),
            process: Process(process),
            node: None,
            moment,
        });
    }
    History::new(Nodes::default(), events).expect("well formed")
}

fn findings(name: &str) -> Option<Vec<Finding>> {
    let path = format!("/work/shared/corpora/elle-cli/elle/{name}");
    let Ok(text) = std::fs::read_to_string(&path) else {
        #[expect(clippy::print_stderr, reason = "a test that could not run says so")]
        {
            eprintln!("NOT CHECKED: {path} is not there");
        }
        return None;
    };
    let verdict =
        Isolation::expecting(Level::StrictSerializable).check(&read(&text), Budget::default());
    match verdict {
        Verdict::Fail(findings) => Some(findings),
        other => panic!("{name}: {}", other.word()),
    }
}

#[test]
fn the_example_of_the_paper_fails() {
    let Some(findings) = findings("paper-example.json") else {
        return;
    };
    assert!(
        findings.iter().any(|f| f.code.starts_with("G")),
        "{findings:?}"
    );
}

/// `corpora.tsv` says pass, as elle-cli does. But T2 reads 3 of x, and nobody wrote 3: no system in which registers are
/// absent at first can produce this. Elle does not look for values from nowhere in registers.
#[test]
fn a_register_that_shows_what_nobody_wrote_fails_whatever_elle_says() {
    let Some(findings) = findings("rw-register.json") else {
        return;
    };
    let codes: Vec<&str> = findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["garbage-read"]);
    assert!(
        findings[0]
            .explanation
            .contains("T1 read 3 of key x, and no transaction ever wrote it."),
        "{}",
        findings[0].explanation
    );
}
