//! From a history to a report: the second half of every run, and all of `schism check`.

use std::time::Instant;

use checkers::{
    Budget, Check, Checker, Coverage, Stats,
    cap::{Cap, Use},
};
use history::{Codec, History, Operation, fault::FaultSpan};
use reports::{NodeLog, Report, RunMeta};

/// What is known of a record besides its calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Circumstances {
    /// What was run.
    pub(crate) meta: RunMeta,
    /// What the nemesis did.
    pub(crate) faults: Vec<FaultSpan>,
    /// What the nodes wrote.
    pub(crate) logs: Vec<NodeLog>,
}

/// Judges by these checkers, and by those that judge every history. The history of another program is judged by its calls
/// alone: of its faults and phases we know nothing.
pub(crate) fn judge<O: Codec>(
    history: &History<O>,
    checkers: &[Box<dyn Checker<O>>],
    is_read: fn(&O::Call) -> bool,
    circumstances: Circumstances,
    budget: Budget,
) -> Report {
    let Circumstances { meta, faults, logs } = circumstances;
    let mut checks: Vec<Check> = checkers
        .iter()
        .map(|checker| timed(&**checker, history, budget))
        .collect();
    if !meta.imported {
        let mut coverage = Coverage::<O>::new(is_read)
            .final_reads_from(meta.phases.final_reads.map(|window| window.from));
        if !meta.faults.is_empty() {
            coverage = coverage.faults(faults.clone());
        }
        checks.push(timed(&coverage, history, budget));
    }
    // Of availability there is something to say only where somebody was cut off.
    let mut card = None;
    let serves = move |call: &O::Call| Some(if is_read(call) { Use::Read } else { Use::Write });
    let partitioned = |fault: &FaultSpan| fault.kind == "partition" && fault.took_effect();
    if faults.iter().any(partitioned) {
        let mut cap = Cap::<O>::new(serves).faults(faults.clone());
        for check in &checks[..checkers.len()] {
            cap = cap.judged(&check.name, check.verdict.clone());
        }
        checks.push(timed(&cap, history, budget));
        card = Some(cap.card(history));
    }
    checks.push(timed(&Stats::<O>::by(O::name), history, budget));
    let report = Report::new(meta, history, checks, faults)
        .with_sides(history, &serves)
        .with_logs(&logs);
    match card {
        Some(card) => report.with_cap(card),
        None => report,
    }
}

fn timed<O: Operation>(checker: &dyn Checker<O>, history: &History<O>, budget: Budget) -> Check {
    let began = Instant::now();
    let verdict = checker.check(history, budget);
    Check {
        name: checker.name().to_owned(),
        decides: checker.decides(),
        verdict,
        took: began.elapsed(),
    }
}
