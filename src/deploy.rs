//! From a configuration to a cluster that serves: makes or reaches the nodes, refuses what could never work, and only
//! then deploys. Here targets get their types, and lose them again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use adapter::{AdapterFile, AdapterTarget, Attached, BadAdapter, Launched};
use control::{Cluster, Command, Local, Node, Remote, RemoteExt, System};
use embedded::{Embedded, EmbeddedConfig, LaunchError};
use etcd::{Etcd, EtcdTarget};
use generator::Seed;
use history::Register;
use lab::{Lab, LabConfig};
use nemesis::{
    Arrangement, Capabilities, DeadMan, Disks, Environments, Faults, Kind, Ledger, Refusal,
    TimeRange, heal_ledger, preflight,
};
use reports::RunMeta;
use runner::{Target, store::RunDir};
use workloads::{RegisterWorkload, Values};

use crate::{
    access::Access,
    args::Loudness,
    complaints::Complaints,
    config::{Config, LabChoice, Mode, TargetConfig, ValuesConfig},
    dump,
    exit::{Exit, Failure},
    flow::{self, Concluded, Ready},
    keep, logs,
    registry::{self, Entry},
    signals::Signals,
    ui::Ui,
};

/// Where a run's way to its nodes is kept.
pub(crate) const ACCESS: &str = "cluster.json";
/// How the directory of an embedded store's files begins, before the number of the process that has it.
pub(crate) const PLACE: &str = "schism-";
/// Where programs of adapters complain, in the run's directory.
const COMPLAINTS: &str = "adapter";
/// How long a fresh cluster may take to serve.
const HEALTHY: Duration = Duration::from_secs(60);
/// How often it is looked whether somebody has no patience any more.
const BEAT: Duration = Duration::from_millis(20);
/// How long healing may take after a bug of ours.
const HEALING: Duration = Duration::from_secs(30);

/// Opens the run's directory for nodes of these names, and says what is known of the run. Called once everything that
/// can be refused was not.
pub(crate) type Open<'a> = dyn Fn(&[String], &Ui) -> Result<(RunDir, RunMeta), Failure> + 'a;

/// Deploys, runs, removes what it deployed.
pub(crate) fn run(
    entry: &Entry,
    config: Config,
    seed: Seed,
    open: &Open<'_>,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    match entry.target {
        registry::Target::Embedded => embedded(config, seed, open, ui),
        registry::Target::Etcd => etcd(config, seed, open, ui),
        registry::Target::Adapter => match config.is_attached() {
            true => attached(config, seed, open, ui),
            false => launched(config, seed, open, ui),
        },
    }
}

/// Which faults this target can take on this cluster, and which not. The embedded store and a lab are made for the look,
/// and removed; a system is not started.
pub(crate) fn possible(
    entry: &Entry,
    config: &Config,
    ui: &Ui,
) -> Result<(Vec<Kind>, Vec<Refusal>), Failure> {
    let ask = |cluster: &Cluster, system: &dyn System| {
        Ok(
            match preflight(&Faults::all(), cluster, system, &ourselves()?) {
                Ok(prepared) => {
                    let tracks = prepared.faults.0.iter();
                    (tracks.map(|t| t.fault.kind()).collect(), prepared.left_out)
                }
                Err(none) => (Vec::new(), none),
            },
        )
    };
    match entry.target {
        registry::Target::Embedded => {
            let (_place, store, access) = launch(config)?;
            ask(&access.connect()?, &store)
        }
        registry::Target::Etcd => {
            let (access, _lab) = reach(config, ui)?;
            let cluster = access.connect()?;
            ask(&cluster, &Etcd::new(cluster.nodes().to_vec()))
        }
        registry::Target::Adapter if config.is_attached() => Err(Failure::usage(
            "nodes that others run can have no faults; say on which nodes it is started: --lab 3, or --node HOST",
        )),
        registry::Target::Adapter => {
            let file = adapter_file(config)?;
            let (access, _lab) = reach(config, ui)?;
            let cluster = access.connect()?;
            ask(&cluster, &launchable(&file, cluster.nodes())?)
        }
    }
}

/// Options are refused where they would be ignored.
pub(crate) fn refuse_foreign_options(
    entry: &Entry,
    layers: &crate::config::Layers,
) -> Result<(), Failure> {
    let all = registry::all().flat_map(|t| t.options.iter().map(move |o| (t, *o)));
    for (owner, option) in all {
        let origin = layers.origin(&format!("target.{option}"));
        if owner.name != entry.name && origin != crate::config::Origin::Defaults {
            return Err(Failure::usage(format!(
                "{origin}: {} has no option `{option}`; {} has it",
                entry.name, owner.name
            )));
        }
    }
    Ok(())
}

/// What a reader must know before blaming the target.
pub(crate) fn caveats(target: &TargetConfig) -> Vec<String> {
    let mut caveats = Vec::new();
    if target.adapter == "etcd" && target.serializable {
        caveats.push("reads are serializable, which etcd documents as possibly stale".to_owned());
    }
    if target.adapter == "embedded" && target.mode == Mode::Quorum {
        let (r, w, n) = (target.read_quorum, target.write_quorum, target.nodes);
        caveats.push(match u16::from(r) + u16::from(w) > u16::from(n) {
            true => {
                format!("R={r}, W={w}, N={n}: last write wins by wall clock, without consensus")
            }
            false => {
                format!("R={r}, W={w}, N={n}: R + W ≤ N, so a read need not meet the newest write")
            }
        });
    }
    caveats
}

fn workload(config: &Config, cas: bool) -> RegisterWorkload {
    let register = &config.workloads.register;
    RegisterWorkload {
        keys: register.keys,
        values: match register.values {
            ValuesConfig::Distinct => Values::Distinct,
            ValuesConfig::Small => Values::Small,
        },
        cas,
    }
}

/// The adapter that is named.
pub(crate) fn adapter_file(config: &Config) -> Result<Arc<AdapterFile>, Failure> {
    read_adapter(Path::new(&config.target.adapter))
}

/// The adapter in this file.
pub(crate) fn read_adapter(path: &Path) -> Result<Arc<AdapterFile>, Failure> {
    match AdapterFile::read(path) {
        Ok(file) => Ok(Arc::new(file)),
        Err(BadAdapter::Yaml { path, text, error }) => {
            Err(Failure::usage(crate::config::explain(&path, &text, &error)))
        }
        Err(other) => Err(Failure::usage(other.to_string())),
    }
}

/// The program that starts a node.
pub(crate) fn program(config: &Config) -> Result<String, Failure> {
    let file = adapter_file(config)?;
    let launched = launchable(&file, &[Node::new("n1", "127.0.0.1")])?;
    Ok(launched.program())
}

fn launchable(file: &Arc<AdapterFile>, nodes: &[Node]) -> Result<Launched, Failure> {
    let launched = Launched::new(Arc::clone(file), nodes.to_vec());
    launched.ok_or_else(|| {
        Failure::usage(format!(
            "{} does not say how a node is started: add `launch: {{ command: \"{} --listen {{address}}:{{port}}\" }}` to its \
             file, or let it be without a cluster and without faults, where others run it",
            file.name, file.name
        ))
    })
}

/// A database of the user's on the nodes of a cluster.
fn launched(
    mut config: Config,
    seed: Seed,
    open: &Open<'_>,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    let file = adapter_file(&config)?;
    launchable(&file, &[])?;
    let (access, _held) = reach(&config, ui)?;
    let cluster = access.connect()?;
    become_root(&cluster)?;
    let system = launchable(&file, cluster.nodes())?;
    let target = AdapterTarget::new(
        Arc::clone(&file),
        system.addresses(),
        config.run.op_timeout.0,
    );
    let offers = system.offers();
    let system: Arc<dyn System> = Arc::new(system);
    let capabilities = refuse_impossible(&mut config, &cluster, &*system, ui)?;
    system.install(&cluster)?;
    let (dir, meta) = open(&names(cluster.nodes()), ui)?;
    dir.write_json(ACCESS, &access)?;
    keep_adapter(&dir, &config, &file, ui);
    let deadman = DeadMan::new(cluster.clone(), &dir.id(), config.cluster.lease.0);
    serve(
        Ready {
            workload: workload(&config, true),
            offers: Some(offers),
            target: target.complaining_into(dir.path().join(COMPLAINTS)),
            config,
            seed,
            meta,
            dir,
            cluster,
            system,
            capabilities,
            deadman,
        },
        ui,
    )
}

/// A database that others run: it is asked, and nothing is done to it.
fn attached(
    config: Config,
    seed: Seed,
    open: &Open<'_>,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    let file = adapter_file(&config)?;
    let mut at = config.target.at.clone();
    if at.is_empty() {
        at.push(file.here());
    }
    let system = Attached::new(Arc::clone(&file), &at);
    let first = fresh_keys();
    ui.note(&format!(
        "{} is run by others: no faults; key 0 of this run is their key {first}, which nobody used before",
        file.name
    ));
    let target = AdapterTarget::new(
        Arc::clone(&file),
        system.addresses().clone(),
        config.run.op_timeout.0,
    );
    let access = Access::Attached {
        nodes: system.nodes().to_vec(),
    };
    let cluster = access.connect()?;
    let offers = system.offers();
    let system: Arc<dyn System> = Arc::new(system);
    let (dir, meta) = open(&names(cluster.nodes()), ui)?;
    dir.write_json(ACCESS, &access)?;
    keep_adapter(&dir, &config, &file, ui);
    serve(
        Ready {
            workload: workload(&config, true),
            offers: Some(offers),
            target: target
                .complaining_into(dir.path().join(COMPLAINTS))
                .keys_from(first),
            config,
            seed,
            meta,
            dir,
            cluster,
            system,
            capabilities: Capabilities::default(),
            deadman: DeadMan::none(),
        },
        ui,
    )
}

/// Keeps what the adapter is now. Best effort: a run is worth more than the copy.
fn keep_adapter(dir: &RunDir, config: &Config, file: &AdapterFile, ui: &Ui) {
    for missing in keep::adapter(dir, Path::new(&config.target.adapter), file) {
        ui.aside(&missing);
    }
}

/// A place in the numbers that no other run has: what is written there stays. JSON keeps numbers below 2^53 whole.
fn fresh_keys() -> i64 {
    let mut random = [0; 8];
    // Without randomness two runs may share keys if they begin in the same moment; there has never been such a machine.
    let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    let draw = i64::try_from(u64::from_ne_bytes(random) >> 20).expect("44 bits");
    (1 << 52) + (draw << 7)
}

fn names(nodes: &[Node]) -> Vec<String> {
    nodes.iter().map(|n| n.name.clone()).collect()
}

/// This program, as it can be started again.
pub(crate) fn ourselves() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|e| Failure::infrastructure(format!("cannot find this program's own file: {e}")))
}

/// The embedded store's processes, the directory they live in, and the way to them.
fn launch(config: &Config) -> Result<(tempfile::TempDir, Embedded, Access), Failure> {
    if config.cluster.lab.is_some() || !config.cluster.nodes.is_empty() {
        return Err(Failure::usage(
            "the embedded store runs on this machine and takes no --lab and no --node; say how many with --nodes",
        ));
    }
    let mode = match config.target.mode {
        Mode::Consensus => embedded::Mode::Consensus,
        Mode::Quorum => embedded::Mode::Quorum {
            r: config.target.read_quorum.into(),
            w: config.target.write_quorum.into(),
        },
    };
    let place = tempfile::Builder::new()
        .prefix(&format!("{PLACE}{}-", std::process::id()))
        .tempdir()
        .map_err(|e| {
            Failure::infrastructure(format!(
                "no temporary directory for the embedded store: {e}"
            ))
        })?;
    let launch = EmbeddedConfig {
        dir: place.path().join("store"),
        exe: ourselves()?,
        nodes: config.target.nodes.into(),
        mode,
    };
    let store = Embedded::launch(launch).map_err(|e| match e {
        LaunchError::Config(why) => Failure::usage(why),
        other => Failure::infrastructure(other.to_string()),
    })?;
    let access = Access::Embedded {
        nodes: store.nodes().to_vec(),
        place: place.path().to_owned(),
    };
    Ok((place, store, access))
}

fn embedded(
    mut config: Config,
    seed: Seed,
    open: &Open<'_>,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    let (_place, store, access) = launch(&config)?;
    let cas = config.target.mode == Mode::Consensus;
    let cluster = access.connect()?;
    let capabilities = refuse_impossible(&mut config, &cluster, &store, ui)?;
    let (dir, meta) = open(&names(cluster.nodes()), ui)?;
    dir.write_json(ACCESS, &access)?;
    let workload = workload(&config, cas);
    let target = store.target();
    let system: Arc<dyn System> = Arc::new(store);
    let deadman = DeadMan::none();
    serve(
        Ready {
            config,
            seed,
            meta,
            dir,
            cluster,
            system,
            capabilities,
            target,
            workload,
            offers: None,
            deadman,
        },
        ui,
    )
}

fn etcd(
    mut config: Config,
    seed: Seed,
    open: &Open<'_>,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    let (access, held) = reach(&config, ui)?;
    let cluster = access.connect()?;
    become_root(&cluster)?;
    let system: Arc<dyn System> = Arc::new(Etcd::new(cluster.nodes().to_vec()));
    let capabilities = refuse_impossible(&mut config, &cluster, &*system, ui)?;
    let (dir, meta) = open(&names(cluster.nodes()), ui)?;
    dir.write_json(ACCESS, &access)?;
    if held.is_none() {
        system.install(&cluster)?;
    }
    let workload = workload(&config, true);
    let target = EtcdTarget {
        serializable: config.target.serializable,
    };
    let deadman = DeadMan::new(cluster.clone(), &dir.id(), config.cluster.lease.0);
    serve(
        Ready {
            config,
            seed,
            meta,
            dir,
            cluster,
            system,
            capabilities,
            target,
            workload,
            offers: None,
            deadman,
        },
        ui,
    )
}

/// Starts the system, runs, and stops the system whatever came of either.
fn serve<T: Target<Register>>(ready: Ready<T>, ui: &Arc<Ui>) -> Result<Concluded, Failure> {
    let (cluster, system) = (ready.cluster.clone(), Arc::clone(&ready.system));
    let (disks, environments) = lay(&ready)?;
    // What was put on the nodes is needed there until the last filesystem is unmounted.
    let _uploads = Arc::clone(&ready.capabilities.uploads);
    let ledger = ready.dir.path().join(flow::LEDGER);
    let dir = ready.dir.clone();
    let concluded =
        dump::caught(|| start(ready, &environments, ui)).and_then(|concluded| concluded);
    if concluded.is_err() {
        // Before they are removed: they may say why.
        for missing in logs::collect(&cluster, &*system, &dir) {
            ui.note(&missing);
        }
    }
    if concluded.as_ref().is_err_and(|e| e.exit == Exit::Bug) {
        heal_after_a_bug(&ledger, &cluster, ui);
    }
    // In this order: the directories that it removes are free of mounts then.
    let unmounted = disks.unmount();
    let stopped = system.stop(&cluster);
    let removed = environments.remove();
    let mut concluded = concluded?;
    if let Err(e) = unmounted {
        concluded
            .broken
            .push(format!("a filesystem was not unmounted: {e}"));
    }
    if let Err(e) = removed {
        let what = format!("what processes are started with was not removed: {e}");
        concluded.broken.push(what);
    }
    if let Err(e) = stopped {
        let what = format!("{} was not stopped: {e}", system.name());
        concluded.broken.push(what);
    }
    Ok(concluded)
}

/// What a bug left undone, as `schism heal` would do it.
fn heal_after_a_bug(ledger: &Path, cluster: &Cluster, ui: &Ui) {
    match heal_ledger(ledger, cluster, HEALING) {
        Ok(report) => {
            for left in report.left {
                ui.warn(&format!(
                    "{} {} on {}: NOT HEALED: {}",
                    left.kind, left.what, left.node, left.why
                ));
            }
        }
        Err(e) => ui.warn(&format!("cannot heal: {e}")),
    }
}

/// What faults need to be there before the system starts: filesystems that can fail, under the data, and what processes are
/// started with.
fn lay<T>(ready: &Ready<T>) -> Result<(Disks, Environments), Failure> {
    let broken = |e: String| Failure::infrastructure(format!("no filesystem under the data: {e}"));
    let ledger =
        Ledger::open(&ready.dir.path().join(flow::LEDGER)).map_err(|e| broken(e.to_string()))?;
    let run = ready.dir.id();
    let uploads = &ready.capabilities.uploads;
    uploads.guard(&ready.deadman).map_err(broken)?;
    let environments = Environments::lay(
        &ready.config.faults,
        &ready.cluster,
        &*ready.system,
        &ready.capabilities,
        (&run, &ledger, &ready.deadman),
    )
    .map_err(|e| Failure::infrastructure(format!("no libfaketime for the processes: {e}")))?;
    let disks = Disks::mount(
        &ready.config.faults,
        &ready.cluster,
        &*ready.system,
        &ready.capabilities,
        (&run, &ledger, &ready.deadman),
    );
    match disks {
        Ok(disks) => Ok((disks, environments)),
        Err(e) => {
            // What cannot be removed now is in the ledger.
            let _ = environments.remove();
            Err(broken(e))
        }
    }
}

fn start<T: Target<Register>>(
    mut ready: Ready<T>,
    environments: &Environments,
    ui: &Arc<Ui>,
) -> Result<Concluded, Failure> {
    let (cluster, system) = (&ready.cluster, &ready.system);
    // Whoever wants it to end before anything was asked of the target need not wait until it could be.
    let signals = Signals::watch()?;
    let _ear = signals.listen()?;
    let patient = || match signals.failure("stopped before anything was asked of the target") {
        Some(failure) => Err(failure),
        None => Ok(()),
    };
    patient()?;
    let _complaints = (ui.loudness() >= Loudness::Verbose)
        .then(|| Complaints::follow(ready.dir.path().join(COMPLAINTS), ui))
        .transpose()?;
    system.start(cluster)?;
    ui.phase("ready", Duration::ZERO);
    patient()?;
    await_healthy(cluster, system, environments, &patient)?;
    environments
        .take_effect()
        .map_err(Failure::infrastructure)?;
    patient()?;
    if let Some(offers) = &ready.offers {
        ready.workload.cas = offers.cas();
    }
    ready.meta.target_version = system.version(cluster).ok();
    ready.dir.write_json(flow::META, &ready.meta)?;
    flow::run(ready, ui)
}

/// Waits until it serves, or until nobody waits any more. Then whoever asks it goes on asking in vain, and changes nothing.
fn await_healthy(
    cluster: &Cluster,
    system: &Arc<dyn System>,
    environments: &Environments,
    patient: &dyn Fn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (asked, of) = (Arc::clone(system), cluster.clone());
    let asking = std::thread::Builder::new()
        .name("schism-ready".to_owned())
        .spawn(move || asked.await_healthy(&of, HEALTHY))
        .map_err(|e| Failure::infrastructure(format!("cannot start a thread: {e}")))?;
    while !asking.is_finished() {
        patient()?;
        std::thread::sleep(BEAT);
    }
    match asking.join() {
        Ok(healthy) => healthy.map_err(|error| match environments.suspect() {
            Some(suspect) => Failure::infrastructure(format!("{error}; {suspect}")),
            None => error.into(),
        }),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Every fault that could never work here, told at once and before anything is deployed.
///
/// What was asked for only where it is possible (`--faults all`), and is not, is taken out of the configuration.
fn refuse_impossible(
    config: &mut Config,
    cluster: &Cluster,
    system: &dyn System,
    ui: &Ui,
) -> Result<Capabilities, Failure> {
    if config.schedule.watches_leader() && system.primaries().is_none() {
        return Err(Failure::usage(format!(
            "the schedule waits for a change of leader, and {} has no leader that could be asked for; nothing was deployed",
            system.name()
        )));
    }
    let prepared =
        preflight(&config.faults, cluster, system, &ourselves()?).map_err(|refusals| {
            let list: String = refusals.iter().map(|r| format!("\n  {r}")).collect();
            Failure::usage(format!(
                "{} cannot take what was asked for; nothing was deployed:{list}",
                system.name()
            ))
        })?;
    if let Some(words) = left_out(&prepared.left_out, &config.target.adapter) {
        ui.note(&words);
    }
    for refusal in &prepared.left_out {
        ui.aside(&format!("left out: {refusal}"));
    }
    config.faults = prepared.faults;
    let tracks = &config.faults.0;
    // Twenty tracks at once would show nothing but that they are too many: unless somebody wishes otherwise, one of all
    // after the other.
    let all = !tracks.is_empty() && tracks.iter().all(|track| track.optional);
    if all && config.schedule.arrangement == Arrangement::Overlapping {
        let every = config.run.time.0 / 15;
        config.schedule.arrangement = Arrangement::Mix {
            weights: BTreeMap::new(),
            every: Some(TimeRange::exactly(
                every.clamp(Duration::from_secs(2), Duration::from_secs(20)),
            )),
            lasting: None,
        };
    }
    Ok(prepared.capabilities)
}

/// One line for all the faults that were asked for only where they are possible; the reasons are long, and can be had.
fn left_out(refusals: &[Refusal], target: &str) -> Option<String> {
    let kinds: BTreeSet<Kind> = refusals.iter().map(|refusal| refusal.fault).collect();
    let names: Vec<_> = kinds.iter().map(|kind| kind.word()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "left out, being impossible here: {}; why: log.txt, or schism list faults {target}",
            names.join(", ")
        )
    })
}

/// The way to the hosts that a configuration names.
pub(crate) fn hosts(config: &Config) -> Access {
    Access::Hosts {
        nodes: config.cluster.nodes.clone(),
        ssh: config.cluster.ssh.clone(),
    }
}

/// Makes the lab, or finds it, or says how to name hosts.
fn reach(config: &Config, ui: &Ui) -> Result<(Access, Option<Lab>), Failure> {
    let cluster = &config.cluster;
    if !cluster.nodes.is_empty() {
        return Ok((hosts(config), None));
    }
    let (lab, owned) = match &cluster.lab {
        None => {
            return Err(Failure::usage(format!(
                "{} needs nodes: --lab 5 builds five on this machine (as root), --node HOST names one of yours",
                config.target.adapter
            )));
        }
        Some(LabChoice::Nodes(nodes)) => {
            let missing = lab::preflight();
            if missing.is_empty() {
                // Nodes have no way to a package server; they see what is installed here.
                install_here(config)?;
            }
            let name = format!("run-{}", std::process::id());
            let lab = Lab::up(&LabConfig::new(name, *nodes, ourselves()?).owned())?;
            (lab, true)
        }
        Some(LabChoice::Name(name)) => (Lab::find(name)?, false),
    };
    for note in lab.notes() {
        ui.note(note);
    }
    lab.enter_network()?;
    Ok((
        Access::Lab {
            name: lab.config().name.clone(),
            owned,
        },
        Some(lab),
    ))
}

fn install_here(config: &Config) -> Result<(), Failure> {
    let here = Arc::new(Local::new(Node::new("this machine", "127.0.0.1"))) as Arc<dyn Remote>;
    let cluster = Cluster::new(vec![here], Vec::new());
    match config.target.adapter.as_str() {
        "etcd" => Ok(Etcd::new(Vec::new()).install(&cluster)?),
        _ => Ok(()),
    }
}

/// Whatever is done on nodes needs root: better to know before anything is deployed.
fn become_root(cluster: &Cluster) -> Result<(), Failure> {
    let nothing = Command::new(["true"]).root().idempotent();
    for result in cluster.on_each(cluster.nodes(), |_, remote| remote.run(&nothing)) {
        result?;
    }
    Ok(())
}
