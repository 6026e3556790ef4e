//! `schism case`, hidden: one run of a campaign, as `schism run` starts it.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::run::{Called, Order, Strict, execute};
use crate::{
    args::{CaseArgs, Loudness},
    campaign::Suite,
    ci::Ci,
    config::{Config, Layers, SeedChoice},
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Runs it.
pub(crate) fn case(args: &CaseArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    end_with(args.parent)?;
    let suite = Suite::read(&args.suite)?;
    let missing = || {
        Failure::usage(format!(
            "{} has no case {}",
            args.suite.display(),
            args.number
        ))
    };
    let planned = suite.cases.get(args.number).ok_or_else(missing)?;
    let layers = Layers::recorded(suite.configs.get(&planned.name()).ok_or_else(missing)?);
    let SeedChoice::Fixed(seed) = planned.seed.parse().map_err(Failure::usage)? else {
        return Err(missing());
    };
    let order = Order {
        config: Config::of(&layers)?,
        layers,
        seed,
        called: Some(Called {
            case: planned.case.clone(),
            faults: planned.faults.clone(),
        }),
        baseline: Some(Strict(args.strict_baseline)),
        argv: suite.argv,
        // Whoever started this reads it.
        json: true,
        loudness: Loudness::of(args.quiet, args.verbose),
        progress: args.progress,
        on_unknown: args.on_unknown,
        place: None,
        // The campaign tells.
        ci: Ci::none(),
    };
    Ok(execute(order, terminal)?.exit)
}

/// When the process that started this one dies, this one is interrupted: it heals, judges what it has, and ends.
fn end_with(parent: u32) -> Result<(), Failure> {
    let broken =
        |e: rustix::io::Errno| Failure::infrastructure(format!("cannot follow the campaign: {e}"));
    set_parent_process_death_signal(Some(Signal::TERM)).map_err(broken)?;
    // It may have died before that.
    match getppid().map(Pid::as_raw_nonzero) {
        Some(now) if now.get().cast_unsigned() == parent => Ok(()),
        _ => Err(Failure::infrastructure(
            "the campaign that this case is of has ended",
        )),
    }
}
