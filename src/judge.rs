//! From a history to a report: the second half of every run, and all of `schism check`.

use std::time::Instant;

use checkers::{
    Budget, Check, Checker, Coverage, Stats,
    cap::{Cap, Use},
};
use history::{Codec, History, Operation, fault::FaultSpan};
use reports::{NodeLog, Report, RunMeta};

use crate::subject::About;

/// What is known of a record besides its calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Circumstances {
    /// What was run.
    pub(crate) meta: RunMeta,
    /// What the nemesis did.
    pub(crate) faults: Vec<FaultSpan>,
    /// What the nodes wrote.
    pub(crate) logs: Vec<NodeLog>,
    /// What was found before. Then nothing is judged again.
    pub(crate) judged: Option<Vec<Check>>,
}

/// The checkers that judge every run, whatever its workload.
const OF_EVERY_RUN: [&str; 3] = ["coverage", "cap", "stats"];

/// Judges by these checkers, and by those that judge every history. The history of another program is judged by its calls
/// alone: of its faults and phases we know nothing.
pub(crate) fn judge<O: Codec>(
    history: &History<O>,
    checkers: &[Box<dyn Checker<O>>],
    is_read: fn(&O::Call) -> bool,
    circumstances: Circumstances,
    budget: Budget,
) -> Report {
    let Circumstances {
        meta,
        faults,
        logs,
        judged,
    } = circumstances;
    let serves = move |call: &O::Call| Some(if is_read(call) { Use::Read } else { Use::Write });
    let partitioned = |fault: &FaultSpan| fault.kind == "partition" && fault.took_effect();
    // Of availability there is something to say only where somebody was cut off.
    let cap = faults
        .iter()
        .any(partitioned)
        .then(|| Cap::<O>::new(serves).faults(faults.clone()));
    let told = |cap: Cap<O>, checks: &[Check]| {
        let by_workload = checks
            .iter()
            .filter(|check| !OF_EVERY_RUN.contains(&check.name.as_str()));
        by_workload.fold(cap, |cap, check| {
            cap.judged(&check.name, check.verdict.clone())
        })
    };
    let (checks, cap) = match judged {
        Some(checks) => {
            let cap = cap.map(|cap| told(cap, &checks));
            (checks, cap)
        }
        None => {
            let mut checks: Vec<Check> = checkers
                .iter()
                .map(|checker| timed(&**checker, history, budget))
                .collect();
            let cap = cap.map(|cap| told(cap, &checks));
            if !meta.imported {
                let mut coverage = Coverage::<O>::new(is_read)
                    .final_reads_from(meta.phases.final_reads.map(|window| window.from));
                if !meta.faults.is_empty() {
                    coverage = coverage.faults(faults.clone());
                }
                checks.push(timed(&coverage, history, budget));
            }
            checks.extend(cap.as_ref().map(|cap| timed(cap, history, budget)));
            checks.push(timed(&Stats::<O>::by(O::name), history, budget));
            (checks, cap)
        }
    };
    let card = cap.map(|cap| cap.card(history));
    // Of another program's history no page is made.
    let report = match meta.imported {
        true => Report::without_calls(meta, history, checks, faults),
        false => Report::new(meta, history, checks, faults),
    };
    let report = report.with_sides(history, &serves).with_logs(&logs);
    match card {
        Some(card) => report.with_cap(card),
        None => report,
    }
}

/// What those say of themselves that judge every run, whatever its workload.
pub(crate) fn of_every_run<O: Codec>(is_read: fn(&O::Call) -> bool) -> Vec<About> {
    let serves = move |call: &O::Call| Some(if is_read(call) { Use::Read } else { Use::Write });
    vec![
        About::of(&Coverage::<O>::new(is_read)),
        About::of(&Cap::<O>::new(serves)),
        About::of(&Stats::<O>::by(O::name)),
    ]
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
