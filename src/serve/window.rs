//! A window into a run's history: every event between two moments, however large the journal is.
//!
//! The journal is in the order of its times, which grow strictly (`runner::log`), so the beginning of a window is found by
//! halving the file and looking at one line each time; from there it is read line by line, as far as was asked and no further
//! than [`MOST_BYTES`]. What did not fit is named by the offset of its first line, which `after` takes. Nothing of the
//! file is kept: a window costs the same in a journal of a megabyte and of a terabyte.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    sync::Arc,
};

use axum::{
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use reports::served;
use runner::store::HISTORY;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Server, broken, files, not_found, refusal};
use crate::flow::{META, blocking};

/// How many events there are in a window that does not say.
const LIMIT: usize = 1_000;
/// How many at most.
const MOST: usize = 10_000;
/// How many bytes at most; a window has one event at least.
const MOST_BYTES: u64 = 1 << 20;
/// How long a line may be; longer ones are counted.
const LONGEST: u64 = 1 << 20;
/// How far a window is looked for in lines that are none.
const FARTHEST: u64 = 64 << 20;
/// Halving ends here, and reading begins.
const NEAR: u64 = 64 * 1024;

/// What is asked: times in nanoseconds since the run began, both included.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    from: u64,
    to: Option<u64>,
    limit: Option<usize>,
    /// Where the window before this one ended, as it said.
    after: Option<u64>,
}

/// What there is.
#[derive(Debug, Serialize)]
struct Window {
    from: u64,
    to: Option<u64>,
    /// Lines of the journal, as they are there.
    events: Vec<Box<RawValue>>,
    /// What `after` has to be for the events that did not fit; nothing where all did.
    next: Option<u64>,
    /// Lines that are no events, or too long.
    unreadable: u64,
    /// Of the journal, in bytes.
    size: u64,
}

/// Answers with one.
pub(super) async fn window(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "A window is ?from=&to=&limit=&after=, all whole numbers: nanoseconds, nanoseconds, events, and the next of \
             the window before.",
        );
    };
    let place = Arc::clone(&server.windows).acquire_owned().await;
    let read = blocking(move || {
        let _place = place.expect("it is never closed");
        let run = server.run(&id)?;
        let names = [run.case, run.faults, run.id, HISTORY.to_owned()];
        let window = read(server.jail.file(&names)?, asked);
        Some(window.and_then(|window| Ok(serde_json::to_vec(&window)?)))
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    match read.await {
        Some(Ok(window)) => (json, window).into_response(),
        Some(Err(_)) => broken(),
        None => not_found(),
    }
}

/// The page that asks for them.
pub(super) async fn page(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    let found = blocking(move || {
        let run = server.run(&id)?;
        let file = |name: &str| {
            let names = [&run.case, &run.faults, &run.id, name].map(str::to_owned);
            server.jail.file(&names)
        };
        file(HISTORY)?;
        let meta = file(META).and_then(|file| serde_json::from_reader(BufReader::new(file)).ok());
        let meta: reports::RunMeta = meta.unwrap_or_default();
        Some(served::history(&served::Run {
            id: run.id.clone(),
            case: run.case.clone(),
            faults: run.faults.clone(),
            report: file("report.html").is_some(),
            duration: meta.duration,
        }))
    });
    match found.await {
        Some(page) => files::page(page.html, &page.policy),
        None => not_found(),
    }
}

/// Reads one.
fn read(file: File, asked: Asked) -> io::Result<Window> {
    let size = file.metadata()?.len();
    let mut lines = Lines::new(file);
    let mut window = Window {
        from: asked.from,
        to: asked.to,
        events: Vec::new(),
        next: None,
        unreadable: 0,
        size,
    };
    let start = match asked.after {
        Some(after) => lines.boundary(after.min(size))?,
        None => lines.first_from(asked.from, size)?,
    };
    lines.seek(start)?;
    let limit = asked.limit.unwrap_or(LIMIT).clamp(1, MOST);
    let mut bytes = 0;
    loop {
        let at = lines.at;
        let line = match lines.next()? {
            Line::End => break,
            Line::Text(line) => line,
            Line::TooLong => "",
        };
        let time = time_of(line);
        match time {
            None => window.unreadable += 1,
            Some(time) if time < asked.from => {}
            Some(time) if asked.to.is_some_and(|to| time > to) => break,
            Some(_) => {
                let full = window.events.len() == limit || bytes + line.len() as u64 > MOST_BYTES;
                if full && !window.events.is_empty() {
                    window.next = Some(at);
                    break;
                }
                bytes += line.len() as u64;
                let event = RawValue::from_string(line.to_owned());
                window.events.push(event.map_err(io::Error::from)?);
            }
        }
        if lines.at - start > FARTHEST && lines.at < size {
            window.next = Some(lines.at);
            break;
        }
    }
    Ok(window)
}

#[derive(Deserialize)]
struct Stamp {
    time: u64,
}

fn time_of(line: &str) -> Option<u64> {
    let stamp: Stamp = serde_json::from_str(line).ok()?;
    Some(stamp.time)
}

/// The lines of a file, and where each begins.
struct Lines {
    file: BufReader<File>,
    at: u64,
    line: Vec<u8>,
}

enum Line<'a> {
    /// Without its end.
    Text(&'a str),
    /// Too long, or no text: passed over.
    TooLong,
    /// No more, or none that was written to its end.
    End,
}

impl Lines {
    fn new(file: File) -> Self {
        Self {
            file: BufReader::with_capacity(NEAR as usize, file),
            at: 0,
            line: Vec::new(),
        }
    }

    fn seek(&mut self, to: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(to))?;
        self.at = to;
        Ok(())
    }

    fn next(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        let n = (&mut self.file)
            .take(LONGEST)
            .read_until(b'\n', &mut self.line)?;
        self.at += n as u64;
        if self.line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(std::str::from_utf8(&self.line).map_or(Line::TooLong, Line::Text));
        }
        if (n as u64) < LONGEST {
            return Ok(Line::End);
        }
        let skipped = self.file.skip_until(b'\n')?;
        self.at += skipped as u64;
        Ok(Line::TooLong)
    }

    /// The beginning of the first line at `offset` or after it.
    fn boundary(&mut self, offset: u64) -> io::Result<u64> {
        if offset == 0 {
            return Ok(0);
        }
        self.seek(offset - 1)?;
        self.at += self.file.skip_until(b'\n')? as u64;
        Ok(self.at)
    }

    /// A line before which every event is earlier than `from`, and not far before the first that is not.
    fn first_from(&mut self, from: u64, size: u64) -> io::Result<u64> {
        let (mut before, mut beyond) = (0, size);
        while beyond.saturating_sub(before) > NEAR {
            let middle = before + (beyond - before) / 2;
            let start = self.boundary(middle)?;
            let time = match self.next()? {
                Line::Text(line) => time_of(line),
                Line::TooLong | Line::End => None,
            };
            match time {
                Some(time) if time < from => before = start.max(before + 1),
                // What cannot be read says nothing: the window is looked for from before it.
                _ => beyond = middle,
            }
        }
        self.boundary(before)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn journal(lines: impl IntoIterator<Item = String>) -> File {
        let mut file = tempfile::tempfile().unwrap();
        for line in lines {
            file.write_all(line.as_bytes()).unwrap();
        }
        file
    }

    /// Event `i` is at `10 i`, and as long as its number wants.
    fn event(i: u64) -> String {
        let padding = "x".repeat((i * 7919 % 301) as usize);
        format!(
            "{{\"index\":{i},\"time\":{},\"value\":\"{padding}\"}}\n",
            10 * i
        )
    }

    fn indices(window: &Window) -> Vec<u64> {
        #[derive(Deserialize)]
        struct Indexed {
            index: u64,
        }
        let index = |e: &RawValue| serde_json::from_str::<Indexed>(e.get()).unwrap().index;
        window.events.iter().map(|e| index(e)).collect()
    }

    fn ask(
        file: &File,
        from: u64,
        to: Option<u64>,
        limit: Option<usize>,
        after: Option<u64>,
    ) -> Window {
        let asked = Asked {
            from,
            to,
            limit,
            after,
        };
        read(file.try_clone().unwrap(), asked).unwrap()
    }

    #[test]
    fn a_window_has_every_event_between_its_times_and_no_other() {
        let file = journal((0..5_000).map(event));
        for (from, to, first, last) in [
            (0, Some(90), 0, 9),
            (10, Some(10), 1, 1),
            (1, Some(19), 1, 1),
            (24_995, Some(25_020), 2_500, 2_502),
            (49_900, None, 4_990, 4_999),
        ] {
            let window = ask(&file, from, to, None, None);
            assert_eq!(
                indices(&window),
                (first..=last).collect::<Vec<_>>(),
                "{from} {to:?}"
            );
            assert_eq!((window.next, window.unreadable), (None, 0));
        }
        for (from, to) in [
            (50_000, None),
            (11, Some(19)),
            (100, Some(50)),
            (u64::MAX, None),
        ] {
            assert_eq!(
                ask(&file, from, to, None, None).events.len(),
                0,
                "{from} {to:?}"
            );
        }
        // Every place is found, wherever halving happens to fall.
        for i in (0..5_000).step_by(37) {
            assert_eq!(indices(&ask(&file, 10 * i, Some(10 * i), None, None)), [i]);
        }
    }

    #[test]
    fn what_does_not_fit_comes_after() {
        let file = journal((0..1_000).map(event));
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let window = ask(&file, 1_000, Some(8_000), Some(97), after);
            assert!(window.events.len() <= 97);
            all.extend(indices(&window));
            after = window.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(all, (100..=800).collect::<Vec<_>>());
        // A place that nobody was told is taken for the line after it.
        let one = ask(&file, 0, None, Some(1), Some(5));
        assert_eq!(indices(&one), [1]);
        assert_eq!(ask(&file, 0, None, None, Some(u64::MAX)).events.len(), 0);
        assert_eq!(ask(&file, 0, None, Some(0), None).events.len(), 1);
    }

    #[test]
    fn what_is_no_event_is_counted_and_what_is_torn_left_out() {
        let mut lines: Vec<String> = (0..10).map(event).collect();
        lines.insert(3, "garbage\n".to_owned());
        lines.insert(
            5,
            format!("{{\"time\":35,\"value\":\"{}\"}}\n", "y".repeat(2 << 20)),
        );
        lines.push("{\"index\":10,\"time\":1".to_owned());
        let window = ask(&journal(lines), 0, None, None, None);
        assert_eq!(indices(&window), (0..10).collect::<Vec<_>>());
        assert_eq!(window.unreadable, 2);
        assert_eq!(ask(&journal([]), 0, None, None, None).events.len(), 0);
        let garbage = journal((0..50_000).map(|_| "not an event\n".to_owned()));
        assert_eq!(ask(&garbage, 7, Some(9), None, None).unreadable, 50_000);
    }

    #[test]
    fn large_values_make_smaller_windows() {
        let line = |i: u64| {
            let value = "z".repeat(250_000);
            format!("{{\"index\":{i},\"time\":{i},\"value\":\"{value}\"}}\n")
        };
        let file = journal((0..8).map(line));
        let first = ask(&file, 0, None, None, None);
        assert_eq!(indices(&first), [0, 1, 2, 3]);
        let second = ask(&file, 0, None, None, first.next);
        assert_eq!(indices(&second), [4, 5, 6, 7]);
        assert_eq!(second.next, None);
    }
}
