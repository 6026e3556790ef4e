//! The ledger survives whatever happens to us: a torn line is dropped, everything whole counts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{fs, io::Write};

use control::Command;
use history::fault::FaultId;
use schism_nemesis::{
    Action, Ask, Expect, FaultSpec, Kill, Kind, Ledger, LedgerError, Order, Plan, Probe, Role,
};

fn plan(nodes: &[&str]) -> Plan {
    let actions = nodes.iter().map(|node| Action {
        node: (*node).to_owned(),
        apply: Command::new(["break", node]),
        undo: Command::new(["mend", node]).root(),
        probe: Probe {
            role: Role::State,
            ask: Ask::On {
                node: (*node).to_owned(),
                command: Command::new(["look"]),
            },
            during: Expect::Prints("broken".into()),
            after: Expect::Prints("whole".into()),
            link: None,
            needs: Vec::new(),
        },
    });
    Plan {
        nodes: nodes.iter().map(|n| (*n).to_owned()).collect(),
        actions: actions.collect(),
        ..Plan::new(Kind::Kill, format!("kill -9 {}", nodes.join(" ")))
    }
}

fn order(fault: u32) -> Order {
    Order::Inject {
        fault: FaultId(fault),
        spec: FaultSpec::Kill(Kill::default()),
        seed: 1,
    }
}

fn owed(ledger: &Ledger) -> Vec<(u32, String)> {
    ledger
        .outstanding()
        .into_iter()
        .map(|o| (o.fault.0, o.action.node))
        .collect()
}

#[test]
fn what_is_owed_is_known_after_a_restart_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let ledger = Ledger::open(&path).unwrap();
    ledger
        .planned(FaultId(0), &order(0), &plan(&["n1", "n2"]))
        .unwrap();
    ledger
        .planned(FaultId(1), &order(1), &plan(&["n3"]))
        .unwrap();
    ledger.undone(FaultId(0), "n1").unwrap();
    drop(ledger);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(owed(&ledger), [(1, "n3".to_owned()), (0, "n2".to_owned())]);
    let first = &ledger.outstanding()[0];
    assert_eq!(first.what, "kill -9 n3");
    assert_eq!(first.action.undo, Command::new(["mend", "n3"]).root());
    ledger.undone(FaultId(1), "n3").unwrap();
    ledger.undone(FaultId(0), "n2").unwrap();
    assert!(owed(&Ledger::open(&path).unwrap()).is_empty());
}

#[test]
fn a_torn_end_is_tolerated_and_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let ledger = Ledger::open(&path).unwrap();
    ledger
        .planned(FaultId(0), &order(0), &plan(&["n1"]))
        .unwrap();
    let whole = fs::read(&path).unwrap();
    ledger
        .planned(FaultId(1), &order(1), &plan(&["n2"]))
        .unwrap();
    let both = fs::read(&path).unwrap();
    for cut in (whole.len()..both.len()).step_by(37) {
        fs::write(&path, &both[..cut]).unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(owed(&ledger), [(0, "n1".to_owned())], "torn at byte {cut}");
        ledger
            .planned(FaultId(2), &order(2), &plan(&["n3"]))
            .unwrap();
        let again = Ledger::open(&path).unwrap();
        assert_eq!(owed(&again), [(2, "n3".to_owned()), (0, "n1".to_owned())]);
    }
}

#[test]
fn a_foreign_line_is_refused_with_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let ledger = Ledger::open(&path).unwrap();
    ledger
        .planned(FaultId(0), &order(0), &plan(&["n1"]))
        .unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"entry\":\"poem\"}\n").unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(
        matches!(error, LedgerError::Malformed { line: 2, .. }),
        "{error}"
    );
}
