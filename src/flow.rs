//! A run, from a deployed cluster to a sealed directory.
//!
//! ```text
//! workload and faults, at the same time ─► heal everything ─► settle ─► final reads ─► logs ─► judge ─► report ─► seal
//! ```
//! What was recorded is always judged, whatever broke on the way; what broke is told apart from what was found. The
//! verdict is written last, and nothing that is rendered can change it.

use std::{
    sync::{Arc, mpsc::RecvTimeoutError},
    time::{Duration, Instant},
};

use adapter::Offers;
use checkers::online::Registers;
use control::{Cluster, System};
use generator::{Generator, GeneratorExt, Seed};
use history::{Nodes, Register, fault::FaultEvent};
use nemesis::{Capabilities, DeadMan, Injector, Ledger, Schedule};
use reports::{Phases, Report, RunMeta, Window};
use runner::{
    Counters, Driver, JournalSink, Limits, PhaseSummary, RunClock, StopToken, Target,
    store::{HISTORY, RunDir},
};
use workloads::RegisterWorkload;

use crate::{
    args::Loudness,
    config::{Config, Rate},
    dump,
    exit::{Exit, Failure},
    faults::FaultTarget,
    judge::Circumstances,
    logs, pages,
    record::Record,
    revive::revive,
    signals::Signals,
    sinks::{Calls, Live, Notices, Orders},
    subject,
    ui::Ui,
};

/// The ledger's place in a run directory.
pub(crate) const LEDGER: &str = "ledger.jsonl";
/// The fault track's place in a run directory.
pub(crate) const FAULTS: &str = "faults.jsonl";
/// What was asked of the nemesis, and what it answered.
pub(crate) const ORDERS: &str = "orders.jsonl";
/// Where a run says what it is.
pub(crate) const META: &str = "meta.json";
/// What a phase may take beyond what is planned before it is cut short.
const SLACK: Duration = Duration::from_secs(30);
/// How long an order of the nemesis may take.
const PATIENCE_WITH_FAULTS: Duration = Duration::from_secs(120);

/// A run that is ready to start: everything is deployed, nothing has been asked of it.
pub(crate) struct Ready<T> {
    /// What to do.
    pub(crate) config: Config,
    /// Where all decisions come from.
    pub(crate) seed: Seed,
    /// What is known of it so far.
    pub(crate) meta: RunMeta,
    /// Where it is recorded.
    pub(crate) dir: RunDir,
    /// The nodes.
    pub(crate) cluster: Cluster,
    /// The system on them.
    pub(crate) system: Arc<dyn System>,
    /// What `nemesis::preflight` found.
    pub(crate) capabilities: Capabilities,
    /// The nodes' own timers, or none.
    pub(crate) deadman: DeadMan,
    /// What opens clients.
    pub(crate) target: T,
    /// What is asked.
    pub(crate) workload: RegisterWorkload,
    /// What the target turns out to offer once it serves, where that is not known before.
    pub(crate) offers: Option<Offers>,
}

/// A run that is over.
pub(crate) struct Concluded {
    /// Everything that can be told about it.
    pub(crate) report: Report,
    /// What broke on our side, if anything did.
    pub(crate) broken: Vec<String>,
    /// What ended it before its time: then nothing but a violation counts.
    pub(crate) failure: Option<Failure>,
    /// Where it is recorded.
    pub(crate) dir: RunDir,
}

/// Runs it. Blocking; makes the async runtime that it needs.
pub(crate) fn run<T: Target<Register>>(
    ready: Ready<T>,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("schism")
        .build()
        .map_err(|e| Failure::infrastructure(format!("cannot start threads: {e}")))?;
    let signals = Signals::watch()?;
    let stop = signals.stop().clone();
    let dir = ready.dir.clone();
    let settle = ready.config.run.settle.0;
    let (cluster, system) = (ready.cluster.clone(), Arc::clone(&ready.system));
    let mut meta = ready.meta.clone();
    // From here on times count. It is on record at once: a run may be killed.
    let clock = RunClock::start();
    meta.zero = Some(chrono::Utc::now());
    dir.write_json(META, &meta)?;
    let began = Instant::now();
    let ui_for_task = Arc::clone(ui);
    let token = stop.clone();
    let driven = runtime
        .block_on(async {
            tokio::spawn(async move { drive(ready, clock, &ui_for_task, token, settle).await })
                .await
        })
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;

    ui.phase("logs", Duration::ZERO);
    let mut broken = driven.broken;
    broken.extend(logs::collect(&cluster, &*system, &dir));
    meta.phases = driven.phases;
    meta.ended = driven.ended;
    meta.interrupted = stop.is_stopped() || driven.failure.is_some();
    meta.duration = history::Nanos(began.elapsed().as_nanos() as u64);
    dir.write_json(META, &meta)?;

    ui.phase("check", Duration::ZERO);
    let record = Record::read(dir.path())?;
    let circumstances = Circumstances {
        meta,
        faults: record.faults,
        logs: logs::read(dir.path()),
        judged: None,
    };
    let report = judge(&dir, circumstances, &signals)?;
    Ok(Concluded {
        report,
        broken,
        failure: driven.failure,
        dir,
    })
}

/// Judges what was recorded, unless somebody has no patience for it.
fn judge(dir: &RunDir, circumstances: Circumstances, signals: &Signals) -> Result<Report, Failure> {
    let run = dir.clone();
    let (send, judged) = std::sync::mpsc::channel();
    let work = move || {
        let judged = dump::caught(|| {
            dump::fail_point("check");
            let judged = subject::run(run.path(), circumstances)?;
            pages::minimal(&run, &judged)?;
            Ok(judged.report)
        });
        // Nobody waits any more where nobody has patience.
        let _ = send.send(judged.and_then(|judged| judged));
    };
    let checking = std::thread::Builder::new()
        .name("schism-check".to_owned())
        .spawn(work)
        .map_err(|e| Failure::infrastructure(format!("cannot start a thread: {e}")))?;
    let id = dir.id();
    loop {
        let beat = Duration::from_millis(50);
        match judged.recv_timeout(beat) {
            Ok(report) => {
                // It is over; what it could say it has said.
                let _ = checking.join();
                return report;
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::infrastructure("the checkers ended without a word"));
            }
            Err(RecvTimeoutError::Timeout) if signals.heal_only().is_stopped() => {
                let what =
                    format!("healed, and not judged; schism check {id} judges what was recorded");
                return Err(signals.failure(&what).expect("somebody wished it"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// What came of the phases.
struct Driven {
    phases: Phases,
    /// The nodes where the system had ended by itself.
    ended: Vec<String>,
    broken: Vec<String>,
    failure: Option<Failure>,
}

async fn drive<T: Target<Register>>(
    ready: Ready<T>,
    clock: RunClock,
    ui: &Arc<Ui>,
    stop: StopToken,
    settle: Duration,
) -> Result<Driven, Failure> {
    let Ready {
        config,
        seed,
        dir,
        cluster,
        system,
        capabilities,
        deadman,
        target,
        workload,
        offers,
        ..
    } = ready;
    let time = config.run.time.0;
    let nodes = cluster.nodes().to_vec();
    let names = Nodes::new(nodes.iter().map(|n| n.name.as_str()));
    let counters = Counters::new();
    let clients = config.workloads.register.concurrency.of(nodes.len());
    let usual = Limits::default();
    let limits = Limits {
        op_deadline: config.run.op_timeout.0,
        // An adapter may be a program that must be started.
        connect_deadline: match offers {
            Some(_) => usual.connect_deadline.max(adapter::stdio::READY),
            None => usual.connect_deadline,
        },
        ..usual
    };
    let mut broken = Vec::new();
    // Ends the workload: an interrupt, or a violation where one is enough.
    let enough = StopToken::new();

    let journal = JournalSink::<Register>::create(&dir.path().join(HISTORY), names.clone())?;
    let mut sinks: Vec<Box<dyn runner::Sink<Register>>> = vec![
        Box::new(journal),
        Box::new(counters.sink::<Register>()),
        Box::new(Notices::new(ui, &names)),
        Box::new(Live::new(
            Registers::starting_with(None),
            ui,
            config.run.fail_fast.then(|| enough.clone()),
        )),
    ];
    if ui.loudness() == Loudness::Everything {
        sinks.push(Box::new(Calls::<Register>::new(ui, &names)));
    }
    let mut driver = Driver::new(
        Arc::new(target),
        nodes.clone(),
        clients,
        limits,
        clock,
        sinks,
    )?;

    // The faults have a driver of their own: the same scheduler, with a worker a track.
    let injector = injector(
        &dir,
        &cluster,
        &system,
        capabilities,
        deadman,
        clock,
        &counters,
        ui,
    )?;
    injector
        .note_uploads()
        .map_err(|e| Failure::infrastructure(format!("cannot keep the ledger of faults: {e}")))?;
    let leftovers = Arc::clone(&injector);
    for (node, fault) in blocking(move || leftovers.clear_leftovers()).await? {
        ui.warn(&format!(
            "{node} was still cut off by {fault} of an earlier run; healed"
        ));
    }
    let until = history::Nanos(time.as_nanos() as u64);
    let faults_seed = seed.derive("faults").0;
    let schedule = Schedule::arranged(&config.schedule, &config.faults, until, faults_seed)
        .map_err(|e| Failure::usage(e.to_string()))?;
    let patience = Limits {
        op_deadline: PATIENCE_WITH_FAULTS,
        // A node that restarts in its turn takes its time; it is the clients' silence that is worth a word.
        stall: PATIENCE_WITH_FAULTS,
        ..Limits::default()
    };
    let workers = schedule.workers().max(1);
    let faults = FaultTarget(Arc::clone(&injector));
    let mut nemesis = Driver::new(
        Arc::new(faults),
        nodes,
        workers,
        patience,
        clock,
        vec![
            Box::new(Notices::new(ui, &names)) as Box<dyn runner::Sink<_>>,
            Box::new(Orders::new(&dir)),
        ],
    )?;

    let follower = ui.follow(&counters);
    ui.phase("workload", time);
    // Faults end when the run is stopped, and also when the clients cannot go on.
    let calm = StopToken::new();
    let (interrupted, then_enough) = (stop.clone(), enough.clone());
    let (ended, then_calm) = (enough.clone(), calm.clone());
    let forward = tokio::spawn(async move {
        tokio::select! {
            () = interrupted.stopped() => then_enough.stop(),
            () = ended.stopped() => {}
        }
        then_calm.stop();
    });
    let until_calm = calm.clone();
    let fault_track = tokio::spawn(async move {
        let ended = nemesis
            .run(Box::new(schedule), &until_calm, time + patience.op_deadline)
            .await;
        let closed = nemesis.close().await;
        ended.and_then(|summary| closed.map(|()| summary))
    });
    let calls = paced(
        workload.calls(seed),
        config.workloads.register.rate,
        seed,
        time,
    );
    let worked = dump::caught_async(driver.run(calls, &enough, time + limits.op_deadline + SLACK));
    let worked = worked.await.and_then(|worked| Ok(worked?));
    if worked.is_err() {
        calm.stop();
    }
    let mut failure = None;
    match fault_track.await {
        Ok(Ok(_)) => {}
        Ok(Err(e)) => broken.push(format!("the nemesis stopped early: {e}")),
        Err(panic) => failure = Some(dump::failure(&*panic.into_panic())),
    }
    forward.abort();

    ui.phase("heal", Duration::ZERO);
    let healing = clock.now();
    broken.extend(heal(&injector).await);
    let (nodes, dead) = (cluster.clone(), Arc::clone(&system));
    let ended = blocking(move || revive(&nodes, &*dead)).await;
    for node in &ended {
        ui.warn(&node.sentence(system.name()));
    }
    let recovered = recover(&cluster, &system, settle).await;
    if let Err(why) = &recovered {
        ui.warn(&format!(
            "the cluster did not recover within {settle:?}: {why}"
        ));
    }
    let healed = clock.now();

    let mut phases = Phases {
        workload: worked.as_ref().ok().map(window),
        heal: Some(Window {
            from: healing,
            until: healed,
        }),
        final_reads: None,
    };
    failure = worked.err().or(failure);
    if !stop.is_stopped() && failure.is_none() {
        ui.phase("final reads", Duration::ZERO);
        let reads = Box::new(workload.final_reads());
        let read = dump::caught_async(driver.run(reads, &stop, limits.op_deadline * 4 + SLACK));
        match read.await.and_then(|read| Ok(read?)) {
            Ok(read) => phases.final_reads = Some(window(&read)),
            Err(e) => failure = Some(e),
        }
    }
    let closed = dump::caught_async(driver.close()).await;
    if let Err(e) = closed.and_then(|closed| Ok(closed?)) {
        // A bug is worse than what it led to.
        failure = match failure {
            Some(first) if e.exit != Exit::Bug => Some(first),
            _ => Some(e),
        };
    }
    drop(follower);
    ui.progress(&counters.snapshot());
    Ok(Driven {
        phases,
        ended: ended.into_iter().map(|ended| ended.node).collect(),
        broken,
        failure,
    })
}

/// Calls at this rate, for this long.
fn paced(
    calls: impl Generator<Register> + 'static,
    rate: Rate,
    seed: Seed,
    time: Duration,
) -> Box<dyn Generator<Register>> {
    match rate {
        Rate::Unlimited => Box::new(calls.time_limit(time)),
        Rate::PerSecond(rate) => Box::new(calls.rate(rate, seed.derive("rate")).time_limit(time)),
    }
}

fn window(summary: &PhaseSummary) -> Window {
    Window {
        from: summary.started,
        until: summary.ended,
    }
}

#[expect(clippy::too_many_arguments, reason = "all of a run's parts meet here")]
fn injector(
    dir: &RunDir,
    cluster: &Cluster,
    system: &Arc<dyn System>,
    capabilities: Capabilities,
    deadman: DeadMan,
    clock: RunClock,
    counters: &Counters,
    ui: &Arc<Ui>,
) -> Result<Arc<Injector>, Failure> {
    let ledger = Ledger::open(&dir.path().join(LEDGER))
        .map_err(|e| Failure::infrastructure(format!("cannot keep the ledger of faults: {e}")))?;
    let counters = counters.clone();
    let calls = move || {
        let outcomes = counters.snapshot().outcomes;
        (outcomes.total(), outcomes.ok)
    };
    let (dir, ui) = (dir.clone(), Arc::clone(ui));
    let on_step = move |event: &FaultEvent| {
        if let Err(e) = dir.append_json(FAULTS, event) {
            ui.warn(&e.to_string());
        }
        ui.fault(event);
    };
    let injector = Injector::new(
        cluster.clone(),
        Arc::clone(system),
        capabilities,
        ledger,
        deadman,
        Arc::new(move || clock.now()),
        Arc::new(on_step),
    );
    Ok(Arc::new(injector.counting(Arc::new(calls))))
}

/// Undoes whatever is in force. What could not be undone.
async fn heal(injector: &Arc<Injector>) -> Vec<String> {
    let injector = Arc::clone(injector);
    let unhealed = blocking(move || injector.heal_all(Duration::from_secs(30))).await;
    let tell = |u: &nemesis::Unhealed| {
        format!(
            "{} could not be undone on {}: {}",
            u.what,
            u.nodes.join(", "),
            u.why
        )
    };
    unhealed.iter().map(tell).collect()
}

/// Waits until the cluster serves again.
async fn recover(
    cluster: &Cluster,
    system: &Arc<dyn System>,
    within: Duration,
) -> Result<(), String> {
    let (cluster, system) = (cluster.clone(), Arc::clone(system));
    blocking(move || {
        system
            .await_healthy(&cluster, within)
            .map_err(|e| e.to_string())
    })
    .await
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
