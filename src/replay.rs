//! A run made again: from a run directory, its configuration, its seed and the faults that it recorded as a script; from a
//! configuration file, what the file says. Each try is a run like any other, on a fresh cluster, recorded where runs are.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use history::{Nanos, fault::FaultEvent};
use nemesis::{Arrangement, Line, Time};
use reports::Report;
use runner::store::RunDir;
use serde_yaml::Value;

use crate::{
    args::{Loudness, OnUnknown, Progress, RunArgs},
    ci::Ci,
    commands::{check, run, show},
    config::{Config, Layers, Origin},
    exit::{Exit, Failure},
    flow::{FAULTS, LEDGER, META},
    record::Record,
    signals::Signals,
    terminal::Terminal,
};

/// Who has set what `schism shrink` sets.
const SHRINK: Origin = Origin::Flag("schism shrink");

/// What is made again.
#[derive(Clone)]
pub(crate) struct Replay {
    /// What it was made from, as people named it.
    pub(crate) name: String,
    layers: Layers,
    seed: generator::Seed,
    /// The violations that count; any at all where it is empty.
    pub(crate) classes: Vec<String>,
    /// From when until when the violation was.
    pub(crate) seen: Option<(Nanos, Nanos)>,
    /// Where what is made from it belongs.
    pub(crate) home: PathBuf,
    /// Whether the first violation that shows ends a try.
    pub(crate) fast: bool,
}

/// How a try ended.
pub(crate) enum Tried {
    /// It was judged.
    Judged {
        /// Whether it showed the violation.
        hit: bool,
        /// What it showed, in a few words.
        what: String,
        /// Where it is.
        dir: RunDir,
        /// How long it took.
        took: Duration,
    },
    /// It could not be made.
    Broken(String),
    /// Somebody wants it to end.
    Interrupted,
}

impl Replay {
    /// From a run, one of its findings, or a configuration file.
    pub(crate) fn of(
        what: &str,
        class: Option<&str>,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        let path = Path::new(what);
        let mut replay = match path.is_file() {
            true => Self::of_file(path)?,
            false => {
                let (run, finding) = show::split(what);
                Self::of_run(run, finding, terminal)?
            }
        };
        if let Some(class) = class {
            replay.classes = vec![class.to_owned()];
        }
        Ok(replay)
    }

    fn of_file(path: &Path) -> Result<Self, Failure> {
        let named = RunArgs {
            what: vec![path.display().to_string()],
            ..RunArgs::default()
        };
        let (config, layers) = Config::resolve(&named)?;
        if !config.cases.is_empty() {
            return Err(Failure::usage(format!(
                "{} lists cases; name a run of one of them instead",
                path.display()
            )));
        }
        let layers = layers.of_one();
        Ok(Self {
            name: path.display().to_string(),
            layers,
            seed: run::choose(config.run.seed)?,
            classes: Vec::new(),
            seen: None,
            home: path.with_extension("shrunk.yaml"),
            fast: false,
        })
    }

    fn of_run(wanted: &str, finding: Option<usize>, terminal: &Terminal) -> Result<Self, Failure> {
        let dir = terminal.store()?.resolve(wanted)?;
        let Record { meta, .. } = Record::read(dir.path())?;
        if meta.config.is_empty() {
            return Err(Failure::usage(format!(
                "{wanted} has no configuration in its {META}, so it cannot be made again"
            )));
        }
        let mut layers = Layers::defaults();
        layers.add_recorded(&meta.config, &dir.path().join(META))?;
        let report = check::run(&dir, terminal)?.report;
        let counted: Vec<_> = match finding {
            None => report.findings.iter().collect(),
            Some(number) => {
                let found = report.findings.iter().find(|view| view.number == number);
                vec![found.ok_or_else(|| check::no_finding(wanted, number, &report))?]
            }
        };
        let mut classes: Vec<String> = counted.iter().map(|v| v.finding.code.clone()).collect();
        classes.sort();
        classes.dedup();
        if classes.is_empty() {
            return Err(Failure::usage(format!(
                "{wanted} has no violation that could be seen again (it is {}); `schism list --verdict fail` lists those that have",
                report.conclusion.word()
            )));
        }
        let config = layers.config()?;
        let mut replay = Self {
            name: dir.id(),
            layers,
            seed: run::choose(config.run.seed)?,
            classes,
            seen: counted.first().map(|v| (v.finding.from, v.finding.until)),
            home: dir.path().join("shrunk.yaml"),
            fast: false,
        };
        let ledger = dir.path().join(LEDGER);
        let lines = match ledger.exists() {
            true => nemesis::script(&ledger, &steps(&dir)?)?,
            false => Vec::new(),
        };
        // A fault that was in force when the run was stopped early, or that was begun at its very end.
        let within = |line: &Line| line.at.is_some_and(|at| at < config.run.time);
        replay.set_script(lines.into_iter().filter(within).collect())?;
        Ok(replay)
    }

    /// What it will do.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::of(&self.layers)
    }

    /// Whether it does the same as another, however long its tries go on.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.to_yaml() == other.to_yaml()
    }

    /// The lines of its script. A configuration may say its faults otherwise: those must have happened once to be told.
    pub(crate) fn script(&self) -> Result<Vec<Line>, Failure> {
        match self.config()?.schedule.arrangement {
            Arrangement::Script(lines) => Ok(lines),
            _ => Err(Failure::usage(format!(
                "{} has no script of faults that could be shrunk; run it, and shrink the run",
                self.name
            ))),
        }
    }

    /// With these faults and no others.
    pub(crate) fn set_script(&mut self, lines: Vec<Line>) -> Result<(), Failure> {
        let lines = serde_yaml::to_value(&lines).map_err(|e| Failure::usage(e.to_string()))?;
        let schedule = Value::Mapping([(Value::from("script"), lines)].into_iter().collect());
        let origin = Origin::Flag("what the run recorded");
        self.layers.set("schedule", schedule, origin)
    }

    /// With another value of the configuration.
    pub(crate) fn set(&mut self, path: &str, value: impl Into<Value>) -> Result<(), Failure> {
        self.layers.set(path, value.into(), SHRINK)
    }

    /// For so long.
    pub(crate) fn set_time(&mut self, time: Time) -> Result<(), Failure> {
        self.set("run.time", time.to_string())
    }

    /// All of it as a configuration file, which `schism run` takes.
    pub(crate) fn to_yaml(&self) -> String {
        self.layers.to_yaml(&run::seed_text(self.seed))
    }

    /// The violations that count, for people.
    pub(crate) fn classes_text(&self) -> String {
        match self.classes.is_empty() {
            true => "any violation".to_owned(),
            false => self.classes.join(" or "),
        }
    }

    /// Makes it once.
    pub(crate) fn attempt(&self, terminal: &Terminal) -> Result<Tried, Failure> {
        let began = Instant::now();
        let mut layers = self.layers.clone();
        if self.fast {
            layers.set("run.fail_fast", Value::Bool(true), SHRINK)?;
        }
        let order = run::Order {
            config: Config::of(&layers)?,
            layers,
            seed: self.seed,
            called: None,
            baseline: None,
            argv: std::env::args().collect(),
            json: false,
            loudness: Loudness::Quiet,
            progress: Progress::None,
            on_unknown: OnUnknown::Fail,
            place: None,
            ci: Ci::none(),
        };
        let done = match run::execute(order, &terminal.muted()) {
            Ok(done) => done,
            Err(failure) if failure.exit.is_interrupt() => return Ok(Tried::Interrupted),
            Err(failure) if failure.exit == Exit::Infrastructure => {
                return Ok(Tried::Broken(failure.message));
            }
            Err(failure) => return Err(failure),
        };
        let hit = self.shown(&done.report);
        if done.exit.is_interrupt() {
            return Ok(Tried::Interrupted);
        }
        Ok(Tried::Judged {
            hit,
            what: told(&done.report),
            dir: done.dir,
            took: began.elapsed(),
        })
    }

    fn shown(&self, report: &Report) -> bool {
        let counts = |code: &String| self.classes.is_empty() || self.classes.contains(code);
        report.findings.iter().any(|v| counts(&v.finding.code))
    }
}

/// The first finding, or why there is none.
fn told(report: &Report) -> String {
    match (report.findings.first(), report.causes.first()) {
        (Some(view), _) => view.finding.title.clone(),
        (None, Some(cause)) => format!("no violation; {}", cause.code),
        (None, None) => "no violation".to_owned(),
    }
}

fn steps(dir: &RunDir) -> Result<Vec<FaultEvent>, Failure> {
    crate::record::fault_events(&dir.path().join(FAULTS))
}

/// Whether somebody has asked to stop, between runs; in a run, the run notices itself.
#[derive(Clone)]
pub(crate) struct Interrupts(Arc<Signals>);

impl Interrupts {
    /// From now on. The first interrupt no longer ends the program.
    pub(crate) fn watch() -> Result<Self, Failure> {
        Ok(Self(Signals::watch()?))
    }

    /// How the program ends because of it, if there was one.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.0.exit()
    }

    /// Whether there was one.
    pub(crate) fn any(&self) -> bool {
        self.exit().is_some()
    }
}

/// The script alone, in a line a fault, for people.
pub(crate) fn lines_text(lines: &[Line]) -> String {
    let line = |line: &Line| {
        let at = line
            .at
            .map_or_else(String::new, |at| Nanos(at.0.as_nanos() as u64).to_string());
        let lasting = line.lasting.map_or_else(String::new, |l| {
            format!(" for {:.1} s", l.max.as_secs_f64())
        });
        let what = match (&line.was, &line.inject) {
            (Some(was), _) => was.clone(),
            (None, Some(fault)) => fault.to_string(),
            (None, None) => "heal".to_owned(),
        };
        format!("  at {at}{lasting}: {what}\n")
    };
    lines.iter().map(line).collect()
}
