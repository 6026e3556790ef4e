//! Live numbers: what the progress line shows while the run goes on.
//!
//! The sink counts without any lock and publishes a copy when the recorder pauses, at most every [`PUBLISH`]; readers
//! take that copy. Functions, nodes and classes of errors are few, so the tables are small maps; classes come from
//! targets, and a target that makes one for every error is cut off at [`CLASSES`].

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use history::{Codec, Event, Moment, Nanos, NodeId, Outcome, Process, Reason};

use super::{Notice, Sink, SinkError, latency::Latencies};

/// How old the numbers may be.
const PUBLISH: Duration = Duration::from_millis(100);
/// How many seconds the ring of rates remembers.
const RING: usize = 120;
/// How many classes of errors are told apart.
const CLASSES: usize = 100;
/// What the classes beyond those are counted as.
const OTHER: &str = "other";

/// Counts of outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// It happened.
    pub ok: u64,
    /// It did not.
    pub fail: u64,
    /// Nobody knows.
    pub info: u64,
}

impl Outcomes {
    /// All of them.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }

    pub(crate) fn add<R>(&mut self, outcome: &Outcome<R>) {
        match outcome {
            Outcome::Ok(_) => self.ok += 1,
            Outcome::Fail(_) => self.fail += 1,
            Outcome::Info(_) => self.info += 1,
        }
    }
}

/// What ended in one second of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// Which second, from the start.
    pub at: u64,
    /// What ended in it.
    pub outcomes: Outcomes,
}

/// How often an error came, and one of them in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCount {
    /// How often.
    pub count: u64,
    /// The first one's detail.
    pub example: String,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// When.
    pub at: Nanos,
    /// All outcomes.
    pub outcomes: Outcomes,
    /// By function and node.
    pub by: BTreeMap<(&'static str, Option<NodeId>), Outcomes>,
    /// The last two minutes, second by second, the oldest first. Seconds in which nothing ended are left out.
    pub seconds: VecDeque<Second>,
    /// Reasons of `fail` and `info`, by class.
    pub errors: BTreeMap<String, ErrorCount>,
    /// Calls that are open.
    pub open: usize,
    /// Half of the ok calls took at most this.
    pub p50: Option<Duration>,
    /// 99 of 100 ok calls took at most this.
    pub p99: Option<Duration>,
    /// What the driver said last.
    pub notice: Option<(Nanos, Notice)>,
}

impl Snapshot {
    /// Calls that ended per second, over the last `window` whole seconds before now.
    pub fn rate(&self, window: u64) -> f64 {
        let now = self.at.0 / 1_000_000_000;
        let window = window.min(now);
        if window == 0 {
            return self.outcomes.total() as f64 / self.at.as_secs_f64().max(1e-3);
        }
        let ended: u64 = self
            .seconds
            .iter()
            .filter(|s| (now - window..now).contains(&s.at))
            .map(|s| s.outcomes.total())
            .sum();
        ended as f64 / window as f64
    }
}

/// Where the numbers are read. Copies read the same ones.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Mutex<Snapshot>>);

impl Counters {
    /// No numbers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The numbers, at most a tenth of a second old.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    /// The sink that feeds them.
    pub fn sink<O: Codec>(&self) -> impl Sink<O> + use<O> {
        Counter {
            shared: self.clone(),
            live: Snapshot::default(),
            latencies: Latencies::new(),
            open: BTreeMap::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Counter {
    shared: Counters,
    live: Snapshot,
    latencies: Latencies,
    open: BTreeMap<Process, (&'static str, Nanos)>,
}

impl Counter {
    fn error(&mut self, reason: &Reason) {
        let errors = &mut self.live.errors;
        if let Some(known) = errors.get_mut(reason.class()) {
            known.count += 1;
            return;
        }
        let class = if errors.len() < CLASSES {
            reason.class()
        } else {
            OTHER
        };
        let fresh = || ErrorCount {
            count: 0,
            example: reason.detail().to_owned(),
        };
        let entry = errors.entry(class.to_owned());
        entry.or_insert_with(fresh).count += 1;
    }

    fn second(&mut self, time: Nanos) -> &mut Second {
        let at = time.0 / 1_000_000_000;
        let seconds = &mut self.live.seconds;
        if seconds.back().is_none_or(|s| s.at < at) {
            if seconds.len() == RING {
                seconds.pop_front();
            }
            seconds.push_back(Second {
                at,
                ..Second::default()
            });
        }
        seconds.back_mut().expect("at least the one just pushed")
    }

    fn publish(&mut self, now: Nanos) {
        self.live.at = now;
        self.live.open = self.open.len();
        self.live.p50 = self.latencies.quantile(0.5);
        self.live.p99 = self.latencies.quantile(0.99);
        *self.shared.lock() = self.live.clone();
    }
}

impl<O: Codec> Sink<O> for Counter {
    fn event(&mut self, event: &Event<O>) {
        let outcome = match &event.moment {
            Moment::Invoke(call) => {
                let f = O::encode_call(call).f;
                self.open.insert(event.process, (f, event.time));
                return;
            }
            Moment::Complete(outcome) => outcome,
        };
        let Some((f, start)) = self.open.remove(&event.process) else {
            return;
        };
        self.live.outcomes.add(outcome);
        let by = self.live.by.entry((f, event.node)).or_default();
        by.add(outcome);
        self.second(event.time).outcomes.add(outcome);
        match outcome {
            Outcome::Ok(_) => self.latencies.add(event.time.since(start)),
            Outcome::Fail(reason) | Outcome::Info(reason) => self.error(reason),
        }
    }

    fn notice(&mut self, at: Nanos, notice: &Notice) {
        self.live.notice = Some((at, notice.clone()));
    }

    fn tick(&mut self, now: Nanos) -> Result<(), SinkError> {
        if now.since(self.live.at) >= PUBLISH {
            self.publish(now);
        }
        Ok(())
    }

    fn close(&mut self, now: Nanos) -> Result<(), SinkError> {
        self.publish(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use history::{Index, Key, Register, RegisterCall, RegisterOp, RegisterReturn};

    use super::*;

    const MS: u64 = 1_000_000;

    fn event(process: u32, ms: u64, moment: Moment<Register>) -> Event<Register> {
        Event {
            index: Index(0),
            time: Nanos(ms * MS),
            process: Process(process),
            node: Some(NodeId(1)),
            moment,
        }
    }

    fn read() -> Moment<Register> {
        Moment::Invoke(RegisterCall {
            key: Key::Int(0),
            op: RegisterOp::Read,
        })
    }

    fn done() -> Moment<Register> {
        Moment::Complete(Outcome::Ok(RegisterReturn::Done))
    }

    fn feed(events: Vec<Event<Register>>, now: Nanos) -> Snapshot {
        let counters = Counters::new();
        let mut sink = counters.sink::<Register>();
        for event in &events {
            sink.event(event);
        }
        sink.tick(now).unwrap();
        counters.snapshot()
    }

    #[test]
    fn outcomes_are_counted_by_function_and_node() {
        let reason = Reason::with_detail("timeout", "no answer");
        let snapshot = feed(
            vec![
                event(0, 0, read()),
                event(1, 0, read()),
                event(2, 0, read()),
                event(0, 10, done()),
                event(1, 1500, Moment::Complete(Outcome::Info(reason))),
            ],
            Nanos(2000 * MS),
        );
        let expected = Outcomes {
            ok: 1,
            fail: 0,
            info: 1,
        };
        assert_eq!(snapshot.outcomes, expected);
        assert_eq!(snapshot.by, [(("read", Some(NodeId(1))), expected)].into());
        assert_eq!(snapshot.open, 1);
        let timeout = ErrorCount {
            count: 1,
            example: "no answer".to_owned(),
        };
        assert_eq!(snapshot.errors, [("timeout".to_owned(), timeout)].into());
        let seconds: Vec<_> = snapshot
            .seconds
            .iter()
            .map(|s| (s.at, s.outcomes.ok, s.outcomes.info))
            .collect();
        assert_eq!(seconds, [(0, 1, 0), (1, 0, 1)]);
        assert!((snapshot.rate(2) - 1.0).abs() < 1e-9);
        let p50 = snapshot.p50.unwrap();
        assert!(p50 >= Duration::from_millis(10) && p50 < Duration::from_millis(12));
    }

    #[test]
    fn a_target_that_invents_classes_is_cut_off() {
        let events = (0..1000)
            .flat_map(|i| {
                let reason = Reason::new(&format!("error-{i}"));
                [
                    event(i, 0, read()),
                    event(i, 1, Moment::Complete(Outcome::Fail(reason))),
                ]
            })
            .collect();
        let snapshot = feed(events, Nanos(200 * MS));
        assert_eq!(snapshot.errors.len(), CLASSES + 1);
        assert_eq!(snapshot.errors[OTHER].count, 900);
    }

    #[test]
    fn the_ring_forgets() {
        let events = (0..500)
            .flat_map(|s| [event(0, s * 1000, read()), event(0, s * 1000 + 1, done())])
            .collect();
        let snapshot = feed(events, Nanos::from_secs(500));
        assert_eq!(snapshot.seconds.len(), RING);
        assert_eq!(snapshot.outcomes.ok, 500);
        assert!((snapshot.rate(10) - 1.0).abs() < 1e-9);
    }
}
