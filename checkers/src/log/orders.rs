//! What is at which offset of which log, and what the offsets alone say.

use std::collections::BTreeMap;

use history::{
    History, Key, Outcome, Span,
    ops::{Log, LogCall, LogReturn, LogSeen, LogStep},
};

use crate::{
    findings::{CERTAIN, Findings, Told, UNLESS_MISREPORTED},
    words::Words,
};

/// A message that was sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    pub(super) key: u32,
    pub(super) value: i64,
    /// The call, by its position in the history.
    pub(super) at: usize,
    /// Its place among the steps of the call.
    pub(super) step: usize,
    /// Where it is, if it was acknowledged and that was told.
    pub(super) offset: Option<i64>,
}

/// A message that was seen at a place, by who sent it or who polled it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sight {
    pub(super) key: u32,
    pub(super) offset: i64,
    pub(super) value: i64,
    pub(super) at: usize,
}

/// A message that was polled: log, message, call.
type Polled = (u32, i64, usize);

/// All that is known of the logs of a history. Lists are sorted.
pub(super) struct Logs<'a> {
    pub(super) keys: Vec<&'a Key>,
    numbers: BTreeMap<&'a Key, u32>,
    pub(super) sent: Vec<Sent>,
    pub(super) sights: Vec<Sight>,
    /// By message; of each only the first call that polled it.
    pub(super) seen: Vec<Polled>,
    pub(super) acknowledged: u64,
    pub(super) polled: u64,
    /// How many messages were sent more than once.
    pub(super) repeated: u64,
}

/// The steps of a call with what they did, where it succeeded.
pub(super) fn did(span: &Span<Log>) -> impl Iterator<Item = (&LogStep, &LogSeen)> {
    let both = match (&span.call, &span.outcome) {
        (LogCall::Do(asked), Outcome::Ok(LogReturn::Did { steps, .. })) => Some((asked, steps)),
        _ => None,
    };
    both.into_iter()
        .flat_map(|(asked, did)| asked.iter().zip(did))
}

impl<'a> Logs<'a> {
    pub(super) fn read(history: &'a History<Log>) -> Self {
        let mut logs = Self {
            keys: Vec::new(),
            numbers: BTreeMap::new(),
            sent: Vec::new(),
            sights: Vec::new(),
            seen: Vec::new(),
            acknowledged: 0,
            polled: 0,
            repeated: 0,
        };
        for (at, span) in history.spans().iter().enumerate() {
            if let LogCall::Do(steps) = &span.call {
                let results = match &span.outcome {
                    Outcome::Ok(LogReturn::Did { steps, .. }) => Some(steps),
                    _ => None,
                };
                for (step, asked) in steps.iter().enumerate() {
                    logs.add(at, step, asked, results.map(|results| &results[step]));
                }
            }
        }
        logs.sent.sort_unstable();
        logs.sights.sort_unstable();
        logs.seen.sort_unstable();
        logs.seen.dedup_by_key(|(key, value, _)| (*key, *value));
        let same = |a: &Sent, b: &Sent| (a.key, a.value) == (b.key, b.value);
        let groups = logs.sent.chunk_by(same);
        logs.repeated = groups.filter(|group| group.len() > 1).count() as u64;
        logs
    }

    fn add(&mut self, at: usize, step: usize, asked: &'a LogStep, did: Option<&'a LogSeen>) {
        if let LogStep::Send { key, value } = asked {
            let (key, value) = (self.number(key), *value);
            let offset = match did {
                Some(LogSeen::Sent(offset)) => *offset,
                _ => None,
            };
            self.acknowledged += u64::from(did.is_some());
            self.sent.push(Sent {
                key,
                value,
                at,
                step,
                offset,
            });
            self.sights.extend(offset.map(|offset| Sight {
                key,
                offset,
                value,
                at,
            }));
        }
        if let Some(LogSeen::Polled(logs)) = did {
            for (key, records) in logs {
                let key = self.number(key);
                self.polled += records.len() as u64;
                for record in records {
                    let value = record.value;
                    self.seen.push((key, value, at));
                    self.sights.extend(record.offset.map(|offset| Sight {
                        key,
                        offset,
                        value,
                        at,
                    }));
                }
            }
        }
    }

    fn number(&mut self, key: &'a Key) -> u32 {
        *self.numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            (self.keys.len() - 1) as u32
        })
    }

    /// The number of a log that some message is of.
    pub(super) fn find(&self, key: &Key) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    /// Who sent a message.
    pub(super) fn senders(&self, key: u32, value: i64) -> &[Sent] {
        let from = self
            .sent
            .partition_point(|s| (s.key, s.value) < (key, value));
        let rest = &self.sent[from..];
        &rest[..rest.partition_point(|s| (s.key, s.value) == (key, value))]
    }

    /// Who polled a message first.
    pub(super) fn poller(&self, key: u32, value: i64) -> Option<usize> {
        let found = self
            .seen
            .binary_search_by_key(&(key, value), |(k, v, _)| (*k, *v));
        found.ok().map(|at| self.seen[at].2)
    }

    /// What was seen between two offsets of a log, without these.
    pub(super) fn between(&self, key: u32, after: i64, before: i64) -> &[Sight] {
        let place = |sight: &Sight| (sight.key, sight.offset);
        let from = self.sights.partition_point(|s| place(s) <= (key, after));
        let to = self.sights.partition_point(|s| place(s) < (key, before));
        &self.sights[from..to.max(from)]
    }

    /// Acknowledged messages that nobody polled.
    pub(super) fn unpolled(&self) -> impl Iterator<Item = &Sent> {
        let offset = self.sent.iter().filter(|sent| sent.offset.is_some());
        offset.filter(|sent| self.poller(sent.key, sent.value).is_none())
    }

    pub(super) fn unseen(&self) -> u64 {
        self.unpolled().count() as u64
    }
}

/// What offsets and messages say without regard to who polled them after what.
pub(super) fn judge(logs: &Logs<'_>, history: &History<Log>, findings: &mut Findings<'_, Log>) {
    let words = Words(history);
    inconsistent(logs, &words, findings);
    duplicates(logs, &words, findings);
    unsent(logs, &words, findings);
    below_the_highest(logs, history, findings);
}

fn inconsistent(logs: &Logs<'_>, words: &Words<'_, Log>, findings: &mut Findings<'_, Log>) {
    for (a, b) in logs.sights.iter().zip(logs.sights.iter().skip(1)) {
        if (a.key, a.offset) == (b.key, b.offset) && a.value != b.value {
            let key = logs.keys[a.key as usize];
            findings.add("inconsistent-offsets", &[a.at, b.at], || Told {
                title: format!("two messages at offset {} of log {key}", a.offset),
                explanation: format!(
                    "{} {} So at offset {} of log {key} is {} for the one and {} for the other.",
                    words.call(a.at),
                    words.call(b.at),
                    a.offset,
                    a.value,
                    b.value
                ),
                key: Some(key.clone()),
                confidence: CERTAIN,
                minimal: true,
            });
        }
    }
}

fn duplicates(logs: &Logs<'_>, words: &Words<'_, Log>, findings: &mut Findings<'_, Log>) {
    let mut sights: Vec<&Sight> = logs.sights.iter().collect();
    sights.sort_unstable_by_key(|s| (s.key, s.value, s.offset, s.at));
    for (a, b) in sights.iter().zip(sights.iter().skip(1)) {
        let again = (a.key, a.value) == (b.key, b.value) && a.offset != b.offset;
        if !again || logs.senders(a.key, a.value).len() > 1 {
            continue;
        }
        let key = logs.keys[a.key as usize];
        let sender = logs.senders(a.key, a.value).first().map(|sent| sent.at);
        let calls: Vec<usize> = [a.at, b.at].into_iter().chain(sender).collect();
        findings.add("duplicate-message", &calls, || Told {
            title: format!("message twice in log {key}"),
            explanation: format!(
                "{} {} So {} is at offsets {} and {} of log {key}; it was sent once.",
                words.call(a.at),
                words.call(b.at),
                a.value,
                a.offset,
                b.offset
            ),
            key: Some(key.clone()),
            confidence: CERTAIN,
            minimal: true,
        });
    }
}

/// Polled messages that cannot be there.
fn unsent(logs: &Logs<'_>, words: &Words<'_, Log>, findings: &mut Findings<'_, Log>) {
    for &(key, value, at) in &logs.seen {
        let senders = logs.senders(key, value);
        let log = logs.keys[key as usize];
        let told = |title: String, explanation: String, confidence| Told {
            title,
            explanation,
            key: Some(log.clone()),
            confidence,
            minimal: true,
        };
        let Some(first) = senders.first() else {
            findings.add("phantom-value", &[at], || {
                let explanation =
                    format!("{} Nobody ever sent {value} to log {log}.", words.call(at));
                told(
                    format!("phantom message in log {log}"),
                    explanation,
                    CERTAIN,
                )
            });
            continue;
        };
        let failed = |sent: &Sent| matches!(words.span(sent.at).outcome, Outcome::Fail(_));
        if senders.iter().all(failed) {
            let calls: Vec<usize> = senders.iter().map(|s| s.at).chain([at]).collect();
            findings.add("aborted-read", &calls, || {
                let explanation = format!("{} {}", words.call(first.at), words.call(at));
                told(
                    format!("failed send polled from log {log}"),
                    explanation,
                    UNLESS_MISREPORTED,
                )
            });
            continue;
        }
        let polled = words.span(at).completed;
        let later = |sent: &Sent| polled.is_some_and(|polled| polled < words.span(sent.at).invoked);
        if senders.iter().all(|sent| failed(sent) || later(sent)) {
            let calls: Vec<usize> = senders.iter().map(|s| s.at).chain([at]).collect();
            findings.add("future-read", &calls, || {
                let explanation = format!(
                    "{} Only then was it sent: {}",
                    words.call(at),
                    words.call(first.at)
                );
                told(
                    format!("message polled before it was sent to log {log}"),
                    explanation,
                    CERTAIN,
                )
            });
        }
    }
}

/// Messages that nobody polled although a later one of the log was.
fn below_the_highest(logs: &Logs<'_>, history: &History<Log>, findings: &mut Findings<'_, Log>) {
    let words = Words(history);
    let may_have_polled = |span: &Span<Log>| match (&span.call, &span.outcome) {
        (LogCall::Do(steps), Outcome::Info(_)) => steps.contains(&LogStep::Poll),
        _ => false,
    };
    if history.spans().iter().any(may_have_polled) {
        return;
    }
    let mut highest: BTreeMap<u32, (i64, usize)> = BTreeMap::new();
    for (at, span) in history.spans().iter().enumerate() {
        for (_, seen) in did(span) {
            let LogSeen::Polled(polled) = seen else {
                continue;
            };
            for (key, records) in polled {
                let most = records.iter().filter_map(|record| record.offset).max();
                if let (Some(key), Some(offset)) = (logs.find(key), most) {
                    let so_far = highest.entry(key).or_insert((offset, at));
                    *so_far = (*so_far).max((offset, at));
                }
            }
        }
    }
    for sent in logs.unpolled() {
        let (Some(offset), Some(&(most, by))) = (sent.offset, highest.get(&sent.key)) else {
            continue;
        };
        // What is seen at its offset instead is another finding.
        if offset < most && logs.senders(sent.key, sent.value).len() == 1 {
            let (key, value) = (logs.keys[sent.key as usize], sent.value);
            findings.add("lost-write", &[sent.at, by], || Told {
                title: format!("lost message in log {key}"),
                explanation: format!(
                    "{} {} Offset {most} comes after offset {offset}, and nobody ever got {value}.",
                    words.call(sent.at), words.call(by)
                ),
                key: Some(key.clone()),
                confidence: "certain if consumers begin at the start of a log, or where others left off",
                minimal: true,
            });
        }
    }
}
