//! A run while it goes on, as server-sent events (WHATWG HTML, "Server-sent events").
//!
//! One task a reader looks at the run's files twice a second and hands over what was added, one piece at a time, and
//! only when the piece before was taken. So a slow reader holds up nobody but itself, and one that takes nothing for
//! [`PATIENCE`] is let go. The run does not know that it is watched.
//!
//! ```text
//! picture   the run as it stands (`Picture`), whenever that changed
//! event     a line of events.jsonl, but for numbers
//! log       lines of log.txt
//! end       how it ended; the stream is over
//! ```
//! The id of each says how much of both files was sent: `EVENTS.LOG`, in bytes. Who comes back with it goes on there; who comes
//! anew gets the last of each.

use std::{fs::File, io::Read, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use reports::{Counts, escape::inert, served};
use runner::store::{RunEntry, STATE, State as RunState, VERDICT};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    Server, busy, files,
    follow::{PIECE, Tail},
    not_found,
    picture::{Picture, tamed},
};
use crate::{
    flow::blocking,
    ui::{EVENTS, LOG},
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often something is said, that connections stay.
const BEAT: Duration = Duration::from_secs(10);
/// For how long a reader may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of what was before a new reader gets of the log.
const LATELY: u64 = 16 * 1024;
/// How much of a line of the log, in characters.
const LINE: usize = 500;
/// How much of a small file is read.
const SMALL: u64 = 4 << 20;
/// When a browser comes back after it was cut off.
const GREETING: &str = "retry: 2000\n\n";

/// The page.
pub(super) async fn page(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    let found = blocking(move || {
        let run = server.run(&id)?;
        let names = [&run.case, &run.faults, &run.id, "report.html"].map(str::to_owned);
        Some(served::live(&served::Run {
            report: server.jail.file(&names).is_some(),
            id: run.id,
            case: run.case,
            faults: run.faults,
            duration: history::Nanos(0),
        }))
    });
    match found.await {
        Some(page) => files::page(page.html, &page.policy),
        None => not_found(),
    }
}

/// What feeds it.
pub(super) async fn events(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(place) = Arc::clone(&server.streams).try_acquire_owned() else {
        return busy("As many runs are watched as can be; close another page.");
    };
    let resumed = headers.get("last-event-id");
    let resumed = resumed.and_then(|id| Place::parse(id.to_str().ok()?));
    let ending = server.ending.clone();
    let watch = blocking(move || {
        let run = server.run(&id)?;
        Some(Watch::new(server, run, resumed))
    });
    let Some(watch) = watch.await else {
        return not_found();
    };
    let (send, taken) = mpsc::channel(1);
    tokio::spawn(feed(watch, send, ending, place));
    let body = Body::from_stream(futures::stream::unfold(taken, |mut taken| async move {
        let frames: Bytes = taken.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(frames), taken))
    }));
    let kind = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")];
    (kind, body).into_response()
}

/// Sends what there is until the run, the reader or the server ends.
async fn feed(
    mut watch: Watch,
    send: mpsc::Sender<Bytes>,
    mut ending: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let mut frames = GREETING.to_owned();
    let mut said = Instant::now();
    loop {
        let (after, step) = blocking(move || {
            let step = watch.step();
            (watch, step)
        })
        .await;
        watch = after;
        frames.push_str(&step.frames);
        if frames.is_empty() && said.elapsed() >= BEAT {
            frames.push_str(": beat\n\n");
        }
        if !frames.is_empty() {
            let piece = Bytes::from(std::mem::take(&mut frames));
            let sent = tokio::select! {
                sent = timeout(PATIENCE, send.send(piece)) => matches!(sent, Ok(Ok(()))),
                _ = ending.changed() => false,
            };
            if !sent {
                return;
            }
            said = Instant::now();
        }
        if step.over {
            return;
        }
        if !step.more {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = send.closed() => return,
                _ = ending.changed() => return,
            }
        }
    }
}

/// How much of both files a reader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    events: u64,
    log: u64,
}

impl Place {
    fn parse(id: &str) -> Option<Self> {
        let (events, log) = id.split_once('.')?;
        Some(Self {
            events: events.parse().ok()?,
            log: log.parse().ok()?,
        })
    }
}

/// What one reader saw of one run.
struct Watch {
    server: Arc<Server>,
    run: RunEntry,
    /// All events are folded; those before `events_from` were sent before, or are too old to send.
    events: Tail,
    events_from: u64,
    log: Tail,
    picture: Picture,
    /// The picture that was sent last.
    sent: String,
}

/// What is sent now.
#[derive(Default)]
struct Step {
    frames: String,
    /// Whether there is more already.
    more: bool,
    /// Whether that was all there will ever be.
    over: bool,
}

impl Watch {
    fn new(server: Arc<Server>, run: RunEntry, resumed: Option<Place>) -> Self {
        let mut watch = Self {
            server,
            run,
            events: Tail::default(),
            events_from: 0,
            log: Tail::default(),
            picture: Picture::default(),
            sent: String::new(),
        };
        let size = |name: &str| {
            let file = watch.file(name);
            file.and_then(|f| Some(f.metadata().ok()?.len()))
                .unwrap_or_default()
        };
        let (events, log) = (size(EVENTS), size(LOG));
        // Whoever has more than there is was told of another run, or makes it up.
        let resumed = resumed.filter(|r| r.events <= events && r.log <= log);
        (watch.events_from, watch.log) = match resumed {
            Some(place) => (place.events, Tail::from(place.log)),
            None => (
                events.saturating_sub(PIECE as u64),
                Tail::from(log.saturating_sub(LATELY)),
            ),
        };
        watch
    }

    fn file(&self, name: &str) -> Option<File> {
        let run = &self.run;
        let names = [&run.case, &run.faults, &run.id, name].map(str::to_owned);
        self.server.jail.file(&names)
    }

    fn json(&self, name: &str) -> Option<Value> {
        let mut text = Vec::new();
        self.file(name)?.take(SMALL).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Looks once.
    fn step(&mut self) -> Step {
        // Looked at first, so that what was written before the end is sent before it.
        let ended = self.ended();
        let mut step = Step::default();
        self.read_events(&mut step);
        self.read_log(&mut step);
        if step.more {
            // The picture of what is long past would only flicker.
            return step;
        }
        if let Some(state) = self
            .json(STATE)
            .and_then(|v| serde_json::from_value(v).ok())
        {
            self.picture.state(state);
        }
        if let Some((_, Some(ops))) = &ended {
            self.picture.judged(*ops);
        }
        let picture = serde_json::to_string(&self.picture).expect("plain data");
        if picture != self.sent {
            self.frame(&mut step, "picture", &self.picture);
            self.sent = picture;
        }
        if let Some((word, _)) = ended {
            let report = self.file("report.html").is_some();
            self.frame(
                &mut step,
                "end",
                &json!({ "verdict": word, "report": report }),
            );
            step.over = true;
        }
        step
    }

    fn read_events(&mut self, step: &mut Step) {
        let added = self
            .file(EVENTS)
            .and_then(|file| self.events.read(&file).ok());
        let Some(added) = added else { return };
        for (end, line) in added.lines {
            let Ok(event) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            self.picture.event(&event);
            if end > self.events_from && event["type"] != "progress" {
                self.events_from = end;
                self.frame(step, "event", &tamed(event));
            }
        }
        self.events_from = self.events_from.max(self.events.at());
        step.more |= added.more;
    }

    fn read_log(&mut self, step: &mut Step) {
        let added = self.file(LOG).and_then(|file| self.log.read(&file).ok());
        let Some(added) = added else { return };
        if !added.lines.is_empty() {
            let lines = added.lines.iter().map(|(_, line)| inert(line, LINE));
            let lines: Vec<String> = lines.collect();
            self.frame(step, "log", &json!({ "lines": lines }));
        }
        step.more |= added.more;
    }

    /// How the run ended, and how its calls did; nothing while it goes on.
    fn ended(&self) -> Option<(String, Option<Counts>)> {
        if let Some(mut verdict) = self.json(VERDICT)
            && let Some(word) = verdict["verdict"].as_str()
        {
            let word = inert(word, 20);
            let ops = serde_json::from_value(verdict["ops"].take()).ok();
            return Some((word, ops));
        }
        let state = self
            .json(STATE)
            .and_then(|v| serde_json::from_value::<RunState>(v).ok());
        let alive = state.is_some_and(|state| state.owner.is_alive());
        (!alive).then(|| ("interrupted".to_owned(), None))
    }

    fn frame(&self, step: &mut Step, event: &str, data: &impl Serialize) {
        // JSON has no line ends of its own, so a text cannot end a frame.
        let data = serde_json::to_string(data).expect("plain data");
        let (events, log) = (self.events_from, self.log.at());
        step.frames.push_str(&format!(
            "id: {events}.{log}\nevent: {event}\ndata: {data}\n\n"
        ));
    }
}
