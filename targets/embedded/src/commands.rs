//! `schism node embedded …`: the hidden commands that servers, their guard, and the capabilities' commands are made of.
//!
//! ```text
//! guard     --dir D --parent PID          serve  --dir D --parent PID NODE
//! start|kill|terminate|pause|resume|state|remaining --dir D NODE
//! cut       --dir D --fault F NODE FROM…  heal|dropped --dir D --fault F NODE
//! slow      --dir D --fault F --seed S NODE FROM=DELAY,JITTER,LOSS…
//! reaches   --dir D NODE TO               clock  --dir D --offset MS NODE
//! wrong-by  --dir D NODE                  round-trip|loss --dir D NODE TO
//! ```
//!
//! Undoing a fault in a cluster that is gone is done already: then all but those that ask for evidence (`reaches`, `dropped`,
//! `wrong-by`, `round-trip`, `loss`) exit with zero and say so.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use control::Slow;

use crate::{
    clock::{WallClock, true_time},
    guard,
    layout::{Layout, node_dir},
    links::{self, Links, Slowness},
    peers::{Peers, Reply},
    process::{Identity, ProcessState, die_with},
    server,
};

/// How long a process may take to die or to stop.
const SIGNAL: Duration = Duration::from_secs(10);
/// How many messages are timed, and how long for each.
const ROUND_TRIPS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a probe waits.
const PROBE: Duration = Duration::from_secs(1);

/// Does what `schism node embedded ARGS` says.
pub fn node_main(args: &[OsString]) -> ExitCode {
    match Arguments::parse(args).and_then(|arguments| arguments.perform()) {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(words) => {
            server::complain(&words);
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Default)]
struct Arguments {
    command: String,
    options: BTreeMap<String, OsString>,
    words: Vec<String>,
}

impl Arguments {
    fn parse(args: &[OsString]) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let text = arg.to_str().ok_or_else(|| format!("not text: {arg:?}"))?;
            if let Some(option) = text.strip_prefix("--") {
                let value = args.next().ok_or_else(|| format!("{text} needs a value"))?;
                parsed.options.insert(option.to_owned(), value.clone());
            } else if parsed.command.is_empty() {
                text.clone_into(&mut parsed.command);
            } else {
                parsed.words.push(text.to_owned());
            }
        }
        Ok(parsed)
    }
    fn option(&self, name: &str) -> Result<&OsString, String> {
        let value = self.options.get(name);
        value.ok_or_else(|| format!("{}: --{name} is missing", self.command))
    }
    fn text(&self, name: &str) -> Result<&str, String> {
        let value = self.option(name)?.to_str();
        value.ok_or_else(|| format!("--{name} is not text"))
    }
    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, String> {
        let value = self.text(name)?.parse();
        value.map_err(|_| format!("--{name} is not a number"))
    }
    fn word(&self, index: usize) -> Result<&str, String> {
        let word = self.words.get(index).map(String::as_str);
        word.ok_or_else(|| format!("{}: a node is missing", self.command))
    }

    fn perform(&self) -> Result<String, String> {
        let dir = PathBuf::from(self.option("dir")?);
        let done = |result: io::Result<()>| match result {
            Ok(()) => Ok(String::new()),
            Err(e) => Err(format!("{}: {e}", self.words.join(" "))),
        };
        match self.command.as_str() {
            "guard" => return done(guard::guard(&dir, self.number("parent")?)),
            "serve" => return self.serve(&dir),
            _ if guard::lives(&dir) => {}
            "state" => return Ok("gone\n".into()),
            "start" | "kill" | "terminate" | "pause" | "resume" | "cut" | "slow" | "heal"
            | "remaining" | "clock" => {
                server::complain("the cluster is gone");
                return Ok(String::new());
            }
            _ => return Err("the cluster is gone".into()),
        }
        let node = self.word(0)?;
        let layout = Layout::load(&dir).map_err(|e| format!("cluster.json: {e}"))?;
        let me = layout.position(node);
        let me = me.ok_or_else(|| format!("no node {node:?}"))?;
        let home = node_dir(&dir, node);
        let process = || {
            let found = Identity::load(&home.join("pid.json"));
            found.map_err(|e| format!("{node}: pid.json: {e}"))
        };
        match self.command.as_str() {
            "start" => done(guard::tell(&dir, &format!("start {node}"))),
            "kill" => done(process()?.map_or(Ok(()), |p| p.kill(SIGNAL))),
            "terminate" => done(process()?.map_or(Ok(()), |p| p.terminate(SIGNAL))),
            "pause" => match process()? {
                Some(process) => done(process.pause(SIGNAL)),
                None => Err(format!("{node}: never started")),
            },
            "resume" => done(process()?.map_or(Ok(()), |p| p.resume())),
            "state" => Ok(match process()?.map(|p| p.state()) {
                Some(ProcessState::Running) => "running\n".into(),
                Some(ProcessState::Paused) => "paused\n".into(),
                Some(ProcessState::Gone) | None => "gone\n".into(),
            }),
            "cut" => {
                let fault = self.text("fault")?;
                let from = self.words[1..].iter().cloned();
                done(links::edit(&home, |cuts| {
                    cuts.entry(fault.to_owned()).or_default().extend(from);
                }))
            }
            "heal" => {
                let fault = self.text("fault")?;
                let cuts = links::edit(&home, |cuts| drop(cuts.remove(fault)));
                done(cuts.and_then(|()| links::edit_slow(&home, |slows| drop(slows.remove(fault)))))
            }
            "slow" => {
                let (fault, seed) = (self.text("fault")?.to_owned(), self.number("seed")?);
                let peers = self.words[1..].iter().map(|word| slow(word));
                let peers = peers.collect::<Result<_, _>>()?;
                let slowness = Slowness { seed, peers };
                done(links::edit_slow(&home, |slows| {
                    drop(slows.insert(fault, slowness))
                }))
            }
            "remaining" => links::faults(&home)
                .map(|faults| faults.iter().map(|fault| format!("{fault}\n")).collect())
                .map_err(|e| format!("{node}: its links: {e}")),
            "round-trip" | "loss" => {
                let to = self.word(1)?;
                let to = layout
                    .position(to)
                    .ok_or_else(|| format!("no node {to:?}"))?;
                let peers = Peers::new(layout, me, Arc::new(Links::new(&home)));
                runtime()?.block_on(measure(Arc::new(peers), to, &self.command))
            }
            "clock" => done(WallClock::new(&home).set_offset(self.number("offset")?)),
            "wrong-by" => {
                let before = true_time();
                let reply = ask(layout, me, &home, me, "/admin/clock")?;
                let after = true_time();
                let shown: i64 = serde_json::from_slice(&reply).map_err(|e| e.to_string())?;
                Ok(wrong_by(before, shown, after))
            }
            "reaches" => {
                let to = self.word(1)?;
                let to = layout
                    .position(to)
                    .ok_or_else(|| format!("no node {to:?}"))?;
                ask(layout, me, &home, to, "/peer/ping").map(|_| String::new())
            }
            "dropped" => {
                let reply = ask(layout, me, &home, me, "/admin/dropped")?;
                let counts: BTreeMap<String, u64> =
                    serde_json::from_slice(&reply).map_err(|e| e.to_string())?;
                let count = counts.get(self.text("fault")?).copied();
                Ok(format!("{}\n", count.unwrap_or(0)))
            }
            other => Err(format!("no command {other:?}")),
        }
    }

    fn serve(&self, dir: &Path) -> Result<String, String> {
        die_with(self.number("parent")?).map_err(|e| e.to_string())?;
        runtime()?.block_on(server::serve(dir, self.word(0)?))?;
        Ok(String::new())
    }
}

/// What a clock that showed `shown` between these two moments is wrong by, all in microseconds.
fn wrong_by(before: i64, shown: i64, after: i64) -> String {
    let wrong = shown - i64::midpoint(before, after);
    let uncertainty = (after - before + 1) / 2;
    let milliseconds = (wrong + 500).div_euclid(1000);
    format!("{milliseconds} ms, give or take {uncertainty} µs\n")
}

/// `n2=40,10,0`: from whom, and what becomes of it.
fn slow(word: &str) -> Result<(String, Slow), String> {
    let parsed = || {
        let (peer, numbers) = word.split_once('=')?;
        let mut numbers = numbers.split(',');
        let slow = Slow {
            delay: numbers.next()?.parse().ok()?,
            jitter: numbers.next()?.parse().ok()?,
            loss: numbers.next()?.parse().ok()?,
        };
        Some((peer.to_owned(), slow))
    };
    parsed().ok_or_else(|| format!("not FROM=DELAY,JITTER,LOSS: {word:?}"))
}

/// Measures the link to another node: the middle of some round trips, or how many of a hundred messages are not answered.
async fn measure(peers: Arc<Peers>, to: usize, what: &str) -> Result<String, String> {
    if what == "round-trip" {
        let mut took = Vec::new();
        for _ in 0..ROUND_TRIPS {
            let began = Instant::now();
            if peers.call(to, "/peer/ping", &(), PATIENCE).await.is_ok() {
                took.push(began.elapsed());
            }
        }
        took.sort();
        let middle = took.get(took.len() / 2).ok_or("no answer")?;
        return Ok(format!("{} ms\n", middle.as_millis()));
    }
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let peers = peers.clone();
            tokio::spawn(async move { peers.call(to, "/peer/ping", &(), PATIENCE).await.is_err() })
        })
        .collect();
    let mut lost = 0;
    for call in calls {
        lost += u32::from(call.await.map_err(|e| e.to_string())?);
    }
    // A node that answers nobody is down, or cut off, and not lossy.
    match lost {
        100 => Err("no answer".into()),
        lost => Ok(format!("{lost} lost\n")),
    }
}

/// Speaks as node `me`, through its links, whether or not its own server lives: a packet filter would not ask either.
fn ask(layout: Layout, me: usize, home: &Path, to: usize, path: &str) -> Result<Vec<u8>, String> {
    let peers = Peers::new(layout, me, Arc::new(Links::new(home)));
    match runtime()?.block_on(peers.call(to, path, &(), PROBE)) {
        Ok(Reply { status: 200, body }) => Ok(body),
        Ok(Reply { status, .. }) => Err(format!("status {status}")),
        Err(e) => Err(e.to_string()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))
}
