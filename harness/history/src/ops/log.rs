//! Logs of messages, as Kafka and its likes have them: producers send to a key (a partition of a topic) and are told the
//! offset; consumers are assigned keys, or subscribe and are given some, and poll for what comes next. Jepsen's `kafka`.
//!
//! ```text
//! {"f":"send","value":[["send",1,7]]}                    → [["send",1,[0,7]]]
//! {"f":"poll","value":[["poll"]]}                        → [["poll",{"1":[[0,7],[1,8]]}]]
//! {"f":"txn","value":[["poll"],["send",1,9]]}            both in one transaction
//! {"f":"assign","value":[1,2]}, {"f":"subscribe","value":[1,2]}, {"f":"crash"}
//! ```
//!
//! Two things that Jepsen has in fields of their own are in values here, since calls have no others: an assignment that
//! begins at the start of its logs is `{"keys":[1,2],"seek-to-beginning?":true}`, and the keys that a consumer lost or got
//! while it worked follow the steps of its return, as `["rebalance",[1,2]]`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{key, parse, parse_or_nothing, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Logs of integers, one a key, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Log;

/// What a client of logs is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogCall {
    /// Consumes just these logs from now on. Those it had before it goes on with.
    Assign {
        /// Which.
        keys: Vec<Key>,
        /// Begins each at its start.
        from_start: bool,
    },
    /// Consumes whichever of these the system gives it.
    Subscribe(Vec<Key>),
    /// Sends and polls, in this order, in one transaction if there are transactions.
    Do(Box<[LogStep]>),
    /// The client is thrown away with what it knows, and another one made.
    Crash,
    /// Says where these logs are, for people. Its answer is not looked at.
    Locate(Vec<Key>),
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogStep {
    /// Puts a message at the end of a log.
    Send {
        /// Of which log.
        key: Key,
        /// The message.
        value: i64,
    },
    /// Says what comes next in the logs of this consumer.
    Poll,
}

/// What a client of logs answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogReturn {
    /// Done.
    Done,
    /// What each step did.
    Did {
        /// In the order of the steps.
        steps: Box<[LogSeen]>,
        /// Logs that this consumer was given or had taken from it meanwhile.
        rebalanced: Box<[Key]>,
    },
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSeen {
    /// The message is at this offset; `None` if nobody said.
    Sent(Option<i64>),
    /// These messages came, by their logs.
    Polled(Vec<(Key, Vec<Record>)>),
}

/// A message, with its offset if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log.
    pub offset: Option<i64>,
    /// The message.
    pub value: i64,
}

impl Operation for Log {
    type Call = LogCall;
    type Return = LogReturn;
}

/// An assignment that says where to begin.
#[derive(Deserialize)]
struct Assignment {
    keys: Vec<Key>,
    #[serde(rename = "seek-to-beginning?", default)]
    from_start: bool,
}

impl Codec for Log {
    fn encode_call(call: &LogCall) -> Fields {
        let value = match call {
            LogCall::Assign {
                keys,
                from_start: true,
            } => {
                let keys = text(keys);
                Some(format!(r#"{{"keys":{keys},"seek-to-beginning?":true}}"#))
            }
            LogCall::Assign { keys, .. } | LogCall::Subscribe(keys) | LogCall::Locate(keys) => {
                Some(text(keys))
            }
            LogCall::Do(steps) => Some(asked(steps)),
            LogCall::Crash => None,
        };
        Fields {
            f: Self::name(call),
            key: None,
            value,
        }
    }

    fn encode_return(call: &LogCall, ret: &LogReturn) -> Option<String> {
        match (call, ret) {
            (LogCall::Do(asked), LogReturn::Did { steps, rebalanced }) => {
                Some(did(asked, steps, rebalanced))
            }
            _ => None,
        }
    }

    fn decode_call(f: &str, _: Option<Key>, value: Option<&RawValue>) -> Result<LogCall, String> {
        Ok(match f {
            "assign" => match value.is_some_and(|value| value.get().starts_with('{')) {
                true => {
                    let Assignment { keys, from_start } = parse(f, value)?;
                    LogCall::Assign { keys, from_start }
                }
                false => LogCall::Assign {
                    keys: parse(f, value)?,
                    from_start: false,
                },
            },
            "subscribe" => LogCall::Subscribe(parse(f, value)?),
            "poll" | "send" | "txn" => {
                let steps = parts(f, value)?;
                let steps: Result<_, String> = steps.iter().map(|part| step(part)).collect();
                LogCall::Do(steps?)
            }
            "crash" => LogCall::Crash,
            "debug-topic-partitions" => {
                LogCall::Locate(parse_or_nothing(f, value)?.unwrap_or_default())
            }
            other => {
                let has = "send, poll, txn, assign, subscribe, crash and debug-topic-partitions";
                return Err(unknown("a log", other, has));
            }
        })
    }

    fn decode_return(call: &LogCall, value: Option<&RawValue>) -> Result<LogReturn, String> {
        let LogCall::Do(asked) = call else {
            return Ok(LogReturn::Done);
        };
        let mut parts = parts(name(asked), value)?;
        let mut rebalanced: Vec<Key> = Vec::new();
        if parts.len() == asked.len() + 1
            && let Some([what, keys]) = parts.last().map(Vec::as_slice)
            && what.get() == r#""rebalance""#
        {
            rebalanced = parse("rebalance", Some(keys))?;
            parts.pop();
        }
        if parts.len() != asked.len() {
            let (had, came) = (asked.len(), parts.len());
            return Err(format!("the call had {had} steps, and {came} came back"));
        }
        let both = asked.iter().zip(&parts);
        let steps: Result<_, String> = both.map(|(asked, part)| seen(asked, part)).collect();
        Ok(LogReturn::Did {
            steps: steps?,
            rebalanced: rebalanced.into(),
        })
    }

    fn name(call: &LogCall) -> &'static str {
        match call {
            LogCall::Assign { .. } => "assign",
            LogCall::Subscribe(_) => "subscribe",
            LogCall::Do(steps) => name(steps),
            LogCall::Crash => "crash",
            LogCall::Locate(_) => "debug-topic-partitions",
        }
    }

    /// None: a transaction may be about several logs.
    fn key(_: &LogCall) -> Option<&Key> {
        None
    }

    fn describe_call(call: &LogCall) -> String {
        let list = |keys: &[Key]| {
            let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
            keys.join(" ")
        };
        match call {
            LogCall::Assign { keys, from_start } => {
                let start = if *from_start { " from the start" } else { "" };
                format!("assign {}{start}", list(keys))
            }
            LogCall::Subscribe(keys) => format!("subscribe {}", list(keys)),
            LogCall::Do(steps) => describe(steps, None),
            LogCall::Crash => "crash".to_owned(),
            LogCall::Locate(keys) => format!("locate {}", list(keys)),
        }
    }

    fn describe(call: &LogCall, ret: &LogReturn) -> String {
        match (call, ret) {
            (LogCall::Do(asked), LogReturn::Did { steps, .. }) => describe(asked, Some(steps)),
            _ => Self::describe_call(call),
        }
    }
}

/// Jepsen's name for such a call.
fn name(steps: &[LogStep]) -> &'static str {
    let polls = steps.iter().filter(|step| **step == LogStep::Poll).count();
    match polls {
        0 if !steps.is_empty() => "send",
        n if n == steps.len() && n > 0 => "poll",
        _ => "txn",
    }
}

/// Each step as the list of its parts.
fn parts<'a>(f: &str, value: Option<&'a RawValue>) -> Result<Vec<Vec<&'a RawValue>>, String> {
    let text = value.ok_or_else(|| format!("{f} needs a \"value\""))?.get();
    serde_json::from_str(text).map_err(|_| format!("{f} cannot have the value {text}"))
}

fn wrong(part: &[&RawValue]) -> String {
    let words: Vec<&str> = part.iter().map(|word| word.get()).collect();
    let words = words.join(",");
    format!("a step is [\"send\",KEY,VALUE] or [\"poll\"], not [{words}]")
}

fn step(part: &[&RawValue]) -> Result<LogStep, String> {
    let words: Vec<&str> = part.iter().map(|word| word.get()).collect();
    match words[..] {
        [r#""poll""#] | [r#""poll""#, "null" | "{}"] => Ok(LogStep::Poll),
        [r#""send""#, key, value] => Ok(LogStep::Send {
            key: serde_json::from_str(key).map_err(|_| wrong(part))?,
            value: serde_json::from_str(value).map_err(|_| wrong(part))?,
        }),
        _ => Err(wrong(part)),
    }
}

/// What an offset and a message are written as: `[0,7]`.
type Pair = (Option<i64>, i64);

fn seen(asked: &LogStep, part: &[&RawValue]) -> Result<LogSeen, String> {
    let words: Vec<&str> = part.iter().map(|word| word.get()).collect();
    let another = || "a step came back as another".to_owned();
    match (asked, &words[..]) {
        (LogStep::Poll, [r#""poll""#]) => Ok(LogSeen::Polled(Vec::new())),
        (LogStep::Poll, [r#""poll""#, came]) => {
            let came: Option<BTreeMap<String, Vec<Pair>>> = serde_json::from_str(came)
                .map_err(|_| format!("a poll returns {{KEY: [[OFFSET,VALUE] …]}}, not {came}"))?;
            let logs = came.unwrap_or_default().into_iter();
            let mut logs: Vec<(Key, Vec<Record>)> = logs
                .map(|(name, pairs)| {
                    let record = |(offset, value)| Record { offset, value };
                    (key(&name), pairs.into_iter().map(record).collect())
                })
                .collect();
            logs.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            Ok(LogSeen::Polled(logs))
        }
        (LogStep::Send { key, value }, [r#""send""#, to, came]) => {
            let to: Key = serde_json::from_str(to).map_err(|_| wrong(part))?;
            let (offset, sent): Pair = match serde_json::from_str(came) {
                Ok(pair) => pair,
                // Nobody said where.
                Err(_) => (None, serde_json::from_str(came).map_err(|_| wrong(part))?),
            };
            match to == *key && sent == *value {
                true => Ok(LogSeen::Sent(offset)),
                false => Err(another()),
            }
        }
        _ => Err(another()),
    }
}

fn asked(steps: &[LogStep]) -> String {
    let step = |step: &LogStep| match step {
        LogStep::Send { key, value } => format!(r#"["send",{},{value}]"#, text(key)),
        LogStep::Poll => r#"["poll"]"#.to_owned(),
    };
    let steps: Vec<String> = steps.iter().map(step).collect();
    format!("[{}]", steps.join(","))
}

fn did(asked: &[LogStep], steps: &[LogSeen], rebalanced: &[Key]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for both in asked.iter().zip(steps) {
        parts.push(match both {
            (LogStep::Send { key, value }, LogSeen::Sent(offset)) => {
                format!(r#"["send",{},{}]"#, text(key), text(&(offset, value)))
            }
            (_, LogSeen::Polled(logs)) => {
                let logs = logs.iter().map(|(key, records)| {
                    let pairs: Vec<Pair> = records.iter().map(|r| (r.offset, r.value)).collect();
                    format!("{}:{}", text(&key.to_string()), text(&pairs))
                });
                let logs: Vec<String> = logs.collect();
                format!(r#"["poll",{{{}}}]"#, logs.join(","))
            }
            (LogStep::Poll, LogSeen::Sent(_)) => r#"["poll"]"#.to_owned(),
        });
    }
    if !rebalanced.is_empty() {
        parts.push(format!(r#"["rebalance",{}]"#, text(&rebalanced)));
    }
    format!("[{}]", parts.join(","))
}

/// For people: `send 7 to log 1 (at 0), poll → log 1: 7@0 8@1`.
fn describe(asked: &[LogStep], did: Option<&[LogSeen]>) -> String {
    let step = |(at, step): (usize, &LogStep)| match (step, did.and_then(|did| did.get(at))) {
        (LogStep::Send { key, value }, Some(LogSeen::Sent(Some(offset)))) => {
            format!("send {value} to log {key} (at {offset})")
        }
        (LogStep::Send { key, value }, _) => format!("send {value} to log {key}"),
        (LogStep::Poll, Some(LogSeen::Polled(logs))) => {
            let logs: Vec<String> = logs.iter().map(log).collect();
            match logs.is_empty() {
                true => "poll → nothing".to_owned(),
                false => format!("poll → {}", logs.join(", ")),
            }
        }
        (LogStep::Poll, _) => "poll".to_owned(),
    };
    asked
        .iter()
        .enumerate()
        .map(step)
        .collect::<Vec<_>>()
        .join(", ")
}

fn log((key, records): &(Key, Vec<Record>)) -> String {
    const SHOWN: usize = 6;
    let show = |record: &Record| match record.offset {
        Some(offset) => format!(" {}@{offset}", record.value),
        None => format!(" {}", record.value),
    };
    let mut text = format!("log {key}:");
    text.extend(records.iter().take(SHOWN).map(show));
    if records.len() > SHOWN {
        text.push_str(&format!(" and {} more", records.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn calls_and_returns_come_back() {
        let send = |key, value| LogStep::Send { key, value };
        let x = || Key::Text("x".into());
        let txn = LogCall::Do(
            [
                LogStep::Poll,
                send(Key::Int(1), 7),
                send(x(), -8),
                LogStep::Poll,
            ]
            .into(),
        );
        let record = |offset, value| Record { offset, value };
        let did = LogReturn::Did {
            steps: [
                LogSeen::Polled(vec![
                    (Key::Int(1), vec![record(Some(0), 3), record(None, 4)]),
                    (x(), vec![]),
                ]),
                LogSeen::Sent(Some(5)),
                LogSeen::Sent(None),
                LogSeen::Polled(vec![]),
            ]
            .into(),
            rebalanced: [Key::Int(2)].into(),
        };
        there_and_back::<Log>(&txn, &did);
        let none = || LogReturn::Did {
            steps: [].into(),
            rebalanced: [].into(),
        };
        there_and_back::<Log>(&LogCall::Do([].into()), &none());
        for from_start in [false, true] {
            let keys = vec![Key::Int(1), x()];
            there_and_back::<Log>(&LogCall::Assign { keys, from_start }, &LogReturn::Done);
        }
        there_and_back::<Log>(&LogCall::Subscribe(vec![x()]), &LogReturn::Done);
        there_and_back::<Log>(&LogCall::Locate(vec![]), &LogReturn::Done);
        there_and_back::<Log>(&LogCall::Crash, &LogReturn::Done);
        assert_eq!(
            Log::describe(&txn, &did),
            "poll → log 1: 3@0 4, log x:, send 7 to log 1 (at 5), send -8 to log x, poll → nothing"
        );
    }

    #[test]
    fn names_are_jepsens() {
        let f = |text: &str, f: &str| {
            let call = Log::decode_call(f, None, Some(&raw(text))).expect("a call");
            Log::encode_call(&call).f
        };
        assert_eq!(f(r#"[["send",1,2]]"#, "send"), "send");
        assert_eq!(f(r#"[["poll"]]"#, "poll"), "poll");
        assert_eq!(f(r#"[["poll"],["send",1,2]]"#, "txn"), "txn");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let call = Log::decode_call("send", None, Some(&raw(r#"[["send",1,2]]"#))).expect("a call");
        let back = |text: &str| Log::decode_return(&call, Some(&raw(text)));
        assert_eq!(
            back(r#"[["send",1,2]]"#),
            Ok(LogReturn::Did {
                steps: [LogSeen::Sent(None)].into(),
                rebalanced: [].into()
            })
        );
        assert_eq!(
            back("[]"),
            Err("the call had 1 steps, and 0 came back".to_owned())
        );
        assert_eq!(
            back(r#"[["send",1,[0,3]]]"#),
            Err("a step came back as another".to_owned())
        );
        assert_eq!(
            refused::<Log>("send", Some(r#"[["put",1]]"#)),
            r#"a step is ["send",KEY,VALUE] or ["poll"], not ["put",1]"#
        );
    }
}
