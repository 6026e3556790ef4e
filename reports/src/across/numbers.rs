//! How fast a run was, second by second: what comparing two runs needs, read from the journal without knowing its
//! operations.
//!
//! Latencies are kept in bins a 32nd of an octave wide, about 2 %: the counts of two seconds add up, and a quantile of any
//! set of seconds is one pass over the bins.

use std::{borrow::Cow, collections::BTreeMap};

use history::Nanos;
use serde::Deserialize;

use crate::{Counts, Window, across::Brief};

/// Bins an octave.
const FINE: f64 = 32.0;
/// Enough for any number of nanoseconds.
const BINS: usize = 64 * FINE as usize + 1;
const SECOND: u64 = 1_000_000_000;

/// One second of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Second {
    /// How the calls made in it ended.
    pub counts: Counts,
    /// Latencies of the `ok` ones: bin and number.
    pub latencies: BTreeMap<u16, u64>,
}

impl Second {
    /// Counts an `ok` call.
    pub fn ok(&mut self, latency: Nanos) {
        self.counts.ok += 1;
        *self.latencies.entry(bin(latency)).or_default() += 1;
    }
}

/// A run, second by second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Numbers {
    /// From the start of the workload to its end.
    pub seconds: Vec<Second>,
    /// The longest stretch of it without an `ok` answer from anybody.
    pub outage: Nanos,
}

/// What is read of a line of a journal.
#[derive(Deserialize)]
struct Line<'a> {
    time: u64,
    process: u32,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

impl Numbers {
    /// Of the lines of a journal, of what happened in `window`. Lines that are none, a torn last one for example, are
    /// passed over: who judges the run says what is wrong with them. O(n).
    pub fn of_journal<'a>(
        lines: impl IntoIterator<Item = &'a str>,
        window: Option<Window>,
    ) -> Self {
        let (from, until) = window.map_or((0, u64::MAX), |w| (w.from.0, w.until.0));
        let mut open: BTreeMap<u32, u64> = BTreeMap::new();
        let mut numbers = Self::default();
        let (mut last_ok, mut end) = (from, from);
        for line in lines {
            let Ok(line) = serde_json::from_str::<Line<'_>>(line) else {
                continue;
            };
            if line.kind == "invoke" {
                open.insert(line.process, line.time);
                continue;
            }
            let Some(start) = open.remove(&line.process) else {
                continue;
            };
            if !(from..=until).contains(&start) {
                continue;
            }
            end = end.max(line.time.min(until));
            let second = numbers.second(start - from);
            match &*line.kind {
                "ok" => {
                    second.ok(Nanos(line.time.saturating_sub(start)));
                    let silent = line.time.saturating_sub(last_ok);
                    numbers.outage = numbers.outage.max(Nanos(silent));
                    last_ok = last_ok.max(line.time);
                }
                "fail" => second.counts.fail += 1,
                _ => second.counts.info += 1,
            }
        }
        for start in open.into_values().filter(|s| (from..=until).contains(s)) {
            numbers.second(start - from).counts.info += 1;
        }
        numbers.outage = numbers.outage.max(Nanos(end.saturating_sub(last_ok)));
        numbers
    }

    /// The second that `after` the beginning is in; a day is enough for anybody's clock.
    fn second(&mut self, after: u64) -> &mut Second {
        let i = (after / SECOND).min(86_400) as usize;
        if self.seconds.len() <= i {
            self.seconds.resize_with(i + 1, Second::default);
        }
        &mut self.seconds[i]
    }

    /// In four numbers; `None` where no call was `ok`.
    pub fn brief(&self) -> Option<Brief> {
        let all: Vec<&Second> = self.seconds.iter().collect();
        let figures = Figures::of(&all)?;
        Some(Brief {
            p50: Nanos(figures.p50 as u64),
            p99: Nanos(figures.p99 as u64),
            rate: figures.rate,
            outage: self.outage,
        })
    }
}

/// What is compared, of some seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    /// Median latency, in nanoseconds.
    pub(super) p50: f64,
    /// 99th percentile.
    pub(super) p99: f64,
    /// `ok` calls a second.
    pub(super) rate: f64,
    /// The share of calls that were not `ok`.
    pub(super) errors: f64,
}

impl Figures {
    /// `None` where no call was `ok`.
    pub(super) fn of(seconds: &[&Second]) -> Option<Self> {
        let mut bins = vec![0u64; BINS];
        let mut counts = Counts::default();
        for second in seconds {
            counts.ok += second.counts.ok;
            counts.fail += second.counts.fail;
            counts.info += second.counts.info;
            for (bin, n) in &second.latencies {
                bins[usize::from(*bin)] += n;
            }
        }
        (counts.ok > 0).then(|| Self {
            p50: quantile(&bins, counts.ok, 0.5),
            p99: quantile(&bins, counts.ok, 0.99),
            rate: counts.ok as f64 / seconds.len() as f64,
            errors: (counts.fail + counts.info) as f64 / counts.total() as f64,
        })
    }
}

fn bin(latency: Nanos) -> u16 {
    ((latency.0.max(1) as f64).log2() * FINE) as u16
}

/// The middle of the bin in which the quantile is, moved within it by where it is among the bin's own.
fn quantile(bins: &[u64], of: u64, q: f64) -> f64 {
    let wanted = q * (of - 1) as f64;
    let mut before = 0;
    for (bin, n) in bins.iter().enumerate() {
        if *n > 0 && (before + n) as f64 > wanted {
            let within = (wanted - before as f64 + 0.5) / *n as f64;
            return ((bin as f64 + within.clamp(0.0, 1.0)) / FINE).exp2();
        }
        before += n;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(process: u32, at: u64, took: u64, kind: &str) -> String {
        format!(
            "{{\"index\":0,\"time\":{at},\"process\":{process},\"type\":\"invoke\",\"f\":\"read\"}}\n\
             {{\"index\":1,\"time\":{},\"process\":{process},\"type\":\"{kind}\",\"f\":\"read\"}}\n",
            at + took
        )
    }

    #[test]
    fn calls_are_counted_in_the_second_in_which_they_were_made() {
        let ms = SECOND / 1000;
        let mut text = String::new();
        for i in 0..100 {
            text.push_str(&call(0, i * 10 * ms, (i + 1) * ms / 10, "ok"));
        }
        text.push_str(&call(1, 4 * SECOND, ms, "fail"));
        text.push_str(&call(2, 4 * SECOND, 9 * SECOND, "info"));
        text.push_str("{\"index\":9,\"time\":5,\"proc");
        let numbers = Numbers::of_journal(text.lines(), None);
        let counts: Vec<u64> = numbers.seconds.iter().map(|s| s.counts.total()).collect();
        assert_eq!(counts, [100, 0, 0, 0, 2]);
        let brief = numbers.brief().unwrap();
        let near = |got: Nanos, ms: f64| (got.0 as f64 / 1e6 / ms - 1.0).abs() < 0.03;
        assert!(near(brief.p50, 5.05) && near(brief.p99, 9.9), "{brief:?}");
        assert!(numbers.outage.0 > 11 * SECOND, "{:?}", numbers.outage);
    }

    #[test]
    fn what_is_outside_of_the_workload_does_not_count() {
        let text = call(0, 5, 10, "ok") + &call(0, 500, 10, "ok");
        let window = Window {
            from: Nanos(100),
            until: Nanos(1000),
        };
        let numbers = Numbers::of_journal(text.lines(), Some(window));
        assert_eq!(numbers.seconds[0].counts.ok, 1);
        assert_eq!(numbers.outage, Nanos(410));
    }
}
