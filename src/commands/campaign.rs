//! `schism run` where it is many runs: chooses the cases, has them run, and says how they ended.

use chrono::Utc;
use serde_json::json;

use super::{
    run::{choose, random},
    together,
};
use crate::{
    args::{Loudness, RunArgs},
    baseline,
    campaign::{self, Case, Expr, Flags, Manner, Options, Planned, Shard, State, Suite},
    ci::Ci,
    config::{Config, Layers, Sources},
    exit::{Exit, Failure},
    index,
    terminal::Terminal,
};

/// Whether anything that was said is about many runs.
pub(crate) fn is_one(args: &RunArgs, config: &Config) -> bool {
    let said = &args.campaign;
    said.expr.is_some()
        || said.dry_run
        || said.shard.is_some()
        || said.until_fail
        || config.budget.is_some()
        || config.repeat > 1
        || config.retry_errors > 0
        || !config.cases.is_empty()
}

/// Begins one.
pub(crate) fn begin(
    args: &RunArgs,
    sources: &Sources<'_>,
    config: &Config,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let said = &args.campaign;
    let expr = said.expr.as_deref().map(Expr::parse).transpose()?;
    let shard: Option<Shard> = said
        .shard
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(Failure::usage)?;
    let flags = Flags {
        faults: args.faults.as_deref(),
    };
    let cases = campaign::expand(sources, &flags)?;
    let mut cases = campaign::named(cases, sources.names, expr.as_ref())?;
    if config.budget.is_some() {
        campaign::by_need(&mut cases, &index::read(&terminal.store()?)?);
    }
    let options = Options {
        // A hunt goes on without end unless somebody says how often.
        repeat: match (said.until_fail, config.repeat) {
            (true, 1) => 0,
            (_, repeat) => repeat,
        },
        until_fail: said.until_fail,
        budget: config.budget.map(|time| time.0.as_secs()),
        retry_errors: config.retry_errors,
        jobs: config.jobs,
    };
    refuse_to_share(options.jobs, &cases)?;
    let seed = choose(config.run.seed)?;
    let mut suite = Suite::new(&cases, seed, shard, options, (Utc::now(), random()?))?;
    if said.dry_run {
        terminal.print(&match args.json {
            true => format!(
                "{}\n",
                json!({ "seed": suite.seed, "shard": suite.shard, "cases": suite.cases })
            ),
            false => campaign::plan(&suite),
        });
        return Ok(Exit::Pass);
    }
    if suite.cases.is_empty() {
        let (n, shard) = (cases.len(), suite.shard.as_deref().unwrap_or("this"));
        terminal.say(&format!(
            "shard {shard} has none of the {n} cases; others have them\n"
        ));
    }
    carry_out(&mut suite, args, terminal)
}

/// Goes on with one.
pub(crate) fn resume(wanted: &str, args: &RunArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    refuse_other_flags(args)?;
    let mut suite = Suite::find(&terminal.store()?, wanted)?.resumed()?;
    let said = Layers::defaults();
    let said = with_flags(said, args)?;
    let options = &mut suite.options;
    if args.campaign.jobs.is_some() {
        options.jobs = said.jobs;
    }
    if args.campaign.retry_errors.is_some() {
        options.retry_errors = said.retry_errors;
    }
    if args.campaign.budget.is_some() {
        options.budget = said.budget.map(|time| time.0.as_secs());
    }
    let left = suite
        .cases
        .iter()
        .filter(|c| c.state == State::Planned)
        .count();
    let of = suite.cases.len();
    if args.campaign.dry_run {
        suite.cases.retain(|c| c.state == State::Planned);
        terminal.print(&campaign::plan(&suite));
        return Ok(Exit::Pass);
    }
    terminal.say(&format!(
        "going on with {}: {left} of {of} cases are left\n",
        suite.suite
    ));
    carry_out(&mut suite, args, terminal)
}

fn with_flags(mut layers: Layers, args: &RunArgs) -> Result<Config, Failure> {
    layers.add_flags(args, None)?;
    Config::of(&layers)
}

/// A campaign that goes on is what it was: flags that would change its cases are refused, not ignored.
fn refuse_other_flags(args: &RunArgs) -> Result<(), Failure> {
    let mut layers = Layers::defaults();
    let told = RunArgs {
        campaign: Default::default(),
        ..args.clone()
    };
    layers.add_flags(&told, None)?;
    match layers.is_silent() {
        true => Ok(()),
        false => Err(Failure::usage(
            "--resume goes on with the cases as they were recorded; it takes --budget, --jobs, --retry-errors and what is said \
             of output",
        )),
    }
}

/// Several at once must not break each other's nodes.
fn refuse_to_share(jobs: u32, cases: &[Case]) -> Result<(), Failure> {
    match cases.iter().find(|case| !case.has_own_cluster()) {
        Some(case) if jobs > 1 => Err(Failure::usage(format!(
            "--jobs {jobs}: {} runs on nodes that others use, too; several run at once only where each makes a cluster of its \
             own: embedded, or --lab N",
            case.name()
        ))),
        _ => Ok(()),
    }
}

fn carry_out(suite: &mut Suite, args: &RunArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let began = std::time::Instant::now();
    let path = store.write_suite(&suite.suite, suite)?;
    let shard = suite
        .shard
        .as_ref()
        .map_or(String::new(), |s| format!("   shard {s}"));
    terminal.say(&format!(
        "{} cases   seed {}{shard}   suite {}\n",
        suite.cases.len(),
        suite.seed,
        suite.suite
    ));
    let manner = Manner {
        progress: args.progress,
        loudness: Loudness::of(args.quiet, args.verbose),
        json: args.json,
        strict_baseline: args.strict_baseline,
        on_unknown: args.on_unknown,
    };
    let ci = Ci::choose(args.ci);
    ci.fold("schism run", terminal);
    let exit = campaign::drive(suite, &store, terminal, manner);
    ci.unfold(terminal);
    let exit = exit?;
    concluded(suite, terminal, exit);
    // Each run wrote it as it ended, and none of them knew of its own end.
    let page = baseline::read(terminal.baseline()).and_then(|known| index::render(&store, &known));
    if let Err(e) = page {
        terminal.say(&format!("⚠ {}\n", e.message));
    }
    for what in together::tell(suite, &store, &ci, args.on_unknown, terminal) {
        terminal.say(&format!("⚠ {what}\n"));
    }
    if args.json {
        let counts: serde_json::Map<_, _> = campaign::counts(suite)
            .into_iter()
            .map(|(end, n)| (end.word().to_owned(), json!(n)))
            .collect();
        let verdict = json!({
            "v": 1, "t": began.elapsed().as_secs_f64(), "type": "verdict", "verdict": word(exit), "exit": exit.code(),
            "suite": suite.suite, "path": path, "cases": counts, "seconds": began.elapsed().as_secs_f64(),
        });
        terminal.print(&format!("{verdict}\n"));
    }
    Ok(exit)
}

/// A campaign has ended. Everything that is made of all its runs together is made here.
fn concluded(suite: &Suite, terminal: &Terminal, exit: Exit) {
    terminal.say(&campaign::table(suite, terminal));
    let unfinished = suite
        .cases
        .iter()
        .any(|case| !Planned::verdict_stands(case));
    if unfinished {
        terminal.say(&format!("go on      schism run --resume {}\n", suite.suite));
    }
    if exit.is_interrupt() {
        terminal
            .say("interrupted: what was running was healed and judged; the rest was not begun\n");
    }
}

/// One of the four words that verdicts have.
fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Pass | Exit::Drift => "pass",
        Exit::Fail => "fail",
        Exit::Unknown | Exit::Interrupted | Exit::Terminated => "unknown",
        _ => "error",
    }
}
