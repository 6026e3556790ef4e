//! `schism run`: deploys, runs, judges, reports.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use generator::Seed;
use reports::{Broken, Conclusion, Report, RunMeta, Told, github::Place, text};
use runner::store::{HISTORY, RunDir, run_suffix, safe_name};
use serde_json::json;

use super::{campaign, check};
use crate::{
    access,
    args::{Loudness, OnUnknown, Progress, RunArgs},
    baseline,
    campaign::case_name,
    ci::{self, Ci, CiRun},
    config::{Config, Layers, RegisterPromise, SeedChoice, Sources},
    deploy, dump,
    exit::{Exit, Failure},
    flow::{self, Concluded},
    index,
    pages::{self, PAGE},
    record::Record,
    registry,
    signals::Signals,
    terminal::Terminal,
    trust,
    ui::{Ui, last_words},
    wreck,
};

/// Runs what the arguments say.
pub(crate) fn run(args: &RunArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let ci = Ci::choose(args.ci);
    let refused = |failure: Failure| {
        refuse(args, &failure, &ci, terminal);
        failure
    };
    if let Some(suite) = &args.campaign.resume {
        return campaign::resume(suite, args, terminal).map_err(refused);
    }
    let sources = Sources::of(args).map_err(refused)?;
    let (config, layers) = sources.config().map_err(refused)?;
    if campaign::is_one(args, &config) || !sources.names.is_empty() {
        return campaign::begin(args, &sources, &config, terminal).map_err(refused);
    }
    let order = order(args, config, layers, ci.clone()).map_err(refused)?;
    execute(order, terminal).map(|done| done.exit)
}

/// Says to machines that nothing ran.
fn refuse(args: &RunArgs, failure: &Failure, ci: &Ci, terminal: &Terminal) {
    if args.json {
        last_words(failure, |line| terminal.print(line));
    }
    let broken = pages::broken(None, failure);
    let told = CiRun {
        told: Told::Broken(&broken),
        place: None,
    };
    for what in ci.tell(&[told], None, args.on_unknown, terminal) {
        terminal.say(&format!("⚠ {what}\n"));
    }
}

fn order(args: &RunArgs, config: Config, layers: Layers, ci: Ci) -> Result<Order, Failure> {
    let seed = choose(config.run.seed)?;
    let named = args.what.first().map(Path::new);
    let file = named.filter(|what| what.is_file());
    let usual = Path::new(crate::config::DEFAULT_FILE);
    Ok(Order {
        config,
        layers: layers.of_one(),
        seed,
        called: None,
        baseline: Some(Strict(args.strict_baseline)),
        argv: std::env::args().collect(),
        json: args.json,
        loudness: Loudness::of(args.quiet, args.verbose),
        progress: args.progress,
        on_unknown: args.on_unknown,
        place: file
            .or((named.is_none() && usual.is_file()).then_some(usual))
            .and_then(ci::place),
        ci,
    })
}

/// A run to be made.
pub(crate) struct Order {
    /// What to do.
    pub(crate) config: Config,
    /// Where each value comes from.
    pub(crate) layers: Layers,
    /// Where all decisions come from.
    pub(crate) seed: Seed,
    /// How it is called, where not by its target and faults.
    pub(crate) called: Option<Called>,
    /// Whether the findings that the baseline knows are passed over, and whether it must be up to date.
    pub(crate) baseline: Option<Strict>,
    /// How it was asked for.
    pub(crate) argv: Vec<String>,
    /// Whether machines listen on standard output.
    pub(crate) json: bool,
    /// How much people want.
    pub(crate) loudness: Loudness,
    /// How to show progress.
    pub(crate) progress: Progress,
    /// How to end where nothing can be concluded.
    pub(crate) on_unknown: OnUnknown,
    /// Where the case is in a configuration.
    pub(crate) place: Option<Place>,
    /// Who else is told.
    pub(crate) ci: Ci,
}

/// The names of a run's directory.
#[derive(Clone)]
pub(crate) struct Called {
    /// What is asked of what.
    pub(crate) case: String,
    /// Under which faults.
    pub(crate) faults: String,
}

/// Whether a baseline that is out of date is worth an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strict(pub(crate) bool);

/// A run that was made.
pub(crate) struct Done {
    /// How it ended.
    pub(crate) exit: Exit,
    /// What is known about it.
    pub(crate) report: Report,
    /// Where it is.
    pub(crate) dir: RunDir,
    /// How long it took.
    took: Duration,
}

/// Makes a run: from configuration to sealed directory, and the summary on the terminal.
pub(crate) fn execute(order: Order, terminal: &Terminal) -> Result<Done, Failure> {
    let ui = Arc::new(Ui::new(
        terminal,
        order.progress,
        order.loudness,
        order.json,
    ));
    Signals::watch()?.tell(&ui);
    let (ci, place, on_unknown) = (order.ci.clone(), order.place.clone(), order.on_unknown);
    ci.hide(&access::secrets(&order.config.cluster.ssh), terminal);
    ci.fold("schism run", terminal);
    let began = Instant::now();
    let intended = Intended::of(&order);
    let result =
        dump::caught(|| attempt(order, terminal, &ui, &intended)).and_then(|result| result);
    ui.settle();
    match &result {
        Ok(done) => {
            let told = CiRun {
                told: Told::Judged(&done.report),
                place,
            };
            let page = done.dir.path().join(PAGE);
            for what in ci.tell(&[told], Some(&page), on_unknown, terminal) {
                ui.warn(&what);
            }
        }
        Err(failure) => {
            ci.unfold(terminal);
            // Where nothing was to run there is nothing to record; where it could not, that is worth knowing.
            if ui.run().is_none() && failure.exit != Exit::Usage {
                let names = wreck::names(&intended.config);
                match intended.open(&names, terminal, &ui) {
                    // Best effort, as whenever it says how far it is.
                    Ok((dir, _)) => drop(dir.set_state(&ui.current_phase(), chrono::Utc::now())),
                    Err(e) => ui.warn(&e.to_string()),
                }
            }
            ui.failed(&failure.message);
            let dir = ui.run();
            if let Some(dir) = &dir {
                intended.lasted(dir, began.elapsed());
            }
            let broken = pages::broken(dir.as_ref(), failure);
            match &dir {
                Some(dir) if failure.exit.is_interrupt() => {
                    seal_unasked(dir, failure.exit, on_unknown, terminal, &ui);
                }
                Some(dir) => seal_broken(dir, failure, &broken, terminal, &ui),
                None => {}
            }
            let told = CiRun {
                told: Told::Broken(&broken),
                place,
            };
            for what in ci.tell(&[told], None, on_unknown, terminal) {
                ui.warn(&what);
            }
        }
    }
    // The last line for machines is the verdict, also where there is none.
    match &result {
        Ok(done) => done.tell(&ui),
        Err(failure) => ui.fail(failure),
    }
    result
}

/// What is to run, as far as a run directory wants to know.
struct Intended {
    config: Config,
    called: Called,
    seed: Seed,
    yaml: String,
    argv: Vec<String>,
    started: chrono::DateTime<chrono::Utc>,
}

impl Intended {
    fn of(order: &Order) -> Self {
        let called = order.called.clone().unwrap_or_else(|| Called {
            case: case_name(&order.config),
            faults: safe_name(&order.config.faults.name()),
        });
        Self {
            called,
            config: order.config.clone(),
            seed: order.seed,
            yaml: order.layers.to_yaml(&seed_text(order.seed)),
            argv: order.argv.clone(),
            started: chrono::Utc::now(),
        }
    }

    /// Makes the run's directory.
    fn open(
        &self,
        names: &[String],
        terminal: &Terminal,
        ui: &Ui,
    ) -> Result<(RunDir, RunMeta), Failure> {
        let Called { case, faults } = &self.called;
        let suffix = run_suffix(self.started, random()?);
        let dir = terminal
            .store()?
            .create(case, faults, self.started, &suffix)?;
        ui.record(&dir);
        let meta = meta(
            &self.config,
            &dir,
            names,
            self.seed,
            &self.yaml,
            &self.argv,
            self.started,
        );
        dir.write_json(flow::META, &meta)?;
        ui.note(&format!(
            "seed {}   run {}",
            seed_text(self.seed),
            dir.path().display()
        ));
        Ok((dir, meta))
    }

    /// Notes how long a run took that broke. Best effort, like all that is told of it.
    fn lasted(&self, dir: &RunDir, time: Duration) {
        if let Ok(Record { mut meta, .. }) = Record::read(dir.path()) {
            meta.duration = history::Nanos(time.as_nanos() as u64);
            let _ = dir.write_json(flow::META, &meta);
        }
    }
}

/// A run that was stopped before anything was asked of the target has nothing to be judged, and so its verdict is known: it
/// is sealed as every interrupted run is. One that was stopped later and not judged can still be: `schism check` seals it.
fn seal_unasked(
    dir: &RunDir,
    exit: Exit,
    on_unknown: OnUnknown,
    terminal: &Terminal,
    ui: &Arc<Ui>,
) {
    if dir.path().join(HISTORY).exists() {
        return;
    }
    let sealed = dump::caught(|| check::seal(dir, exit, on_unknown, terminal, ui));
    match sealed.and_then(|sealed| sealed) {
        Ok(_) => terminal.say(&format!("report {}\n", dir.path().join(PAGE).display())),
        Err(e) => ui.warn(&e.message),
    }
    let shown = terminal
        .store()
        .and_then(|store| index::render(&store, &baseline::read(terminal.baseline())?).map(drop));
    if let Err(e) = shown {
        ui.warn(&e.message);
    }
}

/// A run that broke is over all the same.
fn seal_broken(dir: &RunDir, failure: &Failure, broken: &Broken, terminal: &Terminal, ui: &Ui) {
    wreck::tell(dir, &failure.message, ui);
    pages::publish_broken(dir, broken, ui);
    let verdict = json!({
        "schema": reports::VERDICT_SCHEMA, "run": dir.id(), "verdict": "error",
        "exit_code": failure.exit.code(), "error": failure.message,
    });
    let shown = terminal.store().and_then(|store| {
        index::seal(&store, dir, &verdict)?;
        index::render(&store, &baseline::read(terminal.baseline())?).map(drop)
    });
    if let Err(e) = shown {
        ui.warn(&e.to_string());
    }
    terminal.say(&format!("report {}\n", dir.path().join(PAGE).display()));
}

impl Done {
    /// Tells machines how it ended.
    fn tell(&self, ui: &Ui) {
        for view in &self.report.findings {
            ui.emit(
                "finding",
                json!({ "code": view.finding.code, "title": view.finding.title }),
            );
        }
        ui.emit(
            "verdict",
            json!({
                "verdict": self.report.conclusion.word(), "exit": self.exit.code(),
                "findings": self.report.findings.len(), "run": self.dir.id(), "path": self.dir.path(),
                "seconds": self.took.as_secs_f64(),
            }),
        );
    }
}

fn attempt(
    order: Order,
    terminal: &Terminal,
    ui: &Arc<Ui>,
    intended: &Intended,
) -> Result<Done, Failure> {
    let Order {
        config,
        layers,
        seed,
        baseline,
        on_unknown,
        ci,
        ..
    } = order;
    let entry = registry::find(&config.target.adapter)
        .ok_or_else(|| Failure::usage(registry::unknown(&config.target.adapter)))?;
    deploy::refuse_foreign_options(entry, &layers)?;
    if entry.target == registry::Target::Adapter {
        let path = Path::new(&config.target.adapter);
        let file = deploy::read_adapter(path)?;
        if !trust::is_noted(terminal.runs(), path, &file) {
            ui.note(&format!(
                "{}, as it is now, never passed here: schism adapter test {}",
                file.name,
                path.display()
            ));
        }
    }
    let began = Instant::now();
    ui.phase("deploy", Duration::ZERO);
    let open = |names: &[String], ui: &Ui| intended.open(names, terminal, ui);
    let Concluded {
        report,
        mut broken,
        failure,
        dir,
    } = deploy::run(entry, config, seed, &open, ui)?;
    match failure {
        // A violation is never masked by what broke after it.
        Some(failure) if report.conclusion == Conclusion::Fail => broken.push(failure.message),
        Some(failure) => {
            for what in &broken {
                ui.warn(what);
            }
            return Err(failure);
        }
        None => {}
    }
    ui.phase("report", Duration::ZERO);
    let store = terminal.store()?;
    let known = match baseline {
        Some(_) => baseline::look_up(&store, terminal.baseline(), &report)?,
        None => None,
    };
    let strict = baseline == Some(Strict(true));
    let apply = |exit| match &known {
        Some(known) => known.apply(exit, strict),
        None => exit,
    };
    let interrupted = Signals::watch()?.exit();
    let exit = conclude(&report, &broken, interrupted, on_unknown, apply);
    let mut exit = pages::publish(&store, &dir, &report, exit, on_unknown, ui)?;
    ui.settle();
    ci.unfold(terminal);
    for what in &broken {
        ui.warn(what);
    }
    let page = dir.path().join(PAGE);
    let mut places = Vec::new();
    if let Ok(file) = std::fs::metadata(&page) {
        let megabytes = file.len() as f64 / 1e6;
        places.push(("report", format!("{} ({megabytes:.1} MB)", page.display())));
    }
    if !report.findings.is_empty() {
        let id = dir.id();
        let again = format!("schism repro {id}   ·   schism shrink {id}");
        places.push(("again", again));
    }
    terminal.say(&text::summary(&report, terminal.news_style(), &places));
    for line in known.iter().flat_map(|known| &known.lines) {
        ui.note(line);
    }
    if report.conclusion == Conclusion::Unknown && on_unknown == OnUnknown::Warn {
        ui.warn("not enough evidence to pass");
    }
    let page = dump::caught(|| index::render(&store, &baseline::read(terminal.baseline())?));
    match page {
        Ok(Ok(_)) => {}
        Ok(Err(e)) => ui.warn(&e.to_string()),
        Err(bug) => {
            exit = exit.worst(bug.exit);
            ui.warn("the page over all runs could not be rendered; the verdict stands");
        }
    }
    Ok(Done {
        exit,
        report,
        dir,
        took: began.elapsed(),
    })
}

/// A violation outranks everything; a cluster left broken outranks what is unclear. A known violation is none here, and an
/// interrupted run says so, whatever it found: its verdict still tells.
fn conclude(
    report: &Report,
    broken: &[String],
    interrupted: Option<Exit>,
    on_unknown: OnUnknown,
    known: impl Fn(Exit) -> Exit,
) -> Exit {
    let verdict = match Exit::of_verdict(report.conclusion.word()) {
        Exit::Unknown if on_unknown != OnUnknown::Fail => known(Exit::Pass),
        verdict => known(verdict),
    };
    let unhealed = broken.iter().any(|b| b.contains("could not be undone"));
    match interrupted {
        _ if unhealed => verdict.worst(Exit::Infrastructure),
        Some(exit) => exit,
        None => verdict,
    }
}

fn meta(
    config: &Config,
    dir: &RunDir,
    nodes: &[String],
    seed: Seed,
    yaml: &str,
    argv: &[String],
    started: chrono::DateTime<chrono::Utc>,
) -> RunMeta {
    let uname = rustix::system::uname();
    let RegisterPromise::Linearizable = config.expect.register;
    RunMeta {
        schema: reports::META_SCHEMA,
        run: dir.id(),
        workload: "register".to_owned(),
        faults: match config.faults.name().as_str() {
            "all" => vec!["all".to_owned()],
            _ => kinds(config),
        },
        target: registry::name_of(&config.target.adapter),
        target_version: None,
        nodes: nodes.to_vec(),
        keys: Some(u64::from(config.workloads.register.keys)),
        expectation: "linearizable".to_owned(),
        seed: Some(seed_text(seed)),
        started: Some(started),
        argv: argv.to_vec(),
        config: yaml.to_owned(),
        caveats: deploy::caveats(&config.target),
        ended: Vec::new(),
        host: uname.nodename().to_string_lossy().into_owned(),
        kernel: format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy()
        ),
        schism: env!("CARGO_PKG_VERSION").to_owned(),
        ..RunMeta::default()
    }
}

/// The seed that was asked for, or a new one.
pub(crate) fn choose(choice: SeedChoice) -> Result<Seed, Failure> {
    match choice {
        SeedChoice::Fixed(seed) => Ok(seed),
        SeedChoice::Random => random().map(Seed),
    }
}

/// From the operating system.
pub(crate) fn random() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|e| Failure::infrastructure(format!("the system has no random numbers: {e}")))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// As it is printed, and as `--seed` reads it.
pub(crate) fn seed_text(seed: Seed) -> String {
    format!("{:#x}", seed.0)
}

/// The sorts of fault that were asked for.
fn kinds(config: &Config) -> Vec<String> {
    let kinds = config.faults.kinds();
    kinds.iter().map(ToString::to_string).collect()
}
