//! How far behind consumers were: the least time for which there had certainly been something newer than what they got.

use std::collections::BTreeMap;

use history::{
    History, Index, Nanos, Outcome, Process,
    ops::{Log, LogCall, LogReturn, LogSeen},
};

use super::orders::Logs;

/// The poll that was most behind.
pub(super) struct Lag {
    pub(super) behind: Nanos,
    pub(super) key: u32,
    pub(super) poll: Index,
}

/// The worst lag of an answer to a poll; `None` if there was no poll of a log of which something is known.
///
/// An answer whose highest offset is `h` was current until some call that had seen a higher one ended. Empty answers say
/// that the consumer is where it was, as far as it was assigned its logs.
pub(super) fn worst(logs: &Logs<'_>, history: &History<Log>) -> Option<Lag> {
    let expired = expired(logs, history);
    let mut positions: BTreeMap<Process, (bool, BTreeMap<u32, i64>)> = BTreeMap::new();
    let mut worst: Option<Lag> = None;
    for span in history.spans() {
        let (assigned, position) = positions.entry(span.process).or_default();
        let LogCall::Do(_) = &span.call else {
            *assigned = matches!(span.call, LogCall::Assign { .. });
            position.clear();
            continue;
        };
        if !*assigned {
            position.clear();
        }
        let Outcome::Ok(LogReturn::Did { steps, .. }) = &span.outcome else {
            continue;
        };
        let mut polled = false;
        for step in steps {
            let LogSeen::Polled(came) = step else {
                continue;
            };
            polled = true;
            for (log, records) in came {
                let most = records.iter().filter_map(|record| record.offset).max();
                if let (Some(key), Some(most)) = (logs.find(log), most) {
                    position.insert(key, most);
                }
            }
        }
        if !polled {
            continue;
        }
        for (&key, &highest) in position.iter() {
            let list = &expired[key as usize];
            let newer = list.partition_point(|(offset, _)| *offset <= highest);
            let since = list.get(newer).map(|(_, time)| *time);
            let behind = since.map_or(0, |since| span.start.0.saturating_sub(since.0));
            if worst.as_ref().is_none_or(|worst| worst.behind.0 < behind) {
                worst = Some(Lag {
                    behind: Nanos(behind),
                    key,
                    poll: span.invoked,
                });
            }
        }
    }
    worst
}

/// Of each log: its offsets, each with when it, or a later one, was first known to be there.
fn expired(logs: &Logs<'_>, history: &History<Log>) -> Vec<Vec<(i64, Nanos)>> {
    let mut known: Vec<Vec<(i64, Nanos)>> = vec![Vec::new(); logs.keys.len()];
    for sight in &logs.sights {
        let list = &mut known[sight.key as usize];
        let Some(end) = history.spans()[sight.at].end else {
            continue;
        };
        match list.last_mut() {
            Some((offset, first)) if *offset == sight.offset => *first = end.min(*first),
            _ => list.push((sight.offset, end)),
        }
    }
    for list in &mut known {
        let mut earliest = Nanos(u64::MAX);
        for (_, time) in list.iter_mut().rev() {
            earliest = earliest.min(*time);
            *time = earliest;
        }
    }
    known
}
