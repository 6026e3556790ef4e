//! Makes large histories in Jepsen's EDN, valid by construction or with one planted violation, from a seed.
//!
//! ```text
//! cargo run --release -p schism-checkers --example generate -- register ops=10000 clients=20 values=5 > h.edn
//! cargo run --release -p schism-checkers --example generate -- append ops=100000 clients=20 keys=10 > h.edn
//! ```
//!
//! `register` has reads, writes and cas of registers; `append` and `wr` have transactions of one to four steps, on lists or
//! registers, over keys of which each is written 32 times and then replaced. Options, with what they are without being
//! named: `ops=10000 clients=10 keys=1 values=0 info=0 plant=0 seed=1`. `values=0` makes all values distinct; `info` is how many of
//! a thousand mutations have an unknown outcome; `plant=1` makes one read stale at nine tenths of the history, so stale that
//! no order explains it.
//!
//! Each call takes effect on an object in memory at one moment between its ends; one whose outcome is lost takes effect at
//! that moment or never.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    error::Error,
    fmt::Write as _,
    io::Write as _,
};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// How often a key of transactions is written before another takes its place.
const WRITES: i64 = 32;

struct Options(BTreeMap<String, u64>);

impl Options {
    fn get(&self, name: &str, usual: u64) -> u64 {
        self.0.get(name).copied().unwrap_or(usual)
    }
}

#[derive(Clone)]
enum Step {
    Read(i64, Vec<i64>),
    Write(i64, i64),
    Cas(i64, i64, i64),
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Ok,
    Fail,
    Info,
}

struct Op {
    process: u64,
    steps: Vec<Step>,
    invoked: usize,
    completed: usize,
    end: End,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Invoke,
    Effect,
    Complete,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Register,
    Append,
    Wr,
}

/// The calls, and their ends in order: whose, and whether it is the second.
struct Record {
    ops: Vec<Op>,
    events: Vec<(usize, bool)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let kind = match args.next().as_deref() {
        Some("register") => Kind::Register,
        Some("append") => Kind::Append,
        Some("wr") => Kind::Wr,
        _ => return Err("say what: register, append or wr".into()),
    };
    let mut options = Options(BTreeMap::new());
    for arg in args {
        let (name, value) = arg.split_once('=').ok_or("options are name=number")?;
        options.0.insert(name.to_owned(), value.parse()?);
    }
    let mut record = play(kind, &options);
    if options.get("plant", 0) > 0 && !plant(kind, &mut record) {
        return Err("no read could be made stale; try another seed".into());
    }
    let keyed = kind == Kind::Register && options.get("keys", 1) > 1;
    Ok(print(kind, keyed, &record)?)
}

/// Makes the calls that clients make.
struct Asker {
    kind: Kind,
    keys: Vec<i64>,
    written: Vec<i64>,
    fresh: i64,
    next: i64,
    values: i64,
}

impl Asker {
    fn ask(&mut self, rng: &mut Pcg64Mcg, state: &BTreeMap<i64, Vec<i64>>) -> Vec<Step> {
        if self.kind != Kind::Register {
            let steps = rng.random_range(1..=4);
            return (0..steps).map(|_| self.step(rng)).collect();
        }
        let key = self.keys[rng.random_range(0..self.keys.len())];
        let mut value = || match self.values {
            0 => {
                self.fresh += 1;
                self.fresh
            }
            n => rng.random_range(0..n),
        };
        let value = value();
        let held = state.get(&key).and_then(|held| held.last());
        vec![match (rng.random_range(0..4), held) {
            (0, Some(from)) => Step::Cas(key, *from, value),
            (0 | 1, _) => Step::Write(key, value),
            _ => Step::Read(key, Vec::new()),
        }]
    }

    fn step(&mut self, rng: &mut Pcg64Mcg) -> Step {
        let at = rng.random_range(0..self.keys.len());
        let key = self.keys[at];
        if rng.random_bool(0.5) {
            return Step::Read(key, Vec::new());
        }
        self.written[at] += 1;
        let value = self.written[at];
        if value == WRITES {
            (self.keys[at], self.written[at]) = (self.next, 0);
            self.next += 1;
        }
        Step::Write(key, value)
    }
}

fn play(kind: Kind, options: &Options) -> Record {
    let mut rng = Pcg64Mcg::seed_from_u64(options.get("seed", 1));
    let (calls, clients) = (options.get("ops", 10_000), options.get("clients", 10));
    let (keys, info) = (options.get("keys", 1) as i64, options.get("info", 0));
    let mut asker = Asker {
        kind,
        keys: (0..keys).collect(),
        written: vec![0; keys as usize],
        fresh: 0,
        next: keys,
        values: options.get("values", 0) as i64,
    };
    let mut state: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut processes: Vec<u64> = (0..clients).collect();
    let mut open: Vec<usize> = vec![0; clients as usize];
    let mut agenda: BinaryHeap<Reverse<(u64, u64, Moment)>> = BinaryHeap::new();
    agenda.extend((0..clients).map(|client| Reverse((client, client, Moment::Invoke))));
    let (mut ops, mut events): (Vec<Op>, Vec<(usize, bool)>) = (Vec::new(), Vec::new());
    while let Some(Reverse((time, client, moment))) = agenda.pop() {
        let at = client as usize;
        let next = match moment {
            Moment::Invoke if ops.len() as u64 == calls => continue,
            Moment::Invoke => {
                open[at] = ops.len();
                let steps = asker.ask(&mut rng, &state);
                let only_reads = steps.iter().all(|step| matches!(step, Step::Read(..)));
                let lost = !only_reads && rng.random_range(0..1000) < info;
                ops.push(Op {
                    process: processes[at],
                    steps,
                    invoked: events.len(),
                    completed: usize::MAX,
                    end: if lost { End::Info } else { End::Ok },
                });
                events.push((open[at], false));
                Moment::Effect
            }
            Moment::Effect => {
                let op = &mut ops[open[at]];
                if op.end == End::Ok || rng.random_bool(0.5) {
                    let happened = act(kind, &mut op.steps, &mut state);
                    if !happened && op.end == End::Ok {
                        op.end = End::Fail;
                    }
                }
                Moment::Complete
            }
            Moment::Complete => {
                let op = &mut ops[open[at]];
                op.completed = events.len();
                if op.end == End::Info {
                    processes[at] += clients;
                }
                events.push((open[at], true));
                Moment::Invoke
            }
        };
        let later = time + rng.random_range(1..=100);
        agenda.push(Reverse((later, client, next)));
    }
    Record { ops, events }
}

/// Carries steps out; whether they could be.
fn act(kind: Kind, steps: &mut [Step], state: &mut BTreeMap<i64, Vec<i64>>) -> bool {
    for step in steps {
        match step {
            Step::Read(key, seen) => *seen = state.get(key).cloned().unwrap_or_default(),
            Step::Cas(key, from, to) => {
                let held = state.entry(*key).or_default();
                if held.last() != Some(from) {
                    return false;
                }
                *held = vec![*to];
            }
            Step::Write(key, value) => {
                let held = state.entry(*key).or_default();
                if kind != Kind::Append {
                    held.clear();
                }
                held.push(*value);
            }
        }
    }
    true
}

fn written(step: &Step) -> Option<(i64, i64)> {
    match step {
        Step::Write(key, value) | Step::Cas(key, _, value) => Some((*key, *value)),
        Step::Read(..) => None,
    }
}

/// Makes one read see what was certainly gone: every write of it had ended before another began that ended before the
/// read did.
fn plant(kind: Kind, record: &mut Record) -> bool {
    let ops = &record.ops;
    let from = ops.len() * 9 / 10;
    for at in from..ops.len() {
        let read = &ops[at];
        let [Step::Read(key, seen)] = &read.steps[..] else {
            continue;
        };
        if read.end != End::Ok || seen.is_empty() {
            continue;
        }
        // Of each value: when all of its writes had ended that began before the read did.
        let mut gone: BTreeMap<i64, usize> = BTreeMap::new();
        let mut latest = 0;
        for op in ops
            .iter()
            .filter(|op| op.end != End::Fail && op.invoked < read.completed)
        {
            for (_, value) in op
                .steps
                .iter()
                .filter_map(written)
                .filter(|(k, _)| k == key)
            {
                let end = if op.end == End::Info {
                    usize::MAX
                } else {
                    op.completed
                };
                let gone = gone.entry(value).or_default();
                *gone = end.max(*gone);
                if end < read.invoked {
                    latest = latest.max(op.invoked);
                }
            }
        }
        let stale = match kind {
            Kind::Append => {
                let last = seen.last().and_then(|last| gone.get(last));
                last.is_some_and(|end| *end < read.invoked)
                    .then(|| seen[..seen.len() - 1].to_vec())
            }
            Kind::Register | Kind::Wr => {
                let value = gone
                    .iter()
                    .find(|(value, end)| **end < latest && seen.last() != Some(value));
                value.map(|(value, _)| vec![*value])
            }
        };
        if let Some(stale) = stale {
            record.ops[at].steps = vec![Step::Read(*key, stale)];
            return true;
        }
    }
    false
}

fn print(kind: Kind, keyed: bool, record: &Record) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut value = String::new();
    for (index, &(at, ends)) in record.events.iter().enumerate() {
        let op = &record.ops[at];
        let (end, known) = match (ends, op.end) {
            (false, _) => ("invoke", false),
            (true, End::Ok) => ("ok", true),
            (true, End::Fail) => ("fail", false),
            (true, End::Info) => ("info", false),
        };
        value.clear();
        let f = match (kind, &op.steps[0]) {
            (Kind::Register, step) => register(&mut value, step, known),
            _ => {
                transaction(kind, &mut value, &op.steps, known);
                "txn"
            }
        };
        let value = match (keyed, &op.steps[0]) {
            (true, Step::Read(key, _) | Step::Write(key, _) | Step::Cas(key, ..)) => {
                format!("[{key} {value}]")
            }
            (false, _) => std::mem::take(&mut value),
        };
        let (process, time) = (op.process, index * 1000);
        writeln!(
            out,
            "{{:index {index}, :type :{end}, :process {process}, :f :{f}, :value {value}, :time {time}}}"
        )?;
    }
    out.flush()
}

fn register(text: &mut String, step: &Step, known: bool) -> &'static str {
    let (f, value) = match step {
        Step::Read(_, seen) if known => ("read", seen.last().map(i64::to_string)),
        Step::Read(..) => ("read", None),
        Step::Write(_, value) => ("write", Some(value.to_string())),
        Step::Cas(_, from, to) => ("cas", Some(format!("[{from} {to}]"))),
    };
    text.push_str(value.as_deref().unwrap_or("nil"));
    f
}

fn transaction(kind: Kind, text: &mut String, steps: &[Step], known: bool) {
    const WRITES: &str = "a string can be written to";
    for (i, step) in steps.iter().enumerate() {
        text.push_str(if i == 0 { "[" } else { " " });
        match (step, kind) {
            (Step::Read(key, seen), Kind::Append) if known => {
                write!(text, "[:r {key} [").expect(WRITES);
                for (i, value) in seen.iter().enumerate() {
                    write!(text, "{}{value}", if i == 0 { "" } else { " " }).expect(WRITES);
                }
                text.push_str("]]");
            }
            (Step::Read(key, seen), _) => {
                let value = seen.last().filter(|_| known).map(i64::to_string);
                let value = value.as_deref().unwrap_or("nil");
                write!(text, "[:r {key} {value}]").expect(WRITES);
            }
            (Step::Write(key, value) | Step::Cas(key, _, value), Kind::Append) => {
                write!(text, "[:append {key} {value}]").expect(WRITES);
            }
            (Step::Write(key, value) | Step::Cas(key, _, value), _) => {
                write!(text, "[:w {key} {value}]").expect(WRITES);
            }
        }
    }
    text.push(']');
}
