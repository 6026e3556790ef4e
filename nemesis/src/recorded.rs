//! From what a run recorded to a script that repeats it: the same faults, drawn from the same seeds among the same
//! others, at the same times since the start, for as long.
//!
//! A fault's plan itself is not repeated: its commands name addresses, ports and directories of a cluster that is gone.
//! It is made again from the same order, and its order has everything that it was made from but the answer to who leads.
//! So a fault that was aimed at the leader is aimed at whoever leads then; [`Line::was`] says whom it met.

use std::{path::Path, time::Duration};

use history::{
    Nanos,
    fault::{FaultEvent, FaultId, FaultStep},
};

use crate::{Among, LedgerError, Line, Order, Time, TimeRange, ledger::planned_in};

/// The script that repeats the faults in this ledger, of which these are the steps. A fault that nobody healed lasts
/// until the end of the run.
pub fn script(ledger: &Path, steps: &[FaultEvent]) -> Result<Vec<Line>, LedgerError> {
    // To the millisecond: no order is carried out more exactly than that.
    let when = |fault: FaultId, step: FaultStep| {
        let events = steps.iter().filter(|e| e.fault == fault && e.step == step);
        let first = events.map(|event| event.time).min()?;
        Some(Nanos(first.0.next_multiple_of(1_000_000)))
    };
    let mut lines: Vec<Line> = Vec::new();
    for (order, plan) in planned_in(ledger)? {
        let (fault, spec, seed, among) = match order {
            Order::Repeat {
                fault,
                spec,
                seed,
                among,
            } => (fault, spec, seed, among),
            Order::Inject { fault, spec, seed } => (fault, spec, seed, Among::default()),
            Order::Watch { .. } | Order::Heal { .. } => continue,
        };
        // What is in the ledger and not on the track was never begun: schism died in between.
        let Some(at) = when(fault, FaultStep::Plan) else {
            continue;
        };
        let healed = when(fault, FaultStep::Heal);
        lines.push(Line {
            at: Some(Time(at.since(Nanos(0)))),
            lasting: healed.map(|healed| {
                let lasting = healed.since(at).max(Duration::from_millis(1));
                TimeRange::exactly(lasting)
            }),
            inject: Some(spec),
            seed: Some(seed),
            among,
            was: Some(match plan.what.starts_with(plan.kind.word()) {
                true => plan.what,
                false => plan.to_string(),
            }),
            ..Line::default()
        });
    }
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}
