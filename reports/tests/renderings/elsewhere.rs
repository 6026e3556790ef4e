//! Histories that are not of registers, and histories that came in files: nothing is said that is not known of them.

use checkers::{Balances, Budget, Check, Checker, Isolation, txn::Level};
use history::{
    Codec, Event, History, Key, Nanos, Txn,
    dsl::parse,
    ops::{Bank, Queue},
};
use schism_reports::{
    Conclusion, Report, RunMeta, VerdictFile, html, summary,
    text::{self, Style},
};

use super::{elements, page_elements, renderings};

fn judged<O: Codec>(history: &History<O>, checker: &impl Checker<O>, meta: RunMeta) -> Report {
    let check = Check {
        name: checker.name().to_owned(),
        decides: checker.decides(),
        verdict: checker.check(history, Budget::default()),
        took: std::time::Duration::from_millis(3),
    };
    Report::new(meta, history, vec![check], Vec::new())
}

/// Of a file, judged by a command with options.
fn file(name: &str, workload: &str, expectation: &str) -> RunMeta {
    RunMeta {
        run: name.to_owned(),
        workload: workload.to_owned(),
        expectation: expectation.to_owned(),
        imported: true,
        argv: ["schism", "check", name, "--workload", workload]
            .map(str::to_owned)
            .to_vec(),
        ..RunMeta::default()
    }
}

/// The same without any time, as many have it who write histories by hand.
fn without_times<O: Codec>(history: &History<O>) -> History<O> {
    let events = history.events().map(|event| Event {
        time: Nanos(0),
        ..event
    });
    History::new(history.nodes().clone(), events).expect("as well formed as before")
}

fn bank() -> History<Bank> {
    parse(
        r#"
        p0: |--read -> {"0":10,"1":0}--|
        p1:    |--transfer {"from":0,"to":1,"amount":4}--|
        p0:                                                 |--read -> {"0":6,"1":0}--|
        "#,
    )
    .expect("a drawing")
}

#[test]
fn a_bank_is_told_in_its_own_words() {
    let checker = Balances::new([Key::Int(0), Key::Int(1)], 10);
    let report = judged(
        &bank(),
        &checker,
        file("my bank.edn", "bank", "constant-total"),
    );
    let summary = text::summary(&report, Style::PLAIN, &[]);
    assert!(
        summary.starts_with("✗ FAIL  bank   1 finding   "),
        "{summary}"
    );
    for line in [
        "     schism check 'my bank.edn' --workload bank\n     schism check 'my bank.edn' --workload bank --finding 1\n",
        "  expected  constant-total\n",
        "  checks    bank FAIL\n",
    ] {
        assert!(summary.contains(line), "{line}\n{summary}");
    }
    let card = text::card(&report, 1, Style::PLAIN).expect("a finding");
    assert!(
        card.contains("read all accounts → {\"0\":6,\"1\":0}"),
        "{card}"
    );
    for (name, text) in renderings(&report) {
        for word in ["register", "No fault was", "faults    "] {
            assert!(!text.contains(word), "{name} says {word:?}:\n{text}");
        }
    }
    let page = html::page(&report);
    assert!(page.contains("<code>transfer</code>"));
    assert!(!page.contains("id=\"faults\"") && !page.contains("#faults"));
    assert_eq!(page_elements(&page)["article"], 1);
}

#[test]
fn transactions_that_pass_say_what_level_that_is() {
    let history: History<Txn> = parse(
        r#"
        p0: |--txn [["append",1,5]]--|
        p1:                             |--txn [["r",1,null]] -> [["r",1,[5]]]--|
        "#,
    )
    .expect("a drawing");
    let checker = Isolation::expecting(Level::Serializable);
    let report = judged(
        &history,
        &checker,
        file("h.edn", "list-append", "serializable"),
    );
    let summary = text::summary(&report, Style::PLAIN, &[]);
    assert_eq!(report.conclusion, Conclusion::Pass);
    for line in [
        "✓ PASS  list-append   no violation found in 2 ops",
        "  expected  serializable\n",
        "  note      the strongest with no violation found: strict serializable\n",
    ] {
        assert!(summary.contains(line), "{line}\n{summary}");
    }
    let verdict: serde_json::Value =
        serde_json::from_str(&VerdictFile::new(&report, 0).to_json()).expect("JSON");
    assert_eq!(verdict["workload"], "list-append");
    assert_eq!(verdict["expectation"], "serializable");
    let notes = verdict["checks"][0]["evidence"]["notes"].to_string();
    assert!(notes.contains("the strongest with no violation"), "{notes}");
}

#[test]
fn where_there_are_no_times_none_are_shown() {
    let checker = Balances::new([Key::Int(0), Key::Int(1)], 10);
    let history = without_times(&bank());
    let report = judged(
        &history,
        &checker,
        file("bank.edn", "bank", "constant-total"),
    );
    assert_eq!(
        report.findings[0].when,
        "The record has no times; its order is that of its events."
    );
    let card = text::card(&report, 1, Style::PLAIN).expect("a finding");
    let proof = card.split("Smallest proof").nth(1).expect("its proof");
    assert!(!proof.contains("0:00.000"), "{card}");
    let summary = text::summary(&report, Style::PLAIN, &[]);
    assert!(
        summary.starts_with("✗ FAIL  bank   1 finding\n"),
        "{summary}"
    );
    assert!(!summary.contains("p99"), "{summary}");
    let page = html::page(&report);
    page_elements(&page);
    for text in ["Duration", "percentile", "<svg"] {
        assert!(!page.contains(text), "{text}");
    }
    assert!(!summary::page(&report).contains("duration"));
}

#[test]
fn a_run_of_another_workload_has_a_whole_page() {
    let history: History<Queue> = parse(
        "
        p0@n1: |--enqueue _ 1--|  |--enqueue _ 2 info:timeout--|
        p1@n2:                       |--dequeue -> 1--|  |--drain -> [2]--|
        ",
    )
    .expect("a drawing");
    let checker = checkers::Delivery::at_least_once();
    let meta = RunMeta {
        run: "20261121T024512Z-k3f9".to_owned(),
        workload: "queue".to_owned(),
        target: "rabbit".to_owned(),
        expectation: "at-least-once".to_owned(),
        ..RunMeta::default()
    };
    let report = judged(&history, &checker, meta);
    assert_eq!(report.conclusion, Conclusion::Pass);
    let page = html::page(&report);
    page_elements(&page);
    for f in ["enqueue", "dequeue", "drain"] {
        assert!(page.contains(&format!("<code>{f}</code>")), "{f}");
    }
    assert!(page.contains("id=\"faults\""));
    for svg in page.split("<svg").skip(1) {
        let whole = format!("<svg{}</svg>", svg.split("</svg>").next().expect("an end"));
        elements(&whole);
    }
}
