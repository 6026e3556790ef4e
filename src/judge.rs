//! From a record to a report: the second half of every run, and all of `schism check`.

use std::time::Instant;

use checkers::{Budget, Check, Checker, Coverage, Linearizable, Stats};
use history::{History, Operation, Register, fault::FaultSpan};
use reports::{Report, RunMeta};

/// What is known of a record besides its calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Circumstances {
    /// What was run.
    pub(crate) meta: RunMeta,
    /// What the nemesis did.
    pub(crate) faults: Vec<FaultSpan>,
    /// What every register holds at first.
    pub(crate) initial: Option<i64>,
}

/// Judges registers. The history of another program is judged by its calls alone: of its faults and phases we know
/// nothing.
pub(crate) fn registers(
    history: &History<Register>,
    circumstances: Circumstances,
    budget: Budget,
) -> Report {
    let Circumstances {
        meta,
        faults,
        initial,
    } = circumstances;
    let mut checks = vec![timed(
        &Linearizable::starting_with(initial),
        history,
        budget,
    )];
    if !meta.imported {
        let mut coverage =
            Coverage::register().final_reads_from(meta.phases.final_reads.map(|w| w.from));
        if !meta.faults.is_empty() {
            coverage = coverage.faults(faults.clone());
        }
        checks.push(timed(&coverage, history, budget));
    }
    checks.push(timed(&Stats::register(), history, budget));
    Report::new(meta, history, checks, faults)
}

fn timed<O: Operation>(checker: &impl Checker<O>, history: &History<O>, budget: Budget) -> Check {
    let began = Instant::now();
    let verdict = checker.check(history, budget);
    Check {
        name: checker.name().to_owned(),
        decides: checker.decides(),
        verdict,
        took: began.elapsed(),
    }
}
