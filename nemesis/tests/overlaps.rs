//! Two faults on one node, for every pair of sorts: carried out by the real injector on nodes of paper, which note what they
//! are told and do nothing.
//!
//! What a fault does on a node goes by a mark of its own, and whatever has none it must have for itself alone. So the nodes
//! are modelled as sets of marks, with one process each: healing one fault must leave exactly what the other has made, in
//! either order.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use control::{
    Administration, Chore, Clocks, Cluster, Command, DataFiles, Error, Membership, Node, Output,
    Primaries, Processes, Remote, System,
};
use history::{Outcome, fault::FaultId};
use proptest::{prelude::*, test_runner::TestRunner};
use schism_nemesis::{
    Action, Addresses, Capabilities, Carried, DeadMan, Expect, FaultSpec, Filter, Injector, Kind,
    Ledger, Limits, Means, Order, PacketFilter, Role, Shaper,
};
use support::{Steps, nodes};

/// Where the second fault meets the first.
const NODE: &str = "n2";
const NODES: usize = 5;

/// Notes what it is told, and succeeds.
struct Paper {
    node: Node,
    told: Told,
}

type Told = Arc<Mutex<Vec<(String, Command)>>>;

impl Remote for Paper {
    fn node(&self) -> &Node {
        &self.node
    }
    fn exec(&self, command: &Command) -> Result<Output, Error> {
        let told = (self.node.name.clone(), command.clone());
        self.told.lock().unwrap().push(told);
        Ok(Output {
            status: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }
    fn upload(&self, _: &[u8], _: &str, _: u32) -> Result<(), Error> {
        unreachable!("faults upload nothing")
    }
    fn download(&self, _: &str, _: &Path, _: u64) -> Result<u64, Error> {
        unreachable!("faults download nothing")
    }
}

/// A system to which everything can be done. `n2` leads.
struct Db {
    own_clocks: bool,
}

/// What only whoever has the process may say.
const PROCESS: [&str; 8] = [
    "db-kill",
    "db-start",
    "db-pause",
    "db-resume",
    "db-terminate",
    "db-remove",
    "db-add",
    "db-join",
];

fn db(word: &str) -> Command {
    Command::new([word]).root().idempotent()
}

impl Processes for Db {
    fn kill(&self, _: &Node) -> Command {
        db("db-kill")
    }
    fn start(&self, _: &Node) -> Command {
        db("db-start")
    }
    fn pause(&self, _: &Node) -> Command {
        db("db-pause")
    }
    fn resume(&self, _: &Node) -> Command {
        db("db-resume")
    }
    fn state(&self, _: &Node) -> Command {
        db("db-state")
    }
    fn terminate(&self, _: &Node) -> Option<Command> {
        Some(db("db-terminate"))
    }
    fn pid_file(&self, _: &Node) -> Option<String> {
        Some("/run/db.pid".into())
    }
}

impl Clocks for Db {
    fn set(&self, _: &Node, milliseconds: i64) -> Command {
        Command::new(["db-clock", &milliseconds.to_string()])
    }
    fn wrong_by(&self, _: &Node) -> Command {
        db("db-clock-wrong-by")
    }
}

impl DataFiles for Db {
    fn directories(&self, _: &Node) -> Vec<String> {
        vec!["/data/db".into(), "/data/wal".into()]
    }
}

impl Primaries for Db {
    fn primaries(&self, _: &Cluster) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::new(NODE, "")])
    }
}

impl Administration for Db {
    fn programs(&self) -> &[&str] {
        &[]
    }
    fn move_leader(&self, _: &Node, _: &Node) -> Option<Command> {
        Some(db("db-move-leader"))
    }
    fn leads(&self, _: &Node) -> Option<Command> {
        Some(db("db-leads"))
    }
    fn chores(&self, _: &Node) -> Vec<Chore> {
        vec![Chore {
            name: "compact".into(),
            run: db("db-compact"),
            look: db("db-revision"),
        }]
    }
}

impl Membership for Db {
    fn remove(&self, _: &Node, _: &[Node]) -> Command {
        db("db-remove")
    }
    fn add(&self, _: &Node, _: &[Node]) -> Command {
        db("db-add")
    }
    fn join(&self, _: &Node) -> Command {
        db("db-join")
    }
    fn members(&self, _: &Node, _: &[Node]) -> Command {
        db("db-members")
    }
}

impl System for Db {
    support::there_already!("db", 2379);
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
    fn primaries(&self) -> Option<&dyn Primaries> {
        Some(self)
    }
    fn clocks(&self) -> Option<&dyn Clocks> {
        self.own_clocks.then_some(self)
    }
    fn data_files(&self) -> Option<&dyn DataFiles> {
        Some(self)
    }
    fn administration(&self) -> Option<&dyn Administration> {
        Some(self)
    }
    fn membership(&self) -> Option<&dyn Membership> {
        Some(self)
    }
}

/// Ways to ask for each sort, all of them on `n2`.
fn ways(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Partition => &[
            "{ at: [[n2]] }",
            "{ at: [[n2]], how: reject }",
            "{ at: [[n2]], ports: [2380] }",
            "{ at: [[n2]], flap: 200ms }",
        ],
        Kind::Kill
        | Kind::Pause
        | Kind::Terminate
        | Kind::ReadOnly
        | Kind::Freeze
        | Kind::Maintenance
        | Kind::Membership
        | Kind::Fill => &["{ at: [[n2]] }", "{ at: leader }"],
        Kind::CrashLoop => &["{ at: [[n2]] }", "{ at: [[n2]], up: 1s, down: 1s }"],
        Kind::RollingRestart => &["{ at: [[n2]] }", "{ at: [[n2]], gap: 1s }"],
        Kind::Cpu => &["{ at: [[n2]] }", "{ at: all, threads: 1 }"],
        Kind::Memory => &["{ at: [[n2]] }", "{ at: all, megabytes: 64 }"],
        Kind::Descriptors => &["{ at: [[n2]] }", "{ at: leader, spare: 3 }"],
        Kind::Corrupt => &["{ at: [[n2]] }", "{ at: [[n2]], restart: true }"],
        Kind::Power => &["{ at: [[n2]] }", "{ at: [[n2]], command: reboot -f }"],
        Kind::WrongClock => &[
            "{ at: [[n2]] }",
            "{ at: [[n2]], how: [ahead, back] }",
            "{ at: [[n2]], machine: true }",
        ],
        Kind::MoveLeader => &["{ at: [[n3]] }", "{}"],
        Kind::Disk => &["{ at: [[n2]] }", "{ at: [[n2]], how: full, path: wal }"],
        Kind::LoseUnsynced => &["{ at: [[n2]] }", "{ at: [[n2]], survive: torn }"],
        Kind::Packets => &[
            "{ at: [[n2]] }",
            "{ at: [[n2]], delay: 20ms, one-way: true }",
        ],
        Kind::Wan => &["{}", "{ preset: fibre }"],
    }
}

/// Whether it decides whether the process of its node runs.
fn has_the_process(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Partition
            | Kind::Packets
            | Kind::Wan
            | Kind::Cpu
            | Kind::Memory
            | Kind::Descriptors
            | Kind::WrongClock
            | Kind::MoveLeader
            | Kind::Maintenance
    )
}

/// Why the second cannot come while the first is in force: words of what the run's record says then.
fn excluded(first: &FaultSpec, second: &FaultSpec, setting: Setting) -> Option<&'static str> {
    let kinds = [first.kind(), second.kind()];
    let both = |these: [Kind; 2]| kinds.iter().all(|kind| these.contains(kind));
    let rewritten = |spec: &FaultSpec| match spec {
        FaultSpec::WrongClock(clock) => !setting.own_clocks && !clock.machine,
        _ => false,
    };
    let frozen = kinds.contains(&Kind::Freeze);
    if has_the_process(kinds[0]) && has_the_process(kinds[1]) {
        return Some("n2 is already under a fault (f1 on n2)");
    }
    // Nobody compacts a database that is down.
    if has_the_process(kinds[0]) && kinds[1] == Kind::Maintenance {
        return Some("n2 is already under a fault (f1 on n2)");
    }
    if both([Kind::WrongClock; 2]) {
        return Some("the clock of n2 is still under f1");
    }
    if frozen && (rewritten(first) || rewritten(second)) {
        return Some("the threads of n2 is still under f1");
    }
    if both([Kind::Descriptors; 2]) {
        return Some("the limit on open files of n2 is still under f1");
    }
    if setting.means == Means::Netem && both([Kind::Packets, Kind::Wan]) {
        return Some("the traffic control of n");
    }
    None
}

/// What the nodes have.
#[derive(Debug, Clone, Copy)]
struct Setting {
    means: Means,
    filter: Filter,
    own_clocks: bool,
}

struct Bench {
    injector: Injector,
    told: Told,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new(setting: Setting) -> Self {
        // In memory where that can be: thousands of ledgers are synced, line by line.
        let memory = tempfile::tempdir_in("/dev/shm");
        let dir = memory.or_else(|_| tempfile::tempdir()).unwrap();
        let told = Told::default();
        let remotes = nodes(NODES).into_iter().map(|node| {
            let told = Arc::clone(&told);
            Arc::new(Paper { node, told }) as Arc<dyn Remote>
        });
        let cluster = Cluster::new(remotes.collect(), vec!["10.0.0.100".into()]);
        let all = nodes(NODES);
        let each = |of: &dyn Fn(&Node) -> String| -> BTreeMap<String, String> {
            all.iter().map(|n| (n.name.clone(), of(n))).collect()
        };
        let addresses = all.iter().map(|n| n.address.clone());
        let addresses = Addresses::known(
            addresses
                .map(|a| (a.clone(), vec![a.parse().unwrap()]))
                .collect(),
        );
        let filters = all.iter().map(|n| (n.name.clone(), setting.filter));
        let capabilities = Capabilities {
            net: Some(Arc::new(PacketFilter::new(
                filters.collect(),
                addresses.clone(),
                22,
            ))),
            shaper: Some(Arc::new(Shaper::new(
                setting.means,
                false,
                addresses,
                BTreeMap::new(),
            ))),
            helper: each(&|_| "/opt/schism".into()),
            ..Capabilities::default()
        };
        let steps = Steps::default();
        let own_clocks = setting.own_clocks;
        let injector = Injector::new(
            cluster,
            Arc::new(Db { own_clocks }),
            capabilities,
            Ledger::open(&dir.path().join("ledger.jsonl")).unwrap(),
            DeadMan::none(),
            steps.clock(),
            steps.keep(),
        );
        // Paper answers nothing, so nothing is worth waiting for.
        let now = Duration::ZERO;
        let injector = injector.limits(Limits {
            leader: now,
            verify: now,
            heal: Duration::from_secs(5),
            heal_verify: now,
        });
        Self {
            injector,
            told,
            _dir: dir,
        }
    }

    /// Carries it out; why not, otherwise.
    fn inject(&self, fault: u32, spec: &FaultSpec, seed: u64) -> Result<Vec<Action>, String> {
        let outcome = self.injector.carry_out(&Order::Inject {
            fault: FaultId(fault),
            spec: spec.clone(),
            seed,
        });
        match outcome {
            Outcome::Ok(Carried::Injected { .. }) => Ok(self.actions(fault)),
            Outcome::Fail(why) => Err(why.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn actions(&self, fault: u32) -> Vec<Action> {
        let owed = self.injector.outstanding().into_iter();
        let mut own: Vec<Action> = owed
            .filter(|owed| owed.fault == FaultId(fault))
            .map(|owed| owed.action)
            .collect();
        own.sort_by(|a, b| a.node.cmp(&b.node));
        own
    }

    /// Heals it: everything but questions that the nodes were told meanwhile.
    fn heal(&self, fault: u32, actions: &[Action]) -> Vec<(String, Command)> {
        self.told.lock().unwrap().clear();
        let order = Order::Heal {
            fault: FaultId(fault),
        };
        let outcome = self.injector.carry_out(&order);
        assert!(
            matches!(outcome, Outcome::Ok(Carried::Healed { .. })),
            "{outcome:?}"
        );
        let undone = |(node, command): &(String, Command)| {
            let undo = |action: &&Action| action.node == *node && same(&action.undo, command);
            actions.iter().any(|action| undo(&action))
        };
        let told = self.told.lock().unwrap();
        told.iter().filter(|told| undone(told)).cloned().collect()
    }
}

/// How long an undo may take depends on when it is tried.
fn same(a: &Command, b: &Command) -> bool {
    (&a.argv, &a.stdin) == (&b.argv, &b.stdin)
}

fn text(command: &Command) -> String {
    format!(
        "{}\n{}",
        command.argv.join("\n"),
        command.stdin.clone().unwrap_or_default()
    )
}

/// The marks of a fault in what a node is told: `f1`, `f1-n2`, `f1-1-000000ab`, wherever no letter or digit stands around.
fn marks(command: &Command, fault: u32) -> BTreeSet<String> {
    let name = format!("f{fault}");
    let text = text(command);
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(&name) {
        let (before, after) = (&text[..at], &text[at..]);
        let whole = &after[..after.find(|c| !part(c)).unwrap_or(after.len())];
        let begins = before
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_ascii_alphanumeric());
        if begins && (whole == name || whole.starts_with(&format!("{name}-"))) {
            found.insert(whole.to_owned());
        }
    }
    found
}

/// Nodes as a model: whose marks are on each, and who has its process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    marks: BTreeSet<(String, String)>,
    processes: BTreeMap<String, u32>,
}

impl Model {
    fn apply(&mut self, fault: u32, actions: &[Action]) {
        for action in actions {
            let on = |mark| (action.node.clone(), mark);
            self.marks
                .extend(marks(&action.apply, fault).into_iter().map(on));
            if action.probe.role == Role::State {
                let had = self.processes.insert(action.node.clone(), fault);
                assert_eq!(had, None, "two faults have the process of {}", action.node);
            }
        }
    }
    /// What a node is told to undo: whatever marks it names are gone, whoever made them.
    fn undo(&mut self, told: &[(String, Command)], actions: &[Action], faults: &[u32]) {
        for (node, command) in told {
            for fault in faults {
                for mark in marks(command, *fault) {
                    self.marks.remove(&(node.clone(), mark));
                }
            }
            let state = |a: &&Action| a.node == *node && a.probe.role == Role::State;
            if actions.iter().any(|action| state(&action)) {
                self.processes.remove(node);
            }
        }
    }
}

/// What each action must be for the model to say anything about it.
fn well_marked(kind: Kind, fault: u32, other: u32, actions: &[Action], setting: Setting) {
    for action in actions {
        let (apply, undo) = (marks(&action.apply, fault), marks(&action.undo, fault));
        assert!(
            apply.is_subset(&undo),
            "{kind}: {apply:?} is made, and {undo:?} is removed"
        );
        for command in [&action.apply, &action.undo] {
            assert_eq!(
                marks(command, other),
                BTreeSet::new(),
                "{kind} names what is another fault's: {command:?}"
            );
            let text = text(command);
            let says = PROCESS.iter().find(|word| text.contains(**word));
            assert!(
                says.is_none() || action.probe.role == Role::State,
                "{kind} does {says:?} to a process that it does not have"
            );
        }
        let nothing_to_undo = action.undo.argv == ["true"];
        let own_state = action.probe.role == Role::State;
        // A clock is set to what was said last, and there is one: whoever has it, has it alone.
        let own_clock = kind == Kind::WrongClock;
        assert!(
            !apply.is_empty() || nothing_to_undo || own_state || own_clock,
            "{kind} does what nobody could tell from another fault's: {:?}, {setting:?}",
            action.apply
        );
        assert_ne!(action.probe.during, Expect::Fails, "paper never fails");
    }
}

fn way() -> impl Strategy<Value = (prop::sample::Index, u64)> {
    (any::<prop::sample::Index>(), any::<u64>())
}

fn setting() -> impl Strategy<Value = Setting> {
    let means = prop::sample::select(vec![Means::Delayer, Means::Netem]);
    let filter = prop::sample::select(vec![Filter::Nftables, Filter::Iptables]);
    (means, filter, any::<bool>()).prop_map(|(means, filter, own_clocks)| Setting {
        means,
        filter,
        own_clocks,
    })
}

fn spec(kind: Kind, way: prop::sample::Index) -> FaultSpec {
    let ways = ways(kind);
    let line = format!("{kind}: {}", ways[way.index(ways.len())]);
    let faults: schism_nemesis::Faults = serde_yaml::from_str(&line).unwrap();
    faults.0[0].fault.clone()
}

/// The first comes, the second comes if it can, and they go in either order.
fn overlap(specs: [&FaultSpec; 2], seeds: [u64; 2], setting: Setting, second_first: bool) -> bool {
    let bench = Bench::new(setting);
    let kinds = specs.map(FaultSpec::kind);
    let first = bench.inject(1, specs[0], seeds[0]).unwrap();
    well_marked(kinds[0], 1, 2, &first, setting);
    let mut model = Model::default();
    model.apply(1, &first);
    let one = model.clone();

    let told = bench.told.lock().unwrap().len();
    let second = match (
        bench.inject(2, specs[1], seeds[1]),
        excluded(specs[0], specs[1], setting),
    ) {
        (Ok(actions), None) => actions,
        (Err(why), Some(words)) => {
            assert!(why.contains(words), "{kinds:?}: {why}");
            assert_eq!(
                bench.told.lock().unwrap().len(),
                told,
                "a skipped fault does nothing"
            );
            let gone = bench.heal(1, &first);
            model.undo(&gone, &first, &[1, 2]);
            assert_eq!(model, Model::default(), "{kinds:?}");
            // When it is free again, the second may have it.
            assert!(bench.inject(3, specs[1], seeds[1]).is_ok(), "{kinds:?}");
            return false;
        }
        (met, expected) => panic!("{kinds:?}: expected {expected:?}, met {met:?}"),
    };
    well_marked(kinds[1], 2, 1, &second, setting);
    assert_eq!(bench.actions(1), first, "the first is owed as it was");
    model.apply(2, &second);
    let mut two = Model::default();
    two.apply(2, &second);

    let (goes, stays, left) = if second_first {
        ((2, &second), (1, &first), one)
    } else {
        ((1, &first), (2, &second), two)
    };
    let gone = bench.heal(goes.0, goes.1);
    model.undo(&gone, goes.1, &[1, 2]);
    assert_eq!(
        model, left,
        "{kinds:?}: healing f{} touched more than its own",
        goes.0
    );
    assert_eq!(&bench.actions(stays.0), stays.1, "{kinds:?}");
    let gone = bench.heal(stays.0, stays.1);
    model.undo(&gone, stays.1, &[1, 2]);
    assert_eq!(model, Model::default(), "{kinds:?}: something is left");
    assert_eq!(bench.injector.outstanding(), []);
    true
}

/// How often each pair is tried; more with `SCHISM_PROPERTY_CASES`.
fn cases() -> u32 {
    let more = std::env::var("SCHISM_PROPERTY_CASES").ok();
    more.and_then(|cases| cases.parse().ok()).unwrap_or(3)
}

#[test]
fn two_faults_of_any_sorts_on_one_node_heal_alone_in_either_order_or_never_meet() {
    let mut config = ProptestConfig::with_cases(cases());
    config.failure_persistence = None;
    config.max_shrink_iters = 10;
    let (met, never) = (Cell::new(0), Cell::new(0));
    for first in Kind::ALL {
        for second in Kind::ALL {
            let mut runner = TestRunner::new(config.clone());
            let tried = runner.run(
                &(way(), way(), setting(), any::<bool>()),
                |((a, a_seed), (b, b_seed), setting, second_first)| {
                    let specs = [&spec(*first, a), &spec(*second, b)];
                    match overlap(specs, [a_seed, b_seed], setting, second_first) {
                        true => met.set(met.get() + 1),
                        false => never.set(never.get() + 1),
                    }
                    Ok(())
                },
            );
            if let Err(why) = tried {
                panic!("{first} and {second}: {why}");
            }
        }
    }
    let (met, never) = (met.get(), never.get());
    assert!(met > never && never > 100, "{met} met, {never} did not");
}
