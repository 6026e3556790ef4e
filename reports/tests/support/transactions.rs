//! Runs of transactions and of a queue, drawn or simulated, judged by the real checkers.

use checkers::{Budget, Checker, Delivery, Isolation, txn::Level};
use history::{Codec, Event, History, Nanos, Txn, dsl, ops::Queue};
use schism_reports::{Conclusion, Report, RunMeta};
use sim::{Objects, Simulated};

use super::fixture;

/// A drawing whose columns are ten milliseconds each, from half a minute on.
fn drawn<O: Codec>(drawing: &str) -> History<O> {
    let history = dsl::parse::<O>(drawing).expect("a drawing");
    let events: Vec<Event<O>> = history
        .events()
        .map(|event| Event {
            time: Nanos(event.time.0 * 10_000_000 + 30_000_000_000),
            ..event
        })
        .collect();
    History::new(history.nodes().clone(), events).expect("the same events, later")
}

/// What a simulated store did, in a minute.
fn simulated<O: Codec>(store: &Simulated<O>, seed: u64) -> History<O> {
    let events = store.run(seed, 400, 8);
    let last = events.last().map_or(1, |event| event.time.0.max(1));
    let stretched = events.into_iter().map(|event| Event {
        time: Nanos(event.time.0.saturating_mul(60_000_000_000 / last)),
        ..event
    });
    History::new(sim::nodes(), stretched).expect("well formed")
}

/// The first run of a broken store that its checker catches.
fn caught<O: Codec>(store: &Simulated<O>, checker: &dyn Checker<O>, meta: &RunMeta) -> Report {
    let runs = (0..50).map(|seed| judged(&simulated(store, seed), checker, meta.clone()));
    let mut caught = runs.filter(|report| report.conclusion == Conclusion::Fail);
    caught.next().expect("one of fifty runs shows the bug")
}

fn judged<O: Codec>(history: &History<O>, checker: &dyn Checker<O>, meta: RunMeta) -> Report {
    let check = checkers::Check {
        name: checker.name().to_owned(),
        decides: checker.decides(),
        verdict: checker.check(history, Budget::default()),
        took: std::time::Duration::from_millis(2),
    };
    let faults = vec![fixture::partition(), fixture::kill(true)];
    Report::new(meta, history, vec![check], faults)
}

/// Two transactions that each read what the other one replaced: a circle of two.
pub(crate) fn write_skew() -> Report {
    let meta = RunMeta {
        workload: "list-append".to_owned(),
        target: "sim".to_owned(),
        target_version: None,
        expectation: "serializable".to_owned(),
        ..fixture::meta()
    };
    judged(
        &drawn::<Txn>(
            r#"p0@n1: |-txn [["r","x"],["append","y",1]] -> [["r","x",[]],["append","y",1]] -|
           p1@n3:     |-txn [["r","y"],["append","x",1]] -> [["r","y",[]],["append","x",1]] -|
           p2@n4:                                                                               |-txn [["r","x"],["r","y"]] -> [["r","x",[1]],["r","y",[1]]] -|"#,
        ),
        &Isolation::expecting(Level::Serializable),
        meta,
    )
}

/// A message that was acknowledged and never came.
pub(crate) fn lost_message() -> Report {
    let meta = RunMeta {
        workload: "queue".to_owned(),
        target: "sim".to_owned(),
        target_version: None,
        expectation: "at-least-once".to_owned(),
        ..fixture::meta()
    };
    judged(
        &drawn::<Queue>(
            r#"p0@n1: |-enqueue q 1-| |-enqueue q 2-|
           p1@n2:                                  |-dequeue q -> 2-|
           p2@n3:                                                      |-drain q -> []-|"#,
        ),
        &Delivery::at_least_once(),
        meta,
    )
}

/// A store that promises to be serializable and is not: read committed.
pub(crate) fn simulated_transactions() -> Report {
    let meta = RunMeta {
        workload: "list-append".to_owned(),
        target: "simulated read-committed".to_owned(),
        target_version: None,
        expectation: "serializable".to_owned(),
        ..fixture::meta()
    };
    let store = sim::stores(Objects::Lists)
        .into_iter()
        .find(|store| store.name == "read-committed")
        .expect("a store of that name");
    caught(&store, &Isolation::expecting(Level::Serializable), &meta)
}

/// A queue that loses messages.
pub(crate) fn simulated_queue() -> Report {
    let meta = RunMeta {
        workload: "queue".to_owned(),
        target: "simulated queue".to_owned(),
        target_version: None,
        expectation: "at-least-once".to_owned(),
        ..fixture::meta()
    };
    let queue = sim::queues()
        .into_iter()
        .find(
            |queue| matches!(queue.promise, sim::Promise::Broken(bug) if bug.code.contains("lost")),
        )
        .expect("a queue that loses messages");
    caught(&queue, &Delivery::at_least_once(), &meta)
}
