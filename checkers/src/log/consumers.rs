//! What each consumer got after what: jumps forward and backward.

use std::collections::BTreeMap;

use history::{
    History, Key, Outcome, Process,
    ops::{Log, LogCall, LogReturn, LogSeen, LogStep, Record},
};

use super::orders::Logs;
use crate::{
    findings::{CERTAIN, Findings, Told},
    words::Words,
};

/// How a consumer came by its logs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Unknown,
    Assigned,
    Subscribed,
}

#[derive(Default)]
struct Consumer {
    mode: Mode,
    /// Of each log the last offset it got, and in which call. Before the first there is none, and the call is that which
    /// put it at the start.
    position: BTreeMap<u32, (Option<i64>, usize)>,
}

/// Judges jumps; how many there were that are allowed.
pub(super) fn judge(
    logs: &Logs<'_>,
    history: &History<Log>,
    findings: &mut Findings<'_, Log>,
) -> u64 {
    let mut consumers: BTreeMap<Process, Consumer> = BTreeMap::new();
    let mut judge = Judge {
        logs,
        words: Words(history),
        findings,
        allowed: 0,
    };
    for (at, span) in history.spans().iter().enumerate() {
        let consumer = consumers.entry(span.process).or_default();
        match (&span.call, &span.outcome) {
            (LogCall::Assign { keys, from_start }, Outcome::Ok(_)) => {
                consumer.assign(logs, keys, *from_start, at);
            }
            (LogCall::Subscribe(_), Outcome::Ok(_)) => {
                consumer.mode = Mode::Subscribed;
                consumer.position.clear();
            }
            (LogCall::Do(_), Outcome::Ok(LogReturn::Did { steps, rebalanced })) => {
                judge.call(consumer, at, steps, rebalanced);
            }
            (LogCall::Do(steps), _) if !steps.contains(&LogStep::Poll) => {}
            // It polled, and nobody knows what it got.
            (LogCall::Do(_), _) => consumer.position.clear(),
            (LogCall::Assign { .. } | LogCall::Subscribe(_) | LogCall::Crash, _) => {
                *consumer = Consumer::default();
            }
            (LogCall::Locate(_), _) => {}
        }
    }
    judge.allowed
}

impl Consumer {
    fn assign(&mut self, logs: &Logs<'_>, keys: &[Key], from_start: bool, at: usize) {
        let keys = || keys.iter().filter_map(|key| logs.find(key));
        if self.mode != Mode::Assigned {
            self.position.clear();
        }
        self.mode = Mode::Assigned;
        if from_start {
            self.position = keys().map(|key| (key, (None, at))).collect();
            return;
        }
        let kept: BTreeMap<_, _> = keys()
            .filter_map(|key| Some((key, *self.position.get(&key)?)))
            .collect();
        self.position = kept;
    }
}

/// What the last record was that a consumer got of a log.
#[derive(Clone, Copy)]
struct Before {
    offset: Option<i64>,
    at: usize,
    /// Whether it came in this answer, so that nothing can have come between.
    in_answer: bool,
}

struct Judge<'a, 'f, 'h> {
    logs: &'a Logs<'a>,
    words: Words<'a, Log>,
    findings: &'f mut Findings<'h, Log>,
    allowed: u64,
}

impl Judge<'_, '_, '_> {
    fn call(&mut self, consumer: &mut Consumer, at: usize, steps: &[LogSeen], rebalanced: &[Key]) {
        for step in steps {
            let LogSeen::Polled(polled) = step else {
                continue;
            };
            for (log, records) in polled {
                let Some(key) = self.logs.find(log) else {
                    continue;
                };
                let stays = consumer.mode == Mode::Assigned && !rebalanced.contains(log);
                let known = consumer.position.get(&key);
                let mut before = known.map(|&(offset, at)| Before {
                    offset,
                    at,
                    in_answer: false,
                });
                for record in records {
                    before = self.record(key, before, record, at, stays);
                }
                match before {
                    Some(last) => consumer.position.insert(key, (last.offset, last.at)),
                    None => consumer.position.remove(&key),
                };
            }
        }
        if consumer.mode == Mode::Unknown {
            consumer.position.clear();
        }
    }

    /// Judges one record after another; what the next is judged after.
    fn record(
        &mut self,
        key: u32,
        before: Option<Before>,
        record: &Record,
        at: usize,
        stays: bool,
    ) -> Option<Before> {
        let offset = record.offset?;
        let after = Some(Before {
            offset: Some(offset),
            at,
            in_answer: true,
        });
        let Some(before) = before else {
            return after;
        };
        let back = before.offset.is_some_and(|last| last >= offset);
        let skipped = match before.offset {
            Some(last) => self.logs.between(key, last, offset),
            None => self.logs.between(key, i64::MIN, offset),
        };
        if !back && skipped.is_empty() {
            return after;
        }
        if !stays && !before.in_answer {
            self.allowed += 1;
            return after;
        }
        match before.offset {
            Some(last) if back => self.went_back(key, (last, before.at), (offset, at)),
            _ => self.skipped(key, before, (offset, at)),
        }
        after
    }

    fn went_back(&mut self, key: u32, (last, before): (i64, usize), (offset, at): (i64, usize)) {
        let log = self.logs.keys[key as usize];
        let (code, inside) = match before == at {
            true => ("int-nonmonotonic-poll", " within one call"),
            false => ("nonmonotonic-poll", ""),
        };
        let words = &self.words;
        self.findings.add(code, &[before, at], || Told {
            title: format!("log {log} polled backwards{inside}"),
            explanation: format!(
                "{} So {} got offset {last} of log {log} and after it{inside} offset {offset}.",
                told(words, before, at),
                words.who(at)
            ),
            key: Some(log.clone()),
            confidence: CERTAIN,
            minimal: true,
        });
    }

    fn skipped(&mut self, key: u32, before: Before, (offset, at): (i64, usize)) {
        let log = self.logs.keys[key as usize];
        let last = before.offset.unwrap_or(i64::MIN);
        let skipped = self.logs.between(key, last, offset);
        let from = match before.offset {
            Some(last) => format!("offset {last}"),
            None => "the start".to_owned(),
        };
        let words = &self.words;
        let polled = |value| self.logs.poller(key, value);
        // What nobody got is lost; what others got this consumer skipped.
        let lost = skipped
            .iter()
            .find(|s| polled(s.value).is_none() && self.logs.senders(key, s.value).len() == 1);
        if let Some(lost) = lost {
            self.findings.add("lost-write", &[lost.at, before.at, at], || Told {
                title: format!("lost message in log {log}"),
                explanation: format!(
                    "{} {} So {} went from {from} to offset {offset} and did not get {} at offset {}, and nobody else did.",
                    words.call(lost.at), told(words, before.at, at), words.who(at), lost.value, lost.offset
                ),
                key: Some(log.clone()),
                confidence: CERTAIN,
                minimal: true,
            });
        }
        let missed = skipped.iter().find(|s| polled(s.value).is_some());
        let Some(missed) = missed else {
            return;
        };
        let (code, inside) = match before.at == at {
            true => ("int-poll-skip", " within one call"),
            false => ("poll-skip", ""),
        };
        self.findings.add(code, &[missed.at, before.at, at], || Told {
            title: format!("message of log {log} skipped{inside}"),
            explanation: format!(
                "{} {} So {} went{inside} from {from} to offset {offset} of log {log}, past {} at offset {}.",
                words.call(missed.at), told(words, before.at, at), words.who(at), missed.value, missed.offset
            ),
            key: Some(log.clone()),
            confidence: CERTAIN,
            minimal: true,
        });
    }
}

/// Two calls of a consumer, or one.
fn told(words: &Words<'_, Log>, before: usize, at: usize) -> String {
    match before == at {
        true => words.call(at),
        false => format!("{} {}", words.call(before), words.call(at)),
    }
}
