//! Wrong clocks as plans: what is decided from a seed, for systems with clocks of their own and for those whose processes
//! are struck, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use control::{Clocks, Cluster, Command, Error, Node, Processes, Remote, System};
use history::fault::FaultId;
use proptest::prelude::*;
use schism_nemesis::{
    Action, Aim, Capabilities, ClockMeans, DeadMan, Environments, Expect, Faketime, Fault, Faults,
    Kind, Leaders, Ledger, Plan, Role, Skip, Sole, TimeRange, View, Wrong, WrongClock, preflight,
};
use support::nodes;

/// A database, with clocks of its own or with processes that are known.
struct Db {
    own_clocks: bool,
    pid_files: bool,
    /// Whether libfaketime has no effect on it.
    in_go: bool,
}

const TOLD: Db = Db {
    own_clocks: true,
    pid_files: false,
    in_go: false,
};
const STRUCK: Db = Db {
    own_clocks: false,
    pid_files: true,
    in_go: false,
};
const IN_GO: Db = Db {
    in_go: true,
    ..STRUCK
};

impl Processes for Db {
    fn kill(&self, _: &Node) -> Command {
        Command::new(["db", "kill"]).root()
    }
    fn start(&self, _: &Node) -> Command {
        Command::new(["db", "start"]).root()
    }
    fn pause(&self, _: &Node) -> Command {
        Command::new(["db", "pause"])
    }
    fn resume(&self, _: &Node) -> Command {
        Command::new(["db", "resume"])
    }
    fn state(&self, _: &Node) -> Command {
        Command::new(["db", "state"])
    }
    fn pid_file(&self, _: &Node) -> Option<String> {
        self.pid_files.then(|| "/run/db.pid".into())
    }
    fn environment_file(&self, _: &Node) -> Option<String> {
        self.pid_files.then(|| "/var/lib/environment/db".into())
    }
    fn bypasses_libc(&self) -> bool {
        self.in_go
    }
}

impl Clocks for Db {
    fn set(&self, node: &Node, milliseconds: i64) -> Command {
        Command::new(["db", "clock", &node.name, &milliseconds.to_string()])
    }
    fn wrong_by(&self, node: &Node) -> Command {
        Command::new(["db", "clock", &node.name])
    }
}

impl System for Db {
    support::there_already!("db", 2379);
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
    fn clocks(&self) -> Option<&dyn Clocks> {
        self.own_clocks.then_some(self)
    }
}

fn plan(fault: &WrongClock, system: &Db, seed: u64) -> Result<Plan, Skip> {
    plan_with(fault, system, seed, &[])
}

/// On nodes of which some are started with libfaketime.
fn plan_with(
    fault: &WrongClock,
    system: &Db,
    seed: u64,
    faketime: &[(&str, Faketime)],
) -> Result<Plan, Skip> {
    let faketime = faketime
        .iter()
        .map(|(node, why)| ((*node).to_owned(), *why));
    let nodes = nodes(5);
    let helper = |node: &Node| (node.name.clone(), "/opt/schism".to_owned());
    let view = View {
        fault: FaultId(3),
        nodes: &nodes,
        control_addresses: &[],
        client_port: &|_| 2379,
        net: None,
        own_links: false,
        processes: system.processes(),
        system,
        capabilities: &Capabilities {
            helper: nodes.iter().map(helper).collect(),
            faketime: faketime.collect(),
            ..Capabilities::default()
        },
        has_leader: false,
        leaders: &Leaders::NotAsked,
        busy: &BTreeMap::from([("n1".to_owned(), FaultId(1))]),
        apart: &BTreeSet::new(),
        tight: true,
    };
    fault.plan(&view, seed)
}

fn words(command: &Command) -> String {
    command.argv.join(" ")
}

fn at_all(how: &[Wrong]) -> WrongClock {
    WrongClock {
        at: vec![Aim::All],
        how: how.to_vec(),
        ..WrongClock::default()
    }
}

/// The number behind a word.
fn number(action: &Action, option: &str) -> Option<i64> {
    let mut argv = action.apply.argv.iter();
    argv.find(|word| *word == option)?;
    argv.next()?.parse().ok()
}

#[test]
fn processes_are_struck_by_this_program_and_mended_by_the_same_name() {
    let fault = WrongClock {
        at: vec![Aim::Nodes(vec!["n2".into()])],
        how: vec![Wrong::Back],
        by: Some(TimeRange::exactly(Duration::from_secs(90))),
        ..WrongClock::default()
    };
    let plan = plan(&fault, &STRUCK, 7).unwrap();
    assert_eq!(plan.to_string(), "clock n2 1m30s behind");
    let [action] = &plan.actions[..] else {
        panic!("one node, one action")
    };
    assert_eq!(
        words(&action.apply),
        "/opt/schism node clock apply --name f3-1-00000007 --pid-file /run/db.pid --offset -90000"
    );
    assert_eq!(
        words(&action.undo),
        "/opt/schism node clock undo --name f3-1-00000007"
    );
    assert!(action.apply.root && action.undo.root && action.undo.idempotent);
    assert_eq!(action.probe.during, Expect::Between(-90_002, -89_998));
    assert_eq!(action.probe.after, Expect::Between(0, 0));
    assert_eq!(action.probe.role, Role::Effect);
}

#[test]
fn a_system_with_clocks_of_its_own_is_told() {
    let fault = WrongClock {
        at: vec![Aim::Nodes(vec!["n2".into()])],
        by: Some(TimeRange::exactly(Duration::from_secs(5))),
        how: vec![Wrong::Strobe, Wrong::Ahead],
        ..WrongClock::default()
    };
    let plan = plan(&fault, &TOLD, 1).unwrap();
    let action = &plan.actions[0];
    assert_eq!(words(&action.apply), "db clock n2 5000");
    assert_eq!(words(&action.undo), "db clock n2 0");
    assert_eq!(words(&plan.actions[0].probe_command()), "db clock n2");
}

#[test]
fn a_library_makes_clocks_jump_where_it_is_needed_or_asked_for() {
    let needed = [("n2", Faketime::Needed)];
    let asked = [("n2", Faketime::Asked)];
    let fault = |with| WrongClock {
        at: vec![Aim::Nodes(vec!["n2".into()])],
        how: vec![Wrong::Back, Wrong::Drift, Wrong::Strobe],
        by: Some(TimeRange::exactly(Duration::from_secs(90))),
        with,
        ..WrongClock::default()
    };
    let library = "/opt/schism node clock library";
    for (with, faketime) in [(None, needed), (Some(ClockMeans::Libfaketime), asked)] {
        for seed in 0..20 {
            let plan = plan_with(&fault(with), &STRUCK, seed, &faketime).unwrap();
            let action = &plan.actions[0];
            let set = |by: i64| format!("{library} set /var/lib/environment/db {by}");
            assert_eq!(words(&action.apply), set(-90_000), "only jumps are drawn");
            assert_eq!(words(&action.undo), set(0));
            assert!(action.undo.root && action.undo.idempotent);
            assert_eq!(
                words(&action.probe_command()),
                format!("{library} probe /var/lib/environment/db /run/db.pid")
            );
            assert_eq!(action.probe.during, Expect::Between(-90_009, -89_991));
            assert_eq!(plan.sole, [("n2".to_owned(), Sole::Clock)]);
        }
    }
    // Who did not ask for it does without where that is possible.
    let plan = plan_with(&fault(None), &STRUCK, 1, &asked).unwrap();
    assert!(words(&plan.actions[0].apply).contains("clock apply"));
    // And it cannot do everything.
    let drift = WrongClock {
        how: vec![Wrong::Drift],
        ..fault(None)
    };
    assert!(plan_with(&drift, &STRUCK, 1, &needed).is_err());
}

trait Asked {
    fn probe_command(&self) -> Command;
}

impl Asked for Action {
    fn probe_command(&self) -> Command {
        match &self.probe.ask {
            schism_nemesis::Ask::On { command, .. } => command.clone(),
            schism_nemesis::Ask::Connect { .. } => panic!("a clock is read on its node"),
        }
    }
}

proptest! {
    #[test]
    fn every_clock_is_wrong_by_what_was_asked_for(seed: u64, least in 20_u64..1_000, more in 0_u64..1_000_000) {
        let fault = WrongClock {
            by: Some(TimeRange {
                min: Duration::from_millis(least),
                max: Duration::from_millis(least + more),
            }),
            drift: Some(50_000),
            ..at_all(&[])
        };
        let drawn = plan(&fault, &STRUCK, seed).unwrap();
        prop_assert_eq!(&drawn, &plan(&fault, &STRUCK, seed).unwrap());
        prop_assert_eq!(drawn.actions.len(), 5);
        let mut names = BTreeSet::new();
        for action in &drawn.actions {
            names.insert(action.undo.argv.last().unwrap().clone());
            match (number(action, "--offset"), number(action, "--drift")) {
                (Some(by), None) => {
                    prop_assert!((least..=least + more).contains(&by.unsigned_abs()), "{by}");
                    prop_assert_eq!(&action.probe.during, &Expect::Between(by - 2, by + 2));
                    if let Some(period) = number(action, "--period") {
                        prop_assert!((10..=1000).contains(&period));
                    }
                }
                (None, Some(rate)) => prop_assert!((10_000..=50_000).contains(&rate.unsigned_abs())),
                both => prop_assert!(false, "{both:?}"),
            }
        }
        prop_assert_eq!(names.len(), 5, "each node's clock has a keeper of its own");
    }
}

#[test]
fn all_ways_are_drawn_and_both_directions() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        for action in plan(&at_all(&[]), &STRUCK, seed).unwrap().actions {
            let sign = |n: i64| n.signum();
            let offset = number(&action, "--offset").map(sign);
            let drift = number(&action, "--drift").map(sign);
            seen.insert((offset, drift, number(&action, "--period").is_some()));
        }
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

/// A node on which every command succeeds, but for what it does not have.
struct Machine {
    node: Node,
    traceable: bool,
    library: bool,
}

impl Remote for Machine {
    fn node(&self) -> &Node {
        &self.node
    }
    fn exec(&self, command: &Command) -> Result<control::Output, Error> {
        let asks = |words: &[&str]| {
            command
                .argv
                .ends_with(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>())
        };
        let (fails, why) = match () {
            () if asks(&["clock", "check"]) => (!self.traceable, "process 7 cannot be traced"),
            () if asks(&["library", "check"]) => (!self.library, "libfaketime is not installed"),
            () => (false, ""),
        };
        Ok(control::Output {
            status: i32::from(fails),
            stdout: b"pong\n".to_vec(),
            stderr: why.into(),
        })
    }
    fn upload(&self, _: &[u8], _: &str, _: u32) -> Result<(), Error> {
        Ok(())
    }
    fn download(&self, _: &str, _: &Path, _: u64) -> Result<u64, Error> {
        Ok(0)
    }
}

fn refused(fault: &str, system: &Db, traceable: bool) -> Option<String> {
    prepared(fault, system, traceable, false).err()
}

/// With what means, or why not.
fn prepared(
    fault: &str,
    system: &Db,
    traceable: bool,
    library: bool,
) -> Result<Capabilities, String> {
    let machine = |node| {
        Arc::new(Machine {
            node,
            traceable,
            library,
        }) as Arc<dyn Remote>
    };
    let cluster = Cluster::new(nodes(3).into_iter().map(machine).collect(), Vec::new());
    let faults: Faults = serde_yaml::from_str(fault).unwrap();
    assert_eq!(faults.0[0].fault.kind(), Kind::WrongClock);
    let exe = std::env::current_exe().unwrap();
    match preflight(&faults, &cluster, system, &exe) {
        Ok(prepared) => Ok(prepared.capabilities),
        Err(refusals) => Err(refusals.iter().map(|r| format!("{r}\n")).collect()),
    }
}

#[test]
fn what_cannot_work_is_refused_with_the_reason() {
    let blind = Db {
        own_clocks: false,
        pid_files: false,
        in_go: false,
    };
    for (fault, system, traceable, reason) in [
        ("clock:", &STRUCK, true, None),
        ("clock:", &TOLD, false, None),
        (
            "clock: { by: 1s..1h, how: [ahead, back] }",
            &TOLD,
            false,
            None,
        ),
        (
            "clock: { how: drift }",
            &TOLD,
            true,
            Some("use `how: [ahead, back]`"),
        ),
        (
            "clock:",
            &blind,
            true,
            Some("it is not known which processes are its own"),
        ),
        ("clock:", &STRUCK, false, Some("process 7 cannot be traced")),
        ("clock: { by: 5ms..1s }", &STRUCK, true, Some("`by` begins")),
        (
            "clock: { period: 1ms..5s }",
            &STRUCK,
            true,
            Some("1ms to 2s"),
        ),
        (
            "clock: { drift: 5 }",
            &STRUCK,
            true,
            Some("10000 to 500000 ppm"),
        ),
    ] {
        let said = refused(fault, system, traceable);
        match reason {
            None => assert_eq!(said, None, "{fault}"),
            Some(reason) => assert!(said.as_ref().unwrap().contains(reason), "{fault}: {said:?}"),
        }
    }
}

#[test]
fn a_library_is_used_where_live_processes_cannot_be_reached_and_where_it_is_asked_for() {
    let forced = "clock: { with: libfaketime }";
    let all = |why| {
        nodes(3)
            .into_iter()
            .map(|n| (n.name, why))
            .collect::<BTreeMap<_, _>>()
    };
    for (fault, system, traceable, library, outcome) in [
        ("clock:", &STRUCK, true, true, Ok(BTreeMap::new())),
        ("clock:", &STRUCK, false, true, Ok(all(Faketime::Needed))),
        (forced, &STRUCK, true, true, Ok(all(Faketime::Asked))),
        (
            "clock:",
            &STRUCK,
            false,
            false,
            Err("process 7 cannot be traced; nor with libfaketime: n1"),
        ),
        (forced, &STRUCK, true, false, Err("is not installed")),
        (forced, &IN_GO, true, true, Err("as those in Go do")),
        ("clock:", &IN_GO, false, true, Err("as those in Go do")),
        ("clock:", &IN_GO, true, true, Ok(BTreeMap::new())),
        (forced, &TOLD, true, true, Err("leave `with` out")),
        (
            "clock: { with: libfaketime, machine: true }",
            &STRUCK,
            true,
            true,
            Err("leave `with` out"),
        ),
        (
            "clock: { with: libfaketime, how: drift }",
            &STRUCK,
            true,
            true,
            Err("can jump, and nothing else"),
        ),
    ] {
        let said = prepared(fault, system, traceable, library).map(|found| found.faketime);
        match (&said, outcome) {
            (Err(said), Err(why)) => assert!(said.contains(why), "{fault}: {said}"),
            (said, outcome) => assert_eq!(said, &outcome.map_err(str::to_owned), "{fault}"),
        }
    }
}

#[test]
fn what_is_laid_is_owed_first_and_does_not_go_with_a_loss_of_power() {
    let machine = |node| {
        Arc::new(Machine {
            node,
            traceable: false,
            library: true,
        }) as Arc<dyn Remote>
    };
    let cluster = Cluster::new(nodes(2).into_iter().map(machine).collect(), Vec::new());
    let capabilities = prepared("clock:", &STRUCK, false, true).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.jsonl")).unwrap();
    let lay = |faults: &str| {
        let faults: Faults = serde_yaml::from_str(faults).unwrap();
        let to = ("run-7", &ledger, &DeadMan::none());
        Environments::lay(&faults, &cluster, &STRUCK, &capabilities, to)
    };
    let refused = lay("[clock, power]").err().unwrap();
    assert!(
        refused.contains("leave `power` or `clock` out"),
        "{refused}"
    );
    assert_eq!(ledger.timers(), []);

    let laid = lay("clock:").unwrap();
    let owed = ledger.timers();
    assert_eq!(owed.len(), 2);
    for (_, release) in &owed {
        let said = words(release);
        let [file, run, script] = &release.argv[4..] else {
            panic!("{said}")
        };
        assert_eq!((&**file, &**run), ("/var/lib/environment/db", "run-7"));
        let at = |what: &str| script.find(what).unwrap();
        assert!(at("db kill") < at("library remove") && at("library remove") < at("db start"));
    }
    laid.take_effect().unwrap();
    assert!(laid.suspect().unwrap().contains("jemalloc"));
    laid.remove().unwrap();
}
