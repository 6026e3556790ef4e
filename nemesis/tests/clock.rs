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
    Action, Aim, Capabilities, Expect, Fault, Faults, Kind, Leaders, Plan, Role, Skip, TimeRange,
    View, Wrong, WrongClock, preflight,
};
use support::nodes;

/// A database, with clocks of its own or with processes that are known.
struct Db {
    own_clocks: bool,
    pid_files: bool,
}

const TOLD: Db = Db {
    own_clocks: true,
    pid_files: false,
};
const STRUCK: Db = Db {
    own_clocks: false,
    pid_files: true,
};

impl Processes for Db {
    fn kill(&self, _: &Node) -> Command {
        Command::new(["db", "kill"])
    }
    fn start(&self, _: &Node) -> Command {
        Command::new(["db", "start"])
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

/// A node on which every command succeeds, or on which clocks cannot be changed.
struct Machine {
    node: Node,
    traceable: bool,
}

impl Remote for Machine {
    fn node(&self) -> &Node {
        &self.node
    }
    fn exec(&self, command: &Command) -> Result<control::Output, Error> {
        let fails = !self.traceable && command.argv.ends_with(&["clock".into(), "check".into()]);
        Ok(control::Output {
            status: i32::from(fails),
            stdout: b"pong\n".to_vec(),
            stderr: b"process 7 cannot be traced".to_vec(),
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
    let machine = |node| Arc::new(Machine { node, traceable }) as Arc<dyn Remote>;
    let cluster = Cluster::new(nodes(3).into_iter().map(machine).collect(), Vec::new());
    let faults: Faults = serde_yaml::from_str(fault).unwrap();
    assert_eq!(faults.0[0].fault.kind(), Kind::WrongClock);
    let exe = std::env::current_exe().unwrap();
    match preflight(&faults, &cluster, system, &exe) {
        Ok(_) => None,
        Err(refusals) => Some(refusals.iter().map(|r| format!("{r}\n")).collect()),
    }
}

#[test]
fn what_cannot_work_is_refused_with_the_reason() {
    let blind = Db {
        own_clocks: false,
        pid_files: false,
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
