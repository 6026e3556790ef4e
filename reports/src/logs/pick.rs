//! Which lines of a log are told: what broke, who led, and what was said around findings and faults; of what is said over
//! and over, the first few.

use std::collections::BTreeMap;

use history::Nanos;

use super::{LogKind, LogLine, MAX_FINDINGS, MAX_LINES};
use crate::Report;

/// So near to a finding or to the edge of a fault a line is worth telling.
const NEAR: i64 = 500_000_000;
/// How many lines that say the same are told.
const SAME: u64 = 3;
/// Each of these is news, however often.
const SAME_NEWS: u64 = 12;
/// So many lines after a panic are its trace.
const TRACE: usize = 12;
/// Where nothing stands out, so many lines from the end are better than none.
const LAST: usize = 5;

/// The lines to tell, in the order of the log.
pub(super) fn pick(lines: Vec<LogLine>, report: &Report) -> Vec<LogLine> {
    let times = Times::of(report);
    let total = lines.len();
    let mut ranked: Vec<(u8, usize)> = Vec::new();
    let mut trace = 0;
    for (i, line) in lines.iter().enumerate() {
        trace = match (line.kind, line.continues) {
            (LogKind::Panic, _) => TRACE,
            (_, true) => trace,
            _ => 0,
        };
        let rank = times.rank(line);
        match rank {
            None if trace > 0 => ranked.push((1, i)),
            _ => ranked.extend(rank.map(|rank| (rank, i))),
        }
        trace = trace.saturating_sub(1);
    }
    if ranked.is_empty() {
        ranked = (total.saturating_sub(LAST)..total)
            .map(|i| (9, i))
            .collect();
    }
    // Said over and over: later ones are counted on the last that is told.
    let mut same: BTreeMap<(LogKind, String), (u64, usize)> = BTreeMap::new();
    let mut more: BTreeMap<usize, u64> = BTreeMap::new();
    ranked.sort_unstable_by_key(|(_, i)| *i);
    ranked.retain(|(_, i)| {
        let line = &lines[*i];
        let most = match line.kind {
            LogKind::Leader | LogKind::Start | LogKind::Panic => SAME_NEWS,
            _ => SAME,
        };
        let (told, last) = same
            .entry((line.kind, shape(&line.text)))
            .or_insert((0, *i));
        *told += 1;
        if *told > most {
            *more.entry(*last).or_default() += 1;
            return false;
        }
        *last = *i;
        true
    });
    ranked.sort_unstable();
    ranked.truncate(MAX_LINES);
    ranked.sort_unstable_by_key(|(_, i)| *i);
    let mut chosen = ranked.into_iter().map(|(_, i)| i).peekable();
    let mut told = Vec::new();
    for (i, mut line) in lines.into_iter().enumerate() {
        if chosen.next_if_eq(&i).is_some() {
            line.more = more.get(&i).copied().unwrap_or(0);
            told.push(line);
        }
    }
    told
}

/// When something happened that lines may explain.
struct Times {
    findings: Vec<(i64, i64)>,
    edges: Vec<i64>,
    until: i64,
}

impl Times {
    fn of(report: &Report) -> Self {
        let signed = |at: Nanos| i64::try_from(at.0).unwrap_or(i64::MAX);
        let findings = report.findings.iter().take(MAX_FINDINGS);
        let faults = report.faults.iter().filter(|f| f.span.injected.is_some());
        Self {
            findings: findings
                .map(|f| (signed(f.finding.from), signed(f.finding.until)))
                .collect(),
            edges: faults
                .flat_map(|f| std::iter::once(f.span.began).chain(f.span.healed))
                .map(signed)
                .collect(),
            until: signed(report.series.until),
        }
    }

    /// The smaller, the more it is worth; `None` for what nobody misses.
    fn rank(&self, line: &LogLine) -> Option<u8> {
        let broken = match line.kind {
            LogKind::Panic => Some(0),
            LogKind::Error => Some(1),
            _ => None,
        };
        let Some(at) = line.at else {
            return broken.or(match line.kind {
                LogKind::Leader | LogKind::Start => Some(2),
                LogKind::Warning => Some(6),
                _ => None,
            });
        };
        // Before and after the run everything starts and stops.
        if !(0..=self.until).contains(&at) {
            return broken;
        }
        let news = matches!(line.kind, LogKind::Leader | LogKind::Start).then_some(2);
        let findings = self.findings.iter();
        let mut near = findings.map(|(from, until)| from - NEAR..=until.saturating_add(NEAR));
        let by_finding = near.any(|window| window.contains(&at)).then_some(3);
        let by_fault = self
            .edges
            .iter()
            .any(|edge| edge.abs_diff(at) <= NEAR as u64);
        let warning = line.kind == LogKind::Warning;
        broken
            .or(news)
            .or(by_finding)
            .or(match (warning, by_fault) {
                (true, true) => Some(4),
                (false, true) => Some(5),
                (true, false) => Some(6),
                (false, false) => None,
            })
    }
}

/// What a line says whatever its numbers are.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut in_number = false;
    for c in text.chars().take(120) {
        let number = c.is_ascii_hexdigit() && (in_number || c.is_ascii_digit());
        match (number, in_number) {
            (true, true) => {}
            (true, false) => shape.push('#'),
            (false, _) => shape.push(c),
        }
        in_number = number;
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_numbers_say_the_same() {
        assert_eq!(shape("took 12.5ms for 8e9f"), shape("took 7.25ms for 0a"));
        assert_ne!(shape("lost leader"), shape("found leader"));
    }
}
