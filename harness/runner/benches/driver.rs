//! What the harness itself costs: calls per second with a client that does nothing, journaling to disk.
//!
//! `cargo bench -p schism-runner [-- OPS]`. Prints throughput, processor time a call, and the peak of resident memory.
//! A plain program, because what matters is one long run and its memory, not the distribution of short ones.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use control::Node;
use generator::{Context, Generator, Next};
use history::{Key, Nodes, Outcome, Register, RegisterCall, RegisterOp, RegisterReturn};
use schism_runner::{
    Client, Counters, Driver, JournalSink, Limits, RunClock, Sink, StopToken, Target,
};

const WORKERS: usize = 20;
const THREADS: usize = 2;

struct Nothing;

impl Target<Register> for Nothing {
    type Client = Self;
    async fn connect(&self, _: &Node) -> Result<Self, String> {
        Ok(Self)
    }
}

impl Client<Register> for Nothing {
    async fn invoke(&mut self, _: &RegisterCall) -> Outcome<RegisterReturn> {
        Outcome::Ok(RegisterReturn::Done)
    }
}

struct Writes {
    left: i64,
}

impl Generator<Register> for Writes {
    fn next(&mut self, cx: &Context) -> Next<RegisterCall> {
        if self.left == 0 {
            return Next::Done;
        }
        self.left -= 1;
        let call = RegisterCall {
            key: Key::Int(self.left % 32),
            op: RegisterOp::Write(self.left),
        };
        Next::Call(call, cx.workers)
    }
}

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() {
    let ops: i64 = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next_back()
        .unwrap_or(1_000_000);
    let dir = tempfile::tempdir().expect("a directory for the journal");
    let path = dir.path().join("history.jsonl");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .expect("a runtime");
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    let main = async move {
        let nodes: Vec<Node> = (1..=5).map(|i| Node::new(format!("n{i}"), "")).collect();
        let names = Nodes::new(nodes.iter().map(|n| &n.name));
        let journal = JournalSink::<Register>::create(&path, names).expect("a new journal");
        let sinks: Vec<Box<dyn Sink<Register>>> =
            vec![Box::new(journal), Box::new(Counters::new().sink())];
        let clock = RunClock::start();
        let mut driver = Driver::new(
            Arc::new(Nothing),
            nodes,
            WORKERS,
            Limits::default(),
            clock,
            sinks,
        )
        .expect("a driver");
        let generator = Box::new(Writes { left: ops });
        let hour = Duration::from_secs(3600);
        let summary = driver.run(generator, &StopToken::new(), hour).await;
        let summary = summary.expect("a phase");
        driver.close().await.expect("a closed journal");
        assert_eq!(summary.outcomes.ok, ops as u64);
        fs::metadata(&path).expect("the journal").len()
    };
    let bytes = runtime
        .block_on(runtime.spawn(main))
        .expect("a run that does not panic");
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "{ops} ops, {WORKERS} workers, {THREADS} threads: {:.0} ops/s, {:.2} us of processor an op, {:.0} MB of journal, peak RSS {:.0} MB",
        ops as f64 / wall,
        cpu * 1e6 / ops as f64,
        bytes as f64 / 1e6,
        peak_rss_mb(),
    );
}

/// Processor time of this process, user and system.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("procfs");
    let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
    let fields = rest.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|f| f.parse::<u64>().expect("ticks")).sum();
    // USER_HZ is 100 on every Linux that is not very odd.
    ticks as f64 / 100.0
}

fn peak_rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kb = line.and_then(|l| l.trim().strip_suffix(" kB"));
    kb.and_then(|kb| kb.trim().parse::<f64>().ok())
        .expect("VmHWM in kB")
        / 1e3
}
