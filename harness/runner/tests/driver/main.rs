//! The driver against targets in memory: what it records, and that nothing keeps it waiting.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fake;
mod order;

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use fake::{Fake, Manner, Shared, endless, writes};
use generator::Workers;
use history::{Event, History, Moment, Nodes, Outcome, Process, Register, Span, journal};
use schism_runner::{
    CLIENT_PANIC, CLIENT_STUCK, Collector, Counters, Driver, Ending, JournalSink, Limits,
    NO_CONNECTION, Notice, RunClock, RunError, Sink, SinkError, StopToken, TIMEOUT,
};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// A driver with a collector.
struct Rig {
    driver: Driver<Register, Shared>,
    fake: Arc<Fake>,
    seen: Collector<Register>,
    nodes: Nodes,
    stop: StopToken,
}

impl Rig {
    fn new(workers: usize, manners: &[Manner]) -> Self {
        Self::with(workers, manners, Limits::default(), Vec::new())
    }

    fn with(
        workers: usize,
        manners: &[Manner],
        limits: Limits,
        sinks: Vec<Box<dyn Sink<Register>>>,
    ) -> Self {
        let clock = RunClock::start();
        let (fake, nodes) = Fake::new(clock, manners);
        Self::around(workers, clock, fake, nodes, limits, sinks)
    }

    fn around(
        workers: usize,
        clock: RunClock,
        fake: Arc<Fake>,
        nodes: Vec<control::Node>,
        limits: Limits,
        mut sinks: Vec<Box<dyn Sink<Register>>>,
    ) -> Self {
        let seen = Collector::new();
        sinks.push(Box::new(seen.clone()));
        let names = Nodes::new(nodes.iter().map(|n| &n.name));
        let target = Arc::new(Shared(Arc::clone(&fake)));
        Self {
            driver: Driver::new(target, nodes, workers, limits, clock, sinks).unwrap(),
            fake,
            seen,
            nodes: names,
            stop: StopToken::new(),
        }
    }

    /// Runs this many writes to their end.
    async fn writes(&mut self, count: i64) -> schism_runner::PhaseSummary {
        self.driver
            .run(writes(count), &self.stop, HOUR)
            .await
            .unwrap()
    }

    /// What was recorded, which must be a history.
    fn spans(&self) -> Vec<Span<Register>> {
        let history = History::new(self.nodes.clone(), self.seen.events()).unwrap();
        history.spans().to_vec()
    }

    fn classes(&self) -> Vec<String> {
        self.spans().iter().map(class).collect()
    }
}

fn class(span: &Span<Register>) -> String {
    match &span.outcome {
        Outcome::Ok(_) => "ok".to_owned(),
        Outcome::Fail(reason) => format!("fail {}", reason.class()),
        Outcome::Info(reason) => format!("info {}", reason.class()),
    }
}

/// Waits for a condition in real time; a clock that is paused does not matter.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// With the clock paused, time passes when nothing else can happen: no test of a deadline waits for it.
fn paused(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn an_honest_target_gives_a_history_of_oks() {
    paused(async {
        let mut rig = Rig::new(7, &[Manner::Honest, Manner::Slow(SECOND)]);
        let summary = rig.writes(500).await;
        assert_eq!(summary.ending, Ending::Finished);
        assert_eq!((summary.outcomes.ok, summary.outcomes.total()), (500, 500));
        let spans = rig.spans();
        assert_eq!(spans.len(), 500);
        assert!(spans.iter().all(|s| class(s) == "ok"));
        assert!(
            rig.fake.connects.load(Ordering::Relaxed) <= 7,
            "a client serves many calls"
        );
        for span in &spans {
            let worker = span.process.0 as usize % 7;
            let node = rig.nodes.name(span.node.unwrap());
            assert_eq!(
                node,
                ["n1", "n2"][worker % 2],
                "worker i is bound to node i mod 2"
            );
        }
    });
}

#[test]
fn phases_continue_indices_processes_and_time() {
    paused(async {
        let mut rig = Rig::new(3, &[Manner::Hangs]);
        let first = rig.writes(3).await;
        let second = rig.writes(3).await;
        assert!(second.started >= first.ended);
        let mut processes: Vec<Process> = rig.spans().iter().map(|s| s.process).collect();
        processes.sort_unstable();
        assert_eq!(processes, (0..6).map(Process).collect::<Vec<_>>());
        let indices: Vec<u32> = rig.seen.events().iter().map(|e| e.index.0).collect();
        assert_eq!(indices, (0..12).collect::<Vec<_>>());
        rig.driver.close().await.unwrap();
    });
}

#[test]
fn a_call_without_an_answer_is_info_and_its_client_is_not_used_again() {
    paused(async {
        let mut rig = Rig::new(2, &[Manner::Hangs]);
        let summary = rig.writes(6).await;
        assert_eq!(summary.outcomes.info, 6);
        for span in rig.spans() {
            assert_eq!(class(&span), format!("info {TIMEOUT}"));
            let took = span.end.unwrap().since(span.start);
            assert!(took.as_secs_f64().round() >= 5.0, "{took:?}");
        }
        assert_eq!(rig.fake.connects.load(Ordering::Relaxed), 6);
    });
}

#[test]
fn a_panic_is_an_outcome_and_a_notice() {
    paused(async {
        let mut rig = Rig::new(2, &[Manner::Panics]);
        rig.writes(4).await;
        let expected = format!("info {CLIENT_PANIC}");
        assert_eq!(rig.classes(), vec![expected; 4]);
        let panics = rig.seen.notices();
        assert_eq!(panics.len(), 4);
        let said = panics[0].1.describe(&rig.nodes);
        assert!(said.ends_with("at n1 panicked: out of cheese"), "{said}");
    });
}

#[test]
fn calls_without_a_connection_fail_and_attempts_grow_rare() {
    for manner in [Manner::Refuses, Manner::RefusesLate] {
        paused(async {
            let mut rig = Rig::new(2, &[manner]);
            let minute = 60 * SECOND;
            let summary = rig.driver.run(endless(), &rig.stop, minute).await.unwrap();
            assert_eq!(summary.ending, Ending::Capped);
            let expected = format!("fail {NO_CONNECTION}");
            assert!(rig.classes().iter().all(|c| *c == expected));
            let attempts = rig.fake.connects.load(Ordering::Relaxed);
            assert!(
                (100..200).contains(&attempts),
                "{attempts} attempts in a minute"
            );
            assert_eq!(
                rig.seen.notices().len(),
                2,
                "one notice a worker, not one a call"
            );

            rig.fake.down.store(false, Ordering::Relaxed);
            let after = rig.writes(100).await;
            assert_eq!(
                after.outcomes.ok, 100,
                "it goes on once connections can be opened"
            );
        });
    }
}

#[test]
fn stopping_waits_for_what_was_sent() {
    paused(async {
        let mut rig = Rig::new(4, &[Manner::Slow(3 * SECOND)]);
        let stop = rig.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(4 * SECOND).await;
            stop.stop();
        });
        let summary = rig.driver.run(endless(), &rig.stop, HOUR).await.unwrap();
        assert_eq!(summary.ending, Ending::Stopped);
        assert_eq!((summary.outcomes.ok, summary.outcomes.total()), (8, 8));
        assert!(rig.spans().iter().all(|s| s.completed.is_some()));
    });
}

#[test]
fn stopping_does_not_wait_for_what_was_not_sent() {
    paused(async {
        let mut rig = Rig::new(2, &[Manner::Refuses]);
        let clock = RunClock::start();
        let stop = rig.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(10 * SECOND + Duration::from_millis(500)).await;
            stop.stop();
        });
        let before = clock.now();
        rig.driver.run(endless(), &rig.stop, HOUR).await.unwrap();
        let took = clock.now().since(before);
        assert!(took < 11 * SECOND, "{took:?}");
        let details: Vec<String> = rig
            .spans()
            .iter()
            .filter_map(|s| match &s.outcome {
                Outcome::Fail(reason) => Some(reason.detail().to_owned()),
                _ => None,
            })
            .collect();
        assert_eq!(details.last().unwrap(), "stopped before it was sent");
    });
}

#[test]
fn a_phase_that_was_stopped_before_starts_nothing() {
    paused(async {
        let mut rig = Rig::new(2, &[Manner::Honest]);
        rig.stop.stop();
        let summary = rig.writes(10).await;
        assert_eq!(summary.ending, Ending::Stopped);
        assert_eq!(rig.fake.calls.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_stall_is_reported_with_the_nodes_that_are_waited_for() {
    paused(async {
        let limits = Limits {
            op_deadline: 10 * SECOND,
            ..Limits::default()
        };
        let mut rig = Rig::with(
            3,
            &[Manner::Honest, Manner::Hangs, Manner::Hangs],
            limits,
            vec![],
        );
        // Enough that the honest worker ends its own long before the others' deadline.
        rig.writes(20).await;
        let notices = rig.seen.notices();
        let (_, first) = notices.first().unwrap();
        assert!(matches!(first, Notice::Stall { .. }));
        assert_eq!(
            first.describe(&rig.nodes),
            "no call has ended for 3 s; waiting for n2 (1), n3 (1)"
        );
        assert_eq!(notices.len(), 3, "every three seconds of ten");
    });
}

#[test]
fn events_reach_sinks_while_other_calls_hang() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let limits = Limits {
            op_deadline: HOUR,
            ..Limits::default()
        };
        let mut rig = Rig::with(2, &[Manner::Honest, Manner::Hangs], limits, vec![]);
        let (seen, stop) = (rig.seen.clone(), rig.stop.clone());
        let run = tokio::spawn(async move { rig.driver.run(writes(100), &stop, HOUR).await });
        eventually("the honest node's calls are seen", || {
            let events = seen.events();
            let ended = |e: &&Event<Register>| matches!(e.moment, Moment::Complete(_));
            events.iter().filter(ended).count() == 99
        });
        assert!(!run.is_finished());
        run.abort();
    });
}

#[test]
fn a_client_that_blocks_its_thread_is_given_up_and_never_heard_again() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = RunClock::start();
        let (open, gate) = mpsc::channel();
        let (fake, nodes) = Fake::gated(clock, &[Manner::Honest, Manner::Blocks], gate);
        let limits = Limits {
            op_deadline: Duration::from_millis(200),
            connect_deadline: Duration::from_millis(200),
            ..Limits::default()
        };
        let mut rig = Rig::around(2, clock, fake, nodes, limits, vec![]);
        let summary = rig.writes(10).await;
        assert_eq!(summary.abandoned, 1);
        let stuck = format!("info {CLIENT_STUCK}");
        assert_eq!(rig.classes().iter().filter(|c| **c == stuck).count(), 1);
        drop(open);
        eventually("the stuck client goes on", || {
            rig.fake.released.load(Ordering::Relaxed) == 1
        });
        let summary = rig.writes(10).await;
        assert_eq!((summary.outcomes.ok, summary.abandoned), (10, 0));
        assert_eq!(rig.spans().len(), 20);
    });
}

/// Fails at its first event.
struct FullDisk(bool);

impl Sink<Register> for FullDisk {
    fn event(&mut self, _: &Event<Register>) {
        self.0 = true;
    }
    fn tick(&mut self, _: history::Nanos) -> Result<(), SinkError> {
        match self.0 {
            false => Ok(()),
            true => Err(SinkError::io(
                "cannot write history.jsonl",
                std::io::ErrorKind::StorageFull.into(),
            )),
        }
    }
}

#[test]
fn a_sink_that_fails_ends_the_run_with_its_reason() {
    paused(async {
        let sinks: Vec<Box<dyn Sink<Register>>> = vec![Box::new(FullDisk(false))];
        let mut rig = Rig::with(2, &[Manner::Slow(SECOND)], Limits::default(), sinks);
        let error = rig
            .driver
            .run(endless(), &rig.stop, HOUR)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the run was stopped because a record of it cannot be kept: cannot write history.jsonl: no storage space"
        );
        assert!(
            !rig.seen.events().is_empty(),
            "the other sinks have heard everything"
        );
        let again = rig.driver.run(endless(), &rig.stop, HOUR).await;
        assert!(matches!(again, Err(RunError::Closed)));
    });
}

#[test]
fn the_journal_is_the_record_readable_when_cut_anywhere_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    paused(async {
        let nodes = Nodes::new(["n1"]);
        let journal = JournalSink::<Register>::create(&path, nodes.clone()).unwrap();
        let counters = Counters::new();
        let sinks: Vec<Box<dyn Sink<Register>>> =
            vec![Box::new(journal), Box::new(counters.sink())];
        let mut rig = Rig::with(3, &[Manner::Honest], Limits::default(), sinks);
        rig.writes(100).await;
        let written = std::fs::read(&path).unwrap();
        let read = journal::read::<Register>(&written[..]).unwrap();
        assert_eq!(
            read.history.spans(),
            rig.spans(),
            "on disk when the phase has ended"
        );
        for cut in (0..written.len()).step_by(97) {
            let left = journal::read::<Register>(&written[..cut]).unwrap();
            assert!(left.lines <= 200, "whatever a kill leaves is a history");
        }
        rig.driver.close().await.unwrap();
        assert_eq!(counters.snapshot().outcomes.ok, 100);
        let again = JournalSink::<Register>::create(&path, nodes).err().unwrap();
        assert!(again.to_string().starts_with("cannot create /"), "{again}");
    });
}

#[test]
fn impossible_set_ups_are_refused() {
    paused(async {
        let clock = RunClock::start();
        let (fake, nodes) = Fake::new(clock, &[Manner::Honest]);
        let target = Arc::new(Shared(fake));
        let make = |nodes: &[control::Node], workers| {
            let target = Arc::clone(&target);
            Driver::new(
                target,
                nodes.to_vec(),
                workers,
                Limits::default(),
                clock,
                vec![],
            )
            .err()
            .map(|e| e.to_string())
        };
        assert!(make(&[], 1).unwrap().starts_with("there are no nodes"));
        let most = Workers::MAX;
        for workers in [0, most + 1] {
            let expected = format!("{workers} workers: there must be from 1 to {most}");
            assert_eq!(make(&nodes, workers), Some(expected));
        }
        assert_eq!(make(&nodes, most), None);
    });
}
