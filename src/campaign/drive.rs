//! Carrying a campaign out: each run is a process of this program (`schism case`).
//!
//! A process each, because a run may move into the network of a lab of its own, which a whole process does or nobody; because
//! what one breaks (a panic, memory) is not the others' matter; and because several then need to know nothing of each other.
//! A run's process has a group of its own, so that an interrupt from the terminal reaches only this one, which hands it on:
//! once to stop, heal and judge, twice to leave. When this process dies the kernel tells them the same.

use std::{
    collections::BTreeMap,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::Utc;
use runner::store::{Owner, Store};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use super::{
    pick::Ended,
    suite::{State, Suite},
};
use crate::{
    args::{Loudness, OnUnknown, Progress},
    deploy,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// How long what a process said may be read after its end; what it started may hold its streams open.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How to show progress.
    pub(crate) progress: Progress,
    /// How much people want.
    pub(crate) loudness: Loudness,
    /// Whether machines listen on standard output.
    pub(crate) json: bool,
    /// Whether the baseline must be up to date.
    pub(crate) strict_baseline: bool,
    /// How to end where nothing can be concluded.
    pub(crate) on_unknown: OnUnknown,
}

/// Runs all that is to be run, and says how it ended. The suite's file is kept up to date.
pub(crate) fn drive(
    suite: &mut Suite,
    store: &Store,
    terminal: &Terminal,
    manner: Manner,
) -> Result<Exit, Failure> {
    // One thread: whoever starts a process must not end before it, or the kernel tells it that its parent died.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::infrastructure(format!("cannot start processes: {e}")))?;
    let mut drive = Drive {
        suite,
        store,
        terminal,
        manner,
        began: Instant::now(),
        interrupted: None,
        running: BTreeMap::new(),
    };
    runtime.block_on(drive.run())?;
    let interrupted = drive.interrupted;
    let worst = match interrupted {
        Some(exit) => exit,
        None => {
            suite.close();
            suite.conclude()
        }
    };
    (suite.ended, suite.exit) = (Some(Utc::now()), Some(worst.code()));
    store.write_suite(&suite.suite, suite)?;
    Ok(worst)
}

struct Drive<'a> {
    suite: &'a mut Suite,
    store: &'a Store,
    terminal: &'a Terminal,
    manner: Manner,
    began: Instant,
    /// How it ends because somebody wanted it to.
    interrupted: Option<Exit>,
    /// The processes, by the number of their run.
    running: BTreeMap<usize, Pid>,
}

impl Drive<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        let broken = |e| Failure::infrastructure(format!("cannot watch for interrupts: {e}"));
        let mut int = signal(SignalKind::interrupt()).map_err(broken)?;
        let mut term = signal(SignalKind::terminate()).map_err(broken)?;
        let mut tasks = JoinSet::new();
        loop {
            while let Some(number) = self.next() {
                tasks.spawn(self.start(number)?);
            }
            if tasks.is_empty() {
                match self.interrupted.is_none() && self.suite.another_round() {
                    // Of a round for which there is no time nothing is begun.
                    true if self.next().is_some() => continue,
                    _ => return Ok(()),
                }
            }
            tokio::select! {
                Some(done) = tasks.join_next() => {
                    let (number, ended) = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
                    self.end(number, ended)?;
                }
                _ = int.recv() => self.interrupt(Exit::Interrupted),
                _ = term.recv() => self.interrupt(Exit::Terminated),
            }
        }
    }

    fn next(&self) -> Option<usize> {
        let free = self.running.len() < self.suite.options.jobs as usize;
        (free && self.interrupted.is_none())
            .then(|| self.suite.next(self.began.elapsed().as_secs_f64()))
            .flatten()
    }

    /// Starts a run's process; what follows it to its end.
    fn start(
        &mut self,
        number: usize,
    ) -> Result<impl Future<Output = (usize, Ended)> + use<>, Failure> {
        self.suite.cases[number].state = State::Running;
        let file = self.store.write_suite(&self.suite.suite, self.suite)?;
        let alone = self.suite.options.jobs == 1;
        let name = self.suite.cases[number].name();
        if alone && self.manner.loudness != Loudness::Quiet {
            let (of, seed) = (self.suite.cases.len(), &self.suite.cases[number].seed);
            self.terminal
                .say(&format!("── {} of {of}: {name}, seed {seed}\n", number + 1));
        }
        let progress = match (self.manner.progress, alone) {
            // Blocks of several that are redrawn would draw over each other.
            (Progress::Auto | Progress::Live, false) => Progress::Lines,
            (progress, _) => progress,
        };
        let mut command = Command::new(deploy::ourselves()?);
        command
            .args(self.terminal.as_flags())
            .arg("case")
            .arg(file)
            .arg(number.to_string());
        command.args(["--parent", &std::process::id().to_string()]);
        command.args(["--progress", progress.word()]);
        command.args(self.manner.loudness.flag());
        command.args(self.manner.strict_baseline.then_some("--strict-baseline"));
        command.args(["--on-unknown", self.manner.on_unknown.word()]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0);
        if !alone {
            command.stderr(Stdio::piped());
        }
        let child = command.spawn().map_err(|e| {
            Failure::infrastructure(format!("cannot start a process for {name}: {e}"))
        })?;
        if let Some(id) = child.id() {
            self.suite.cases[number].owner = Owner::of(id);
            self.running
                .extend(Pid::from_raw(id.cast_signed()).map(|pid| (number, pid)));
        }
        self.store.write_suite(&self.suite.suite, self.suite)?;
        let says = Says {
            terminal: self.terminal.clone(),
            json: self.manner.json,
            case: name,
        };
        Ok(async move { (number, follow(child, says).await) })
    }

    fn end(&mut self, number: usize, ended: Ended) -> Result<(), Failure> {
        self.running.remove(&number);
        let exit = Exit::of_case(ended.exit);
        if exit.is_interrupt() {
            // Whoever stopped one of them by hand wanted all to stop.
            self.interrupted.get_or_insert(exit);
        }
        self.suite.end(number, ended);
        if self.suite.cases[number].state == State::Planned
            && self.manner.loudness != Loudness::Quiet
        {
            let name = self.suite.cases[number].name();
            self.terminal
                .say(&format!("── {name} broke; it is run again\n"));
        }
        self.store.write_suite(&self.suite.suite, self.suite)?;
        Ok(())
    }

    /// Hands an interrupt on.
    fn interrupt(&mut self, exit: Exit) {
        self.interrupted.get_or_insert(exit);
        for pid in self.running.values() {
            // It may have ended just now.
            let _ = kill_process(*pid, Signal::INT);
        }
    }
}

/// Whom what a process says is told, and how.
#[derive(Clone)]
struct Says {
    terminal: Terminal,
    json: bool,
    case: String,
}

/// What a process has said of itself.
#[derive(Default)]
struct Said {
    verdict: Option<Value>,
    error: Option<String>,
}

async fn follow(mut child: Child, says: Says) -> Ended {
    let began = Instant::now();
    let said = Arc::new(Mutex::new(Said::default()));
    let mut readers = JoinSet::new();
    if let Some(out) = child.stdout.take() {
        readers.spawn(events(out, says.clone(), Arc::clone(&said)));
    }
    if let Some(err) = child.stderr.take() {
        readers.spawn(news(err, says.clone()));
    }
    let status = child.wait().await;
    let read = async { while readers.join_next().await.is_some() {} };
    // Its verdict is its last line: it was written before the end.
    let _ = tokio::time::timeout(LAST_WORDS, read).await;
    let said = std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
    let mut ended = ended(status, said);
    ended.seconds = began.elapsed().as_secs_f64();
    ended
}

fn ended(status: std::io::Result<ExitStatus>, said: Said) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    let verdict = said.verdict.unwrap_or_default();
    let text = |key: &str| verdict[key].as_str().map(str::to_owned);
    let (exit, why) = match status {
        Err(e) => (
            Exit::Infrastructure.code(),
            Some(format!("its process was lost: {e}")),
        ),
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => (u8::try_from(code).unwrap_or(Exit::Bug.code()), None),
            // By the kernel, for want of memory, or by hand.
            (None, Some(9)) => (
                Exit::Infrastructure.code(),
                Some("its process was killed".to_owned()),
            ),
            (None, Some(2 | 15)) => (
                Exit::Interrupted.code(),
                Some("stopped before it could heal".to_owned()),
            ),
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                (
                    Exit::Bug.code(),
                    Some(format!("its process died of signal {signal}")),
                )
            }
        },
    };
    let unsaid = (exit != 0 && verdict["verdict"].is_null()).then(|| match exit {
        70 => "a bug in schism, see above".to_owned(),
        code => format!("ended with {code} and without a verdict, see above"),
    });
    Ended {
        run: text("run"),
        verdict: text("verdict"),
        exit,
        findings: verdict["findings"].as_u64().unwrap_or_default(),
        seconds: 0.0,
        error: why.or(said.error).or(unsaid),
    }
}

/// What it says to machines: kept where it says how the run ended, and handed on, with the case's name, to those that listen.
async fn events(from: impl AsyncRead + Unpin, says: Says, said: Arc<Mutex<Said>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(mut event) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            match event["type"].as_str() {
                Some("verdict") => said.verdict = Some(event.clone()),
                Some("error") => said.error = event["text"].as_str().map(str::to_owned),
                _ => {}
            }
        }
        if says.json && event.is_object() {
            event["case"] = json!(says.case);
            says.terminal.print(&format!("{event}\n"));
        }
    }
}

/// What it says to people, a line each with the case's name.
async fn news(from: impl AsyncRead + Unpin, says: Says) {
    let mut lines = BufReader::new(from).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            says.terminal.say(&format!("{} │ {line}\n", says.case));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn whatever_becomes_of_a_process_is_one_of_the_ends() {
        let said = |verdict: Option<&str>| Said {
            verdict: verdict.map(|word| json!({ "verdict": word, "run": "r", "findings": 2 })),
            error: None,
        };
        // As wait(2) has them: codes in the second byte, signals in the first.
        for (raw, verdict, code, error) in [
            (0, Some("pass"), 0, None),
            (1 << 8, Some("fail"), 1, None),
            (4 << 8, Some("error"), 4, None),
            (2 << 8, None, 2, Some("without a verdict")),
            (70 << 8, None, 70, Some("a bug in schism")),
            (9, None, 4, Some("was killed")),
            (11, None, 70, Some("signal 11")),
            (15, None, 130, Some("stopped")),
        ] {
            let ended = ended(Ok(ExitStatus::from_raw(raw)), said(verdict));
            assert_eq!(ended.exit, code);
            assert_eq!(ended.verdict.as_deref(), verdict);
            match error {
                None => assert_eq!(ended.error, None),
                Some(word) => assert!(ended.error.unwrap().contains(word)),
            }
        }
    }
}
