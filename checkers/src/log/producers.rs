//! What each client sent after what, and what transactions saw of themselves.

use std::collections::BTreeMap;

use history::{
    History, Outcome, Process,
    ops::{Log, LogSeen, LogStep},
};

use super::orders::{Logs, Sent, did};
use crate::{
    findings::{CERTAIN, Findings, Told},
    words::Words,
};

/// Judges the sends of each client, and the polls of each transaction that also sends.
pub(super) fn judge(logs: &Logs<'_>, history: &History<Log>, findings: &mut Findings<'_, Log>) {
    let words = Words(history);
    let mut sent: Vec<&Sent> = logs
        .sent
        .iter()
        .filter(|sent| sent.offset.is_some())
        .collect();
    sent.sort_unstable_by_key(|sent| (sent.at, sent.step));
    let mut last: BTreeMap<(Process, u32), &Sent> = BTreeMap::new();
    for sent in sent {
        let process = history.spans()[sent.at].process;
        let Some(before) = last.insert((process, sent.key), sent) else {
            continue;
        };
        let (Some(first), Some(second)) = (before.offset, sent.offset) else {
            continue;
        };
        if first < second {
            continue;
        }
        let key = logs.keys[sent.key as usize];
        let (code, inside) = match before.at == sent.at {
            true => ("int-nonmonotonic-send", " within one call"),
            false => ("nonmonotonic-send", ""),
        };
        findings.add(code, &[before.at, sent.at], || Told {
            title: format!("sends to log {key} in the wrong order{inside}"),
            explanation: format!(
                "{} {} It sent {} first, and it is at offset {first} of log {key}; {} came after it{inside}, and is at offset {second}.",
                words.call(before.at), words.call(sent.at), before.value, sent.value
            ),
            key: Some(key.clone()),
            confidence: CERTAIN,
            minimal: true,
        });
    }
    for (at, span) in history.spans().iter().enumerate() {
        if matches!(span.outcome, Outcome::Ok(_)) {
            precommitted(at, &words, findings);
        }
    }
}

/// A transaction that got what it sent: consumers shall see only what is committed.
fn precommitted(at: usize, words: &Words<'_, Log>, findings: &mut Findings<'_, Log>) {
    let span = words.span(at);
    let sends = did(span).filter_map(|(step, _)| match step {
        LogStep::Send { key, value } => Some((key, *value)),
        LogStep::Poll => None,
    });
    let sends: Vec<_> = sends.collect();
    if sends.is_empty() {
        return;
    }
    for (_, seen) in did(span) {
        let LogSeen::Polled(polled) = seen else {
            continue;
        };
        for (key, records) in polled {
            let own = records.iter().find(|r| sends.contains(&(key, r.value)));
            if let Some(own) = own {
                findings.add("precommitted-read", &[at], || Told {
                    title: format!("transaction polled its own send to log {key}"),
                    explanation: format!(
                        "{} It polled {} before it was committed.",
                        words.call(at),
                        own.value
                    ),
                    key: Some(key.clone()),
                    confidence: CERTAIN,
                    minimal: true,
                });
            }
        }
    }
}
