//! What was found of each model under each kind of fault, and what each side of a partition was given.

use checkers::{
    Finding, Verdict,
    cap::{Cap, Use},
};
use history::RegisterOp;
use schism_reports::{Cell, Report, Row, html};

use super::{fixture, page_elements, transactions};

fn row<'a>(report: &'a Report, model: &str) -> &'a Row {
    let mut rows = report.matrix.rows.iter();
    rows.find(|r| r.model == model).expect("a model")
}

/// The columns: no fault, kill, partition, whole run.
fn cells(report: &Report, model: &str) -> Vec<Cell> {
    let columns: Vec<&str> = report
        .matrix
        .columns
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(columns, ["no fault", "kill", "partition", "whole run"]);
    row(report, model).cells.clone()
}

fn failing(more: u64) -> Report {
    let (history, finding) = fixture::stale(600);
    let finding = Finding { more, ..finding };
    Report::new(
        fixture::meta(),
        &history,
        vec![fixture::check("linearizable", Verdict::Fail(vec![finding]))],
        vec![fixture::partition(), fixture::kill(true)],
    )
}

#[test]
fn a_finding_stands_where_it_came_about() {
    let report = failing(0);
    let calls: Vec<u64> = report.matrix.columns.iter().map(|c| c.calls).collect();
    assert_eq!(calls[3], report.stats.counts.total());
    assert_eq!(
        cells(&report, "linearizable"),
        [
            Cell::Clear(calls[0]),
            Cell::Clear(calls[1]),
            Cell::Broken(vec![1]),
            Cell::Broken(vec![1])
        ]
    );
    let strict = cells(&report, "strict serializable");
    assert_eq!(strict[0], Cell::NotTested);
    assert_eq!(strict[2], Cell::Implied(vec![1]));
    assert_eq!(cells(&report, "causal"), vec![Cell::NotTested; 4]);
    assert!(row(&report, "linearizable").expected);
    assert!(row(&report, "causal").promised && !row(&report, "strict serializable").promised);
}

#[test]
fn nothing_is_called_clear_while_violations_were_only_counted() {
    let report = failing(11);
    let cells = cells(&report, "linearizable");
    assert_eq!(cells[..2], [Cell::Untold, Cell::Untold]);
}

#[test]
fn a_fault_that_nobody_saw_bite_tests_nothing() {
    let report = fixture::undecided();
    let linearizable = cells(&report, "linearizable");
    assert_eq!(linearizable[1], Cell::NotTested);
    assert!(matches!(linearizable[2], Cell::Clear(1..)));
    assert!(html::page(&report).contains("not seen to take effect</span></th>"));
}

#[test]
fn a_pass_clears_what_the_model_implies_and_nothing_above_it() {
    let report = fixture::passing();
    let all = Cell::Clear(report.stats.counts.total());
    assert_eq!(cells(&report, "linearizable")[3], all);
    assert_eq!(cells(&report, "read your writes")[3], all);
    assert_eq!(cells(&report, "strict serializable")[3], Cell::NotTested);
}

#[test]
fn an_anomaly_breaks_the_weakest_levels_that_exclude_it() {
    let report = transactions::write_skew();
    let whole = |model| cells(&report, model)[3].clone();
    assert_eq!(whole("repeatable read"), Cell::Broken(vec![1]));
    assert_eq!(whole("serializable"), Cell::Implied(vec![1]));
    assert_eq!(whole("snapshot isolation"), Cell::Clear(3));
    assert_eq!(whole("strong snapshot isolation"), Cell::NotTested);
    let page = html::page(&report);
    assert!(page.contains("Not ruled out by this: strong snapshot isolation."));
    assert!(page.contains("T1 before T2</b> <code>rw</code>"));
    assert_eq!(page.matches("<g class=\"edge rw\">").count(), 2);
    assert_eq!(page.matches("<g class=\"txn\">").count(), 2);
    page_elements(&page);
}

#[test]
fn a_property_that_implies_nothing_has_a_row_of_its_own() {
    let report = transactions::lost_message();
    let models: Vec<&str> = report
        .matrix
        .rows
        .iter()
        .map(|r| r.model.as_str())
        .collect();
    assert_eq!(models.len(), 1, "{models:?}");
    assert!(matches!(report.matrix.rows[0].cells.last(), Some(Cell::Broken(n)) if n == &[1]));
}

#[test]
fn the_card_of_cap_says_what_each_side_was_given() {
    let (history, _) = fixture::stale(3_000);
    let serves = |call: &history::RegisterCall| {
        Some(match call.op {
            RegisterOp::Read => Use::Read,
            _ => Use::Write,
        })
    };
    let card = Cap::new(serves)
        .faults(vec![fixture::partition()])
        .card(&history);
    let page = html::page(&fixture::passing().with_cap(card.clone()));
    assert!(page.contains(&card.sentence), "{}", card.sentence);
    for part in ["minority", "majority", "Longest outage"] {
        assert!(page.contains(part), "{part}");
    }
    let elements = page_elements(&page);
    assert_eq!(elements["table"], elements["caption"]);
}

#[test]
fn what_was_not_exercised_is_said_with_why_it_matters() {
    let page = html::page(&fixture::undecided());
    assert!(page.contains("What was exercised"));
    assert!(page.contains(
        "no read succeeded while a fault was in force, so a pass would mean little: raise --time to 60s or more"
    ));
    assert!(html::page(&fixture::passing()).contains("5,113 ok ops"));
}
