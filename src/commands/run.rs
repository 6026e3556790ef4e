//! `schism run`: deploys, runs, judges, reports.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use generator::Seed;
use reports::{Report, RunMeta, VerdictFile, html, junit, summary, text};
use runner::store::{RunDir, Store, run_suffix, safe_name};
use serde_json::json;

use crate::{
    args::{Progress, RunArgs},
    baseline,
    config::{Config, Layers, RegisterPromise, SeedChoice, TargetConfig},
    deploy,
    exit::{Exit, Failure},
    flow::{self, Concluded},
    index, registry,
    terminal::Terminal,
    ui::Ui,
};

/// Runs what the arguments say.
pub(crate) fn run(args: &RunArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let (config, layers) = Config::resolve(args)?;
    let seed = choose(config.run.seed)?;
    let order = Order {
        config,
        layers,
        seed,
        baseline: Some(Strict(args.strict_baseline)),
        argv: std::env::args().collect(),
        json: args.json,
        quiet: args.quiet,
        progress: args.progress,
    };
    let done = execute(order, terminal)?;
    Ok(done.exit)
}

/// A run to be made.
pub(crate) struct Order {
    /// What to do.
    pub(crate) config: Config,
    /// Where each value comes from.
    pub(crate) layers: Layers,
    /// Where all decisions come from.
    pub(crate) seed: Seed,
    /// Whether the findings that the baseline knows are passed over, and whether it must be up to date.
    pub(crate) baseline: Option<Strict>,
    /// How it was asked for.
    pub(crate) argv: Vec<String>,
    /// Whether machines listen on standard output.
    pub(crate) json: bool,
    /// Whether people want little.
    pub(crate) quiet: bool,
    /// How to show progress.
    pub(crate) progress: Progress,
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
}

/// Makes a run: from configuration to sealed directory, and the summary on the terminal.
pub(crate) fn execute(order: Order, terminal: &Terminal) -> Result<Done, Failure> {
    let ui = Arc::new(Ui::new(terminal, order.progress, order.quiet, order.json));
    let result = attempt(order, terminal, &ui);
    ui.settle();
    if let Err(failure) = &result {
        if let Some(dir) = ui.run() {
            let verdict = json!({
                "schema": reports::VERDICT_SCHEMA, "run": dir.id(), "verdict": "error",
                "exit_code": failure.exit.code(), "error": failure.message,
            });
            let sealed = terminal
                .store()
                .and_then(|store| index::seal(&store, &dir, &verdict));
            if let Err(e) = sealed {
                ui.warn(&e.to_string());
            }
        }
        // The last line for machines is the verdict, also where there is none.
        ui.emit("error", json!({ "text": failure.message }));
        ui.emit(
            "verdict",
            json!({ "verdict": "error", "exit": failure.exit.code() }),
        );
    }
    result
}

fn attempt(order: Order, terminal: &Terminal, ui: &Arc<Ui>) -> Result<Done, Failure> {
    let Order {
        config,
        layers,
        seed,
        argv,
        baseline,
        ..
    } = order;
    let entry = registry::find(&config.target.adapter)
        .ok_or_else(|| Failure::usage(registry::unknown(&config.target.adapter)))?;
    deploy::refuse_foreign_options(entry, &layers)?;
    let yaml = layers.to_yaml(&seed_text(seed));
    let began = Instant::now();
    ui.phase("deploy", Duration::ZERO);
    let (meta_config, started) = (config.clone(), chrono::Utc::now());
    let open = |names: &[String], ui: &Ui| -> Result<(RunDir, RunMeta), Failure> {
        let case = safe_name(&case_name(&meta_config.target));
        let faults = safe_name(&meta_config.faults.name());
        let suffix = run_suffix(random()?);
        let dir = terminal.store()?.create(&case, &faults, started, &suffix)?;
        ui.record(&dir);
        let meta = meta(&meta_config, &dir, names, seed, &yaml, &argv, started);
        dir.write_json(flow::META, &meta)?;
        ui.note(&format!(
            "seed {}   run {}",
            seed_text(seed),
            dir.path().display()
        ));
        Ok((dir, meta))
    };
    let Concluded {
        report,
        broken,
        dir,
    } = deploy::run(entry, config, seed, &open, ui)?;
    let store = terminal.store()?;
    let known = match baseline {
        Some(_) => baseline::look_up(&store, terminal.baseline(), &report)?,
        None => None,
    };
    let strict = baseline == Some(Strict(true));
    let exit = conclude(&report, &broken, |exit| match &known {
        Some(known) => known.apply(exit, strict),
        None => exit,
    });
    let dir = publish(&store, dir, &report, exit, ui)?;
    ui.settle();
    for what in &broken {
        ui.warn(what);
    }
    let page = dir.path().join("report.html");
    let size = std::fs::metadata(&page).map_or(0, |m| m.len());
    let place = format!("{} ({:.1} MB)", page.display(), size as f64 / 1e6);
    let mut places = vec![("report", place)];
    if !report.findings.is_empty() {
        let id = dir.id();
        let again = format!("schism repro {id}   ·   schism shrink {id}");
        places.push(("again", again));
    }
    terminal.say(&text::summary(&report, terminal.news_style(), &places));
    for line in known.iter().flat_map(|known| &known.lines) {
        ui.note(line);
    }
    let page = catch_unwind(AssertUnwindSafe(|| {
        index::render(&store, &baseline::read(terminal.baseline())?)
    }));
    match page {
        Ok(Ok(_)) => {}
        Ok(Err(e)) => ui.warn(&e.to_string()),
        Err(_) => ui.warn("the page over all runs could not be rendered; the verdict stands"),
    }
    for view in &report.findings {
        ui.emit(
            "finding",
            json!({ "code": view.finding.code, "title": view.finding.title }),
        );
    }
    ui.emit(
        "verdict",
        json!({
            "verdict": report.conclusion.word(), "exit": exit.code(), "findings": report.findings.len(),
            "run": dir.id(), "path": dir.path(), "seconds": began.elapsed().as_secs_f64(),
        }),
    );
    Ok(Done { exit, report, dir })
}

/// A violation outranks everything; a cluster left broken outranks what is unclear.
/// A known violation is none here.
fn conclude(report: &Report, broken: &[String], known: impl Fn(Exit) -> Exit) -> Exit {
    let verdict = known(Exit::of_verdict(report.conclusion.word()));
    let unhealed = broken.iter().any(|b| b.contains("could not be undone"));
    let interrupted = report.meta.interrupted;
    match verdict {
        _ if interrupted => Exit::Interrupted,
        verdict if unhealed => verdict.worst(Exit::Infrastructure),
        verdict => verdict,
    }
}

/// Writes everything, the verdict last. A page that cannot be rendered changes no verdict.
fn publish(
    store: &Store,
    dir: RunDir,
    report: &Report,
    exit: Exit,
    ui: &Ui,
) -> Result<RunDir, Failure> {
    type Render = fn(&Report) -> String;
    let junit: Render = |report| {
        junit::document(
            report,
            junit::OnUnknown::Error,
            &["report.html", "history.jsonl"],
        )
    };
    let pages: [(&str, Render); 3] = [
        ("report.html", html::page),
        ("summary.md", summary::page),
        ("junit.xml", junit),
    ];
    for check in &report.checks {
        dir.write_json(&format!("checks/{}.json", safe_name(&check.name)), check)?;
    }
    let verdict = VerdictFile::new(report, exit.code());
    for (name, render) in pages {
        match catch_unwind(AssertUnwindSafe(|| render(report))) {
            Ok(text) => {
                if let Err(e) = dir.write_text(name, &text) {
                    ui.warn(&e.to_string());
                }
            }
            Err(_) => ui.warn(&format!("{name} could not be rendered; the verdict stands")),
        }
    }
    let verdict = serde_json::from_str(&verdict.to_json())
        .map_err(|e| Failure::infrastructure(format!("the verdict cannot be written: {e}")))?;
    index::seal(store, &dir, &verdict)?;
    Ok(dir)
}

fn case_name(target: &TargetConfig) -> String {
    match target.adapter.as_str() {
        "embedded" => format!("register-embedded-{:?}", target.mode).to_lowercase(),
        name if target.serializable => format!("register-{name}-serializable"),
        name => format!("register-{name}"),
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
        target: config.target.adapter.clone(),
        target_version: None,
        nodes: nodes.to_vec(),
        keys: Some(u64::from(config.workloads.register.keys)),
        expectation: "linearizable".to_owned(),
        seed: Some(seed_text(seed)),
        started: Some(started),
        argv: argv.to_vec(),
        config: yaml.to_owned(),
        caveats: deploy::caveats(&config.target),
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
fn random() -> Result<u64, Failure> {
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
