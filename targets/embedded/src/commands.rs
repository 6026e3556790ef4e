//! `schism node embedded …`: the hidden commands that servers, their guard, and the capabilities' commands are made of.
//!
//! ```text
//! guard     --dir D --parent PID          serve  --dir D --parent PID NODE
//! start|kill|pause|resume|state|remaining --dir D NODE
//! cut       --dir D --fault F NODE FROM…  heal|dropped --dir D --fault F NODE
//! reaches   --dir D NODE TO               clock  --dir D --offset MS NODE
//! wrong-by  --dir D NODE
//! ```
//!
//! Undoing a fault in a cluster that is gone is done already: then all but `reaches`, `dropped` and `wrong-by`, which ask for
//! evidence, exit with zero and say so.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::{WallClock, true_time},
    guard,
    layout::{Layout, node_dir},
    links::{self, Links},
    peers::{Peers, Reply},
    process::{Identity, ProcessState, die_with},
    server,
};

/// How long a process may take to die or to stop.
const SIGNAL: Duration = Duration::from_secs(10);
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
            "start" | "kill" | "pause" | "resume" | "cut" | "heal" | "remaining" | "clock" => {
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
                done(links::edit(&home, |cuts| drop(cuts.remove(fault))))
            }
            "remaining" => links::read(&home)
                .map(|cuts| cuts.keys().map(|fault| format!("{fault}\n")).collect())
                .map_err(|e| format!("{node}: cuts.json: {e}")),
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
