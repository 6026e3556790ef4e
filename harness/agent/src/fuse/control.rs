//! How a mount is told what to do: one line of JSON to its socket, one line back.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use fuser::Notifier;
use serde::{Deserialize, Serialize};

use super::{
    rules::Rule,
    state::{Lost, State, Stats},
    survival::Survive,
};

/// How long an answer may take: as long as it takes to write back all that is held.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a mount can be told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Request {
    /// The power fails.
    Lose {
        /// What survives.
        survive: Survive,
        /// What decides which.
        seed: u64,
    },
    /// A rule comes into force.
    Fail(Rule),
    /// A fault's rule goes, or all.
    Clear(Option<String>),
    /// Nothing but an answer.
    Stats,
    /// Hold nothing back any more: the mount is about to go away.
    HoldNothing,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// What a power loss has done.
    Lost(Lost),
    /// What has happened so far.
    Stats(Stats),
    /// Done.
    Done,
    /// Why not.
    Error(String),
}

/// Asks a mount for something.
pub(super) fn ask(socket: &Path, request: &Request) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

/// Answers whoever asks, one after the other, for as long as the process lives.
pub(super) fn serve(listener: &UnixListener, state: &Arc<State>, kernel: &Notifier) {
    for stream in listener.incoming().flatten() {
        // A client that has gone away is its own affair.
        let _ = one(stream, state, kernel);
    }
}

fn one(stream: UnixStream, state: &State, kernel: &Notifier) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => answer(request, state, kernel),
        Err(e) => Answer::Error(format!("not understood: {e}")),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    (&stream).write_all(&line)
}

fn answer(request: Request, state: &State, kernel: &Notifier) -> Answer {
    let done = |result: io::Result<Answer>| result.unwrap_or_else(|e| Answer::Error(e.to_string()));
    match request {
        Request::Lose { survive, seed } => {
            done(state.lose(survive, seed, kernel).map(Answer::Lost))
        }
        Request::Fail(rule) => {
            state.rules.add(rule);
            // What the page cache has would be read without asking us.
            state.invalidate(kernel);
            Answer::Done
        }
        Request::Clear(name) => {
            state.rules.clear(name.as_deref());
            Answer::Done
        }
        Request::Stats => Answer::Stats(state.stats()),
        Request::HoldNothing => {
            state.rules.clear(None);
            done(state.hold_nothing().map(|()| Answer::Done))
        }
    }
}
