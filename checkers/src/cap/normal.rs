//! The normal case: how long calls take while no fault is in force, and whether reads are behind then.

use history::{History, Nanos, Operation, Outcome};

use super::{Cap, Latency, Normal, Use, blame::findings, words};

/// What it is like without faults.
pub(super) fn normal<O: Operation>(cap: &Cap<O>, history: &History<O>) -> Normal {
    let faulty = faulty(cap);
    let latency = |of: Use| {
        let calls = history.spans().iter().filter(|span| {
            matches!(span.outcome, Outcome::Ok(_)) && (cap.serves)(&span.call) == Some(of)
        });
        let took = calls.filter_map(|span| {
            let end = span.end?;
            (!overlaps(&faulty, span.start, end)).then(|| end.0.saturating_sub(span.start.0))
        });
        quantiles(took.collect())
    };
    let findings = findings(cap).filter(|f| !overlaps(&faulty, f.from, f.until));
    let mut normal = Normal {
        reads: latency(Use::Read),
        writes: latency(Use::Write),
        staleness: cap.staleness,
        findings: findings.count() as u64,
        sentence: String::new(),
    };
    normal.sentence = words::normal(&normal, !cap.judged.is_empty());
    normal
}

/// When some fault may have been in force: disjoint, in order.
fn faulty<O: Operation>(cap: &Cap<O>) -> Vec<(Nanos, Nanos)> {
    let mut windows: Vec<(Nanos, Nanos)> = cap
        .faults
        .iter()
        .filter(|fault| fault.injected.is_some() || !fault.errors.is_empty())
        .map(|fault| (fault.began, fault.healed.unwrap_or(Nanos(u64::MAX))))
        .collect();
    windows.sort_unstable();
    let mut joined: Vec<(Nanos, Nanos)> = Vec::new();
    for (from, until) in windows {
        match joined.last_mut() {
            Some((_, end)) if *end >= from => *end = until.max(*end),
            _ => joined.push((from, until)),
        }
    }
    joined
}

fn overlaps(faulty: &[(Nanos, Nanos)], from: Nanos, until: Nanos) -> bool {
    let first = faulty.partition_point(|(_, end)| *end < from);
    faulty.get(first).is_some_and(|(start, _)| *start <= until)
}

fn quantiles(mut took: Vec<u64>) -> Option<Latency> {
    took.sort_unstable();
    let at = |share: usize| {
        let rank = (took.len() * share).div_ceil(100).max(1);
        took.get(rank - 1).map(|ns| Nanos(*ns))
    };
    Some(Latency {
        calls: took.len() as u64,
        median: at(50)?,
        p99: at(99)?,
    })
}
