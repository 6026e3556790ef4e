//! From the record of a run to the script of the next.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use history::{
    Nanos,
    fault::{FaultEvent, FaultId, FaultStep},
};
use schism_nemesis::{Among, Kind, Ledger, Line, Order, Plan, ScheduleSpec, TrackSpec, script};

fn order(fault: u32, spec: &str, among: Among) -> Order {
    let track: TrackSpec = spec.parse().unwrap();
    Order::Repeat {
        fault: FaultId(fault),
        spec: track.fault,
        seed: u64::MAX - u64::from(fault),
        among,
    }
}

fn step(fault: u32, step: FaultStep, millis: u64) -> FaultEvent {
    FaultEvent {
        time: Nanos::from_millis(millis),
        until: Nanos::from_millis(millis + 40),
        fault: FaultId(fault),
        step,
        ok: true,
        kind: "kill".to_owned(),
        what: String::new(),
        nodes: Vec::new(),
        sides: Vec::new(),
        detail: String::new(),
    }
}

#[test]
fn what_was_planned_is_repeated_at_the_same_times_and_says_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let ledger = Ledger::open(&path).unwrap();
    let busy = Among {
        busy: [("n2".to_owned(), FaultId(0))].into(),
        ..Among::default()
    };
    let planned = [
        (2, "kill@leader", Kind::Kill, "kill -9 n3 (leader)", busy),
        (0, "pause@n2", Kind::Pause, "SIGSTOP n2", Among::default()),
        // Planned, and then schism died.
        (4, "kill", Kind::Kill, "kill -9 n1", Among::default()),
    ];
    for (fault, spec, kind, what, among) in planned {
        let plan = Plan::new(kind, what.to_owned());
        ledger
            .planned(FaultId(fault), &order(fault, spec, among), &plan)
            .unwrap();
    }
    let steps = [
        step(0, FaultStep::Plan, 1_000),
        step(0, FaultStep::Inject, 1_010),
        // Skipped: it is not in the ledger.
        step(1, FaultStep::Plan, 1_500),
        step(2, FaultStep::Plan, 2_000),
        step(2, FaultStep::Heal, 3_250),
    ];
    let lines = script(&path, &steps).unwrap();
    let yaml = serde_yaml::to_string(&lines).unwrap();
    assert_eq!(
        yaml,
        "- at: 1s\n  inject:\n    pause:\n      at:\n      - n2\n  seed: 18446744073709551615\n  \
         was: pause SIGSTOP n2\n\
         - at: 2s\n  inject:\n    kill:\n      at:\n      - leader\n  for: 1s250ms\n  seed: 18446744073709551613\n  \
         among:\n    busy:\n      n2: 0\n  was: kill -9 n3 (leader)\n"
    );
    // It reads back as it was, and can be carried out.
    let read: Vec<Line> = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(read, lines);
    let spec = ScheduleSpec::script(read);
    let none = "none".parse().unwrap();
    spec.check(&none, std::time::Duration::from_secs(5))
        .unwrap();
}
