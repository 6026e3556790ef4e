//! Disk faults and power losses as plans: what is run on a node, how it is seen, and that it is refused where it cannot work.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use control::{Cluster, Command, DataFiles, Node, Processes, System};
use history::fault::FaultId;
use schism_nemesis::{
    Capabilities, Disk, Expect, FaultSpec, Faults, Leaders, LoseUnsynced, Plan, Role, Survive,
    Trouble, View, preflight,
};
use support::nodes;

/// A database that says where its data is, or does not.
struct Db(bool);

impl Processes for Db {
    fn kill(&self, _: &Node) -> Command {
        Command::new(["db", "--kill"]).root()
    }
    fn start(&self, _: &Node) -> Command {
        Command::new(["db", "--serve"]).root().idempotent()
    }
    fn pause(&self, _: &Node) -> Command {
        Command::new(["db", "--stop"]).root()
    }
    fn resume(&self, _: &Node) -> Command {
        Command::new(["db", "--cont"]).root()
    }
    fn state(&self, _: &Node) -> Command {
        Command::new(["db", "--state"]).root()
    }
}

impl DataFiles for Db {
    fn directories(&self, _: &Node) -> Vec<String> {
        vec!["/data/a b".into(), "/data/wal".into()]
    }
}

impl System for Db {
    support::there_already!("db", 2379);
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
    fn data_files(&self) -> Option<&dyn DataFiles> {
        self.0.then_some(self as &dyn DataFiles)
    }
}

fn plan(spec: &FaultSpec, seed: u64) -> Plan {
    let nodes = nodes(3);
    let mut capabilities = Capabilities::default();
    for node in &nodes {
        let path = "/bin/schism".to_owned();
        capabilities.helper.insert(node.name.clone(), path);
    }
    spec.fault()
        .plan(
            &View {
                fault: FaultId(3),
                nodes: &nodes,
                control_addresses: &[],
                client_port: &|_| 2379,
                net: None,
                own_links: false,
                processes: Some(&Db(true)),
                system: &Db(true),
                capabilities: &capabilities,
                has_leader: false,
                leaders: &Leaders::NotAsked,
                busy: &BTreeMap::new(),
                apart: &BTreeSet::new(),
                tight: false,
            },
            seed,
        )
        .unwrap()
}

/// The words of all of a plan's commands.
fn words(plan: &Plan) -> String {
    let commands = plan.actions.iter().flat_map(|a| [&a.apply, &a.undo]);
    commands
        .flat_map(|c| c.argv.clone())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_power_loss_kills_and_loses_in_every_directory_and_starts_what_is_left() {
    for (survive, word) in [(vec![], "none"), (vec![Survive::Torn], "torn")] {
        let spec = FaultSpec::LoseUnsynced(LoseUnsynced {
            survive,
            ..LoseUnsynced::default()
        });
        let plan = plan(&spec, 7);
        let [action] = &plan.actions[..] else {
            panic!("{plan:?}");
        };
        let (apply, undo) = (&action.apply, &action.undo);
        assert!(apply.root && undo.root && undo.idempotent);
        let said = words(&plan);
        assert!(
            said.contains(&format!("fuse lose --survive {word} --seed")),
            "{said}"
        );
        assert_eq!(
            &apply.argv[apply.argv.len() - 2..],
            ["/data/a b", "/data/wal"]
        );
        assert!(undo.argv.contains(&"db --serve".to_owned()), "{undo:?}");
        assert_eq!(
            (action.probe.role, &action.probe.during),
            (Role::State, &Expect::Prints("gone".into()))
        );
        assert_eq!(plan.probes[0].role, Role::Effect);
        assert_eq!(plan.probes[0].after, Expect::Prints("0".into()));
    }
}

#[test]
fn a_disk_fails_as_was_said_and_a_file_of_ours_fails_with_it() {
    let disk = Disk {
        how: vec![Trouble::EioSync],
        path: vec!["wal/*".into()],
        probability: Some(0.25),
        keep_unsynced: true,
        ..Disk::default()
    };
    let failing = plan(&FaultSpec::Disk(disk), 7);
    let said = words(&failing);
    for part in [
        "--on=sync",
        "--error=eio",
        "--path=wal/*",
        "--probability=0.25",
        "--failed-sync=keep",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(failing.probes.len(), 2, "one a directory");
    for probe in &failing.probes {
        assert_eq!(probe.during, Expect::Prints("eio".into()));
        assert_eq!(probe.after, Expect::Prints("well".into()));
    }
    let slow = FaultSpec::Disk(Disk {
        how: vec![Trouble::Slow],
        ..Disk::default()
    });
    let slow = plan(&slow, 1);
    assert_eq!(slow.probes[0].during, Expect::Between(100, i64::MAX));
    assert_eq!(slow.probes[0].after, Expect::Between(0, 99));
}

#[test]
fn where_nothing_is_said_every_trouble_but_a_read_only_disk_is_drawn() {
    let spec = FaultSpec::Disk(Disk::default());
    let drawn: BTreeSet<String> = (0..100)
        .map(|seed| plan(&spec, seed).what)
        .map(|what| what.rsplit_once(' ').unwrap().0.to_owned())
        .collect();
    let expected = [
        "full disk on",
        "reads fail on",
        "slow disk on",
        "syncs fail on",
        "writes fail on",
    ];
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_system_that_does_not_say_where_its_data_is_cannot_take_them() {
    let cluster = Cluster::new(Vec::new(), Vec::new());
    for fault in ["disk", "lose-unsynced"] {
        let faults: Faults = fault.parse().unwrap();
        let exe = std::path::Path::new("/no/schism");
        let refused = preflight(&faults, &cluster, &Db(false), exe).err().unwrap();
        assert!(
            refused[0]
                .to_string()
                .contains("db does not say where its data is"),
            "{refused:?}"
        );
    }
}
