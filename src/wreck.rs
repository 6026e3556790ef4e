//! A run that broke on our side: it is recorded all the same, with a page that says what failed and what to do.
//!
//! A run that could not even reach its nodes has no directory yet: it gets one here, because a nightly that has been failing
//! to connect for a week is something that the index must show.

use std::panic::{AssertUnwindSafe, catch_unwind};

use history::fault::FaultSpan;
use reports::{RunMeta, broken};
use runner::store::{HISTORY, RunDir, STATE, State};

use crate::{
    config::{Config, LabChoice},
    logs,
    record::Record,
    ui::Ui,
};

/// Writes the page into a run's directory. As with every page, one that cannot be written changes nothing.
pub(crate) fn tell(dir: &RunDir, message: &str, ui: &Ui) {
    let page = catch_unwind(AssertUnwindSafe(|| broken::page(&broken(dir, message, ui))));
    match page.map(|page| dir.write_text("report.html", &page)) {
        Ok(Ok(())) => {}
        Ok(Err(e)) => ui.warn(&e.to_string()),
        Err(_) => ui.warn("report.html could not be rendered; the verdict stands"),
    }
}

fn broken(dir: &RunDir, message: &str, ui: &Ui) -> broken::Aftermath {
    let record = Record::read(dir.path()).ok();
    let (mut meta, faults) = record.map_or_else(
        || (RunMeta::default(), Vec::new()),
        |record| (record.meta, record.faults),
    );
    if meta.run.is_empty() {
        meta.run = dir.id();
    }
    let remaining = faults
        .iter()
        .filter(|fault| fault.injected.is_some() && fault.healed.is_none());
    let text = |name: &str| std::fs::read(dir.path().join(name)).unwrap_or_default();
    let log = String::from_utf8_lossy(&text("log.txt")).into_owned();
    broken::Aftermath {
        phase: match ui.current_phase() {
            // Of a run that another process made.
            phase if phase.is_empty() => last_phase(&text(STATE)),
            phase => phase,
        },
        message: message.to_owned(),
        calls: invocations(&text(HISTORY)),
        in_force: remaining.map(FaultSpan::label).collect(),
        log: log.lines().map(str::to_owned).collect(),
        logs: logs::read(dir.path()),
        meta,
    }
}

/// The phase that a run was in when it said so last.
fn last_phase(state: &[u8]) -> String {
    let state: Option<State> = serde_json::from_slice(state).ok();
    state.map_or_else(String::new, |state| state.phase)
}

/// How many calls a history begins.
fn invocations(history: &[u8]) -> u64 {
    let begins = |line: &&[u8]| {
        line.windows(INVOKE.len())
            .any(|part| part == INVOKE.as_bytes())
    };
    let lines = history.split(|b| *b == b'\n');
    lines.filter(begins).count() as u64
}

/// How a call begins in a history, as the journal writes it.
const INVOKE: &str = "\"type\":\"invoke\"";

/// The names that the nodes of a run will have, as far as its configuration says.
pub(crate) fn names(config: &Config) -> Vec<String> {
    let numbered = |n: u8| (1..=n).map(|i| format!("n{i}")).collect();
    match (&config.cluster.lab, config.cluster.nodes.as_slice()) {
        (Some(LabChoice::Nodes(n)), _) => numbered(*n),
        (Some(LabChoice::Name(_)), _) => Vec::new(),
        (None, []) => numbered(config.target.nodes),
        (None, nodes) => nodes
            .iter()
            .enumerate()
            .map(|(i, node)| node.name.clone().unwrap_or_else(|| format!("n{}", i + 1)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_as_the_journal_writes_them() {
        let history = b"{\"schema\":1}\n{\"index\":0,\"type\":\"invoke\"}\n{\"index\":1,\"type\":\"ok\"}\n{\"index\":2,\"type\":\"invoke\"}\n{\"ind";
        assert_eq!(invocations(history), 2);
    }
}
