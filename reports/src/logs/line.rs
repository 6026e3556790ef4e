//! One line of a log that somebody else wrote: when it was written, and whether it is worth a reader's time. Of JSON lines
//! (zap, logrus, bunyan, tracing) the fields are read; of others, a time near the beginning and a level.

use chrono::{DateTime, NaiveDateTime};
use serde::Serialize;
use serde_json::Value;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// The process broke down.
    Panic,
    /// It says that something went wrong.
    Error,
    /// Who leads, or wants to.
    Leader,
    /// A process began.
    Start,
    /// It says that something may be wrong.
    Warning,
    /// Anything else.
    Plain,
}

impl LogKind {
    /// All of them, the most telling first.
    pub const ALL: [Self; 6] = [
        Self::Panic,
        Self::Error,
        Self::Leader,
        Self::Start,
        Self::Warning,
        Self::Plain,
    ];

    /// `panic`, `error`, `leader`, `start`, `warning`, `line`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Error => "error",
            Self::Leader => "leader",
            Self::Start => "start",
            Self::Warning => "warning",
            Self::Plain => "line",
        }
    }
}

/// A line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Nanoseconds since 1970, by the clock of whoever wrote it.
    pub(super) stamp: Option<i64>,
    pub(super) kind: LogKind,
    /// Without time and level.
    pub(super) text: String,
}

/// A time must begin within so many bytes.
const NEAR: usize = 64;
/// A level must stand within so many words.
const WORDS: usize = 8;

const TIMES: [&str; 4] = ["ts", "time", "timestamp", "@timestamp"];
const LEVELS: [&str; 3] = ["level", "severity", "lvl"];
const MESSAGES: [&str; 2] = ["msg", "message"];

const PANIC: [&str; 6] = [
    "panic:",
    "panicked at",
    "fatal error:",
    "segmentation fault",
    "assertion failed",
    "out of memory",
];
const LEADER: [&str; 9] = [
    "became leader",
    "becomes leader",
    "elected leader",
    "lost leader",
    "became candidate",
    "leader changed",
    "changed leader",
    "new leader",
    "stepped down",
];
const START: [&str; 2] = ["=== schism starts", "server starts"];

impl Line {
    /// Understands it; never fails, whatever it is.
    pub(super) fn read(raw: &str) -> Self {
        let (stamp, level, text) = match serde_json::from_str::<Value>(raw) {
            Ok(Value::Object(fields)) => of_fields(&fields, raw),
            _ => of_words(raw),
        };
        let kind = kind(&level, &text);
        Self { stamp, kind, text }
    }
}

fn of_fields(fields: &serde_json::Map<String, Value>, raw: &str) -> (Option<i64>, String, String) {
    let first = |names: &[&str]| names.iter().find_map(|name| fields.get(*name));
    let stamp = first(&TIMES).and_then(|time| match time {
        Value::String(text) => find_stamp(text).map(|(stamp, _)| stamp),
        Value::Number(number) => since_1970(number.as_f64()?),
        _ => None,
    });
    let level = first(&LEVELS).and_then(Value::as_str).unwrap_or_default();
    let Some(message) = first(&MESSAGES).and_then(Value::as_str) else {
        return (stamp, level.to_owned(), raw.to_owned());
    };
    let mut text = message.to_owned();
    let told: Vec<&&str> = TIMES.iter().chain(&LEVELS).chain(&MESSAGES).collect();
    for (name, value) in fields {
        if name == "caller" || told.iter().any(|told| **told == name) {
            continue;
        }
        match value {
            Value::String(value) => text.push_str(&format!(" {name}={value}")),
            value => text.push_str(&format!(" {name}={value}")),
        }
    }
    (stamp, level.to_owned(), text)
}

fn of_words(raw: &str) -> (Option<i64>, String, String) {
    let (stamp, rest) = match find_stamp(raw) {
        Some((stamp, rest)) => (Some(stamp), rest),
        None => (None, raw),
    };
    let rest = match stamp {
        // `[time] words`, `time: words`.
        Some(_) => rest.trim_start_matches([']', ':']).trim(),
        None => rest.trim(),
    };
    let mut words = rest.split_whitespace().take(WORDS);
    let level = words.find(|word| severity(word).is_some());
    (stamp, level.unwrap_or_default().to_owned(), rest.to_owned())
}

/// What a word says as a level: `[error]`, `WARN`, `level=warning`.
fn severity(word: &str) -> Option<LogKind> {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '=');
    let (named, bare) = match bare.split_once('=') {
        Some((name, value)) => (LEVELS.contains(&name), value),
        None => (word.starts_with('['), bare),
    };
    // `error` in a sentence is no level.
    if !named && bare.chars().any(char::is_lowercase) {
        return None;
    }
    match bare.to_ascii_lowercase().as_str() {
        "panic" | "fatal" | "dpanic" | "crit" | "critical" | "emerg" => Some(LogKind::Panic),
        "error" | "err" | "eror" => Some(LogKind::Error),
        "warn" | "warning" => Some(LogKind::Warning),
        "info" | "debug" | "trace" | "notice" => Some(LogKind::Plain),
        _ => None,
    }
}

fn kind(level: &str, text: &str) -> LogKind {
    let lower: String = text.chars().take(500).collect::<String>().to_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
    // In a JSON line the level is a value of its own.
    let named = severity(&format!("[{level}")).unwrap_or(LogKind::Plain);
    match named {
        LogKind::Panic => LogKind::Panic,
        _ if says(&PANIC) => LogKind::Panic,
        LogKind::Error => LogKind::Error,
        _ if says(&LEADER) => LogKind::Leader,
        _ if says(&START) => LogKind::Start,
        other => other,
    }
}

/// A number that counts from 1970, in whatever unit makes it a time of this century.
fn since_1970(number: f64) -> Option<i64> {
    let nanos = match number {
        n if !n.is_finite() || n < 1e9 => return None,
        n if n < 1e11 => n * 1e9,
        n if n < 1e14 => n * 1e6,
        n if n < 1e17 => n * 1e3,
        n if n < 9e18 => n,
        _ => return None,
    };
    Some(nanos as i64)
}

/// The first time in a text, and what comes after it: `2026-11-21T15:02:18.954Z`, `2026/11/21 15:02:18`,
/// `2026-11-21 15:02:18,954 +01:00`. Without a zone it is taken for UTC.
fn find_stamp(text: &str) -> Option<(i64, &str)> {
    let bytes = text.as_bytes();
    let begins = |at: &usize| {
        let shape = bytes.get(*at..at + 19);
        shape.is_some_and(|shape| {
            let fits = |(i, b): (usize, &u8)| match i {
                4 | 7 => matches!(b, b'-' | b'/'),
                10 => matches!(b, b'T' | b't' | b' ' | b'_'),
                13 | 16 => *b == b':',
                _ => b.is_ascii_digit(),
            };
            shape.iter().enumerate().all(fits)
        })
    };
    let at = (0..NEAR.min(bytes.len())).find(begins)?;
    let mut end = at + 19;
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut nanos = 0_i64;
    if matches!(bytes.get(end), Some(b'.' | b',')) {
        let n = digits(end + 1);
        let fraction: String = text[end + 1..end + 1 + n].chars().take(9).collect();
        nanos = format!("{fraction:0<9}").parse().ok()?;
        end += 1 + n;
    }
    let seconds = text[at..at + 19].replace(['/', '_', 't'], "-");
    let seconds: String = seconds
        .char_indices()
        .map(|(i, c)| match i {
            10 => 'T',
            _ => c,
        })
        .collect();
    let when = NaiveDateTime::parse_from_str(&seconds, "%Y-%m-%dT%H:%M:%S").ok()?;
    let (zone, length) = zone(&text[end..]);
    let utc = when.and_utc().timestamp().checked_sub(zone)?;
    // Far outside of any run a time is no use, and could not be counted in nanoseconds.
    DateTime::from_timestamp(utc, 0)?.timestamp_nanos_opt()?;
    Some((
        utc.checked_mul(1_000_000_000)?.checked_add(nanos)?,
        &text[end + length..],
    ))
}

/// Seconds east of Greenwich, and how many bytes said so.
fn zone(text: &str) -> (i64, usize) {
    let skip = usize::from(text.starts_with(' '));
    let rest = text.as_bytes().get(skip..).unwrap_or_default();
    match rest {
        [b'Z' | b'z', ..] if skip == 0 => (0, 1),
        [sign @ (b'+' | b'-'), h1, h2, tail @ ..] => {
            let digit = |b: &u8| b.is_ascii_digit().then(|| i64::from(b - b'0'));
            let (m1, m2, length) = match tail {
                [b':', a, b, ..] => (a, b, 6),
                [a, b, ..] => (a, b, 5),
                _ => return (0, 0),
            };
            let parts = [digit(h1), digit(h2), digit(m1), digit(m2)];
            let [Some(a), Some(b), Some(c), Some(d)] = parts else {
                return (0, 0);
            };
            let seconds = (a * 10 + b) * 3600 + (c * 10 + d) * 60;
            let east = if *sign == b'-' { -seconds } else { seconds };
            (east, skip + length)
        }
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_262_400_000_000_000;

    fn stamp(raw: &str) -> Option<i64> {
        Line::read(raw).stamp.map(|stamp| stamp - NOON)
    }

    #[test]
    fn times_are_read_as_programs_write_them() {
        for (raw, after_noon) in [
            (
                r#"{"level":"info","ts":"2026-11-21T12:00:01.500Z","msg":"x"}"#,
                1_500_000_000,
            ),
            (r#"{"ts":1795262401.5,"msg":"x"}"#, 1_500_000_000),
            (r#"{"time":1795262401500,"msg":"x"}"#, 1_500_000_000),
            ("2026-11-21 12:00:01.5 INFO x", 1_500_000_000),
            ("2026-11-21 13:00:01,500 +0100 x", 1_500_000_000),
            ("[2026/11/21 12:00:01] x", 1_000_000_000),
            ("I 2026-11-21T07:00:01-05:00 x", 1_000_000_000),
        ] {
            assert_eq!(stamp(raw), Some(after_noon), "{raw}");
        }
        for raw in [
            "",
            "x",
            "2026-13-41 99:00:00 x",
            r#"{"ts":"soon","msg":"x"}"#,
            "9999-99-99T99:99:99",
            "+999999-01-01",
            "2026-11-2112:00:01",
        ] {
            assert_eq!(stamp(raw), None, "{raw}");
        }
    }

    #[test]
    fn what_broke_and_who_leads_is_told_from_the_rest() {
        for (raw, kind) in [
            (r#"{"level":"fatal","msg":"x"}"#, LogKind::Panic),
            ("thread 'main' panicked at src/main.rs:1:1", LogKind::Panic),
            (r#"{"level":"error","msg":"x"}"#, LogKind::Error),
            ("2026-11-21 12:00:01 [error] x", LogKind::Error),
            ("level=warning msg=x", LogKind::Warning),
            ("no error at all", LogKind::Plain),
            (
                r#"{"level":"info","msg":"raft.node: 8e9e elected leader 7f at term 3"}"#,
                LogKind::Leader,
            ),
            ("=== schism starts etcd", LogKind::Start),
        ] {
            assert_eq!(Line::read(raw).kind, kind, "{raw}");
        }
    }

    #[test]
    fn fields_are_told_after_the_message() {
        let line = Line::read(
            r#"{"level":"warn","ts":"2026-11-21T12:00:00Z","caller":"a.go:1","msg":"slow","took":"2s"}"#,
        );
        assert_eq!(line.text, "slow took=2s");
        let line = Line::read("2026-11-21T12:00:00Z WARN slow");
        assert_eq!(line.text, "WARN slow");
    }

    #[test]
    fn text_of_any_bytes_is_survived() {
        for raw in [
            "ä2026-11-21 12:00:00ä",
            "2026-11-21 12:00:00.",
            "2026-11-21 12:00:00 +1",
            "2026-11-21 12:00:00+ä",
            "\u{202e}{",
            "{\"msg\":7}",
        ] {
            let _ = Line::read(raw);
        }
    }
}
