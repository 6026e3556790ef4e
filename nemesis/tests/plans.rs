//! Plans as data: what exactly is decided from a seed, and that every shape is what its name says, for every seed and size.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use control::{Command, Net, Node, Peer, Processes, System};
use history::fault::FaultId;
use proptest::prelude::*;
use schism_nemesis::{
    Addresses, Aim, CLIENTS, Capabilities, Expect, FaultSpec, Filter, Kill, Leaders, PacketFilter,
    Partition, Pause, Plan, Role, Shape, Skip, View,
};
use support::nodes;

struct Db;

impl Processes for Db {
    fn kill(&self, node: &Node) -> Command {
        Command::new(["db", "--kill", &node.name])
    }
    fn start(&self, node: &Node) -> Command {
        Command::new(["db", "--serve", &node.name])
    }
    fn pause(&self, node: &Node) -> Command {
        Command::new(["db", "--stop", &node.name])
    }
    fn resume(&self, node: &Node) -> Command {
        Command::new(["db", "--cont", &node.name])
    }
    fn state(&self, node: &Node) -> Command {
        Command::new(["db", "--state", &node.name])
    }
}

impl System for Db {
    support::there_already!("db", 2379);
}

fn filter(nodes: &[Node]) -> PacketFilter {
    let ips = nodes
        .iter()
        .map(|n| n.address.clone())
        .chain(["10.0.0.100".to_owned()])
        .map(|a| (a.clone(), vec![a.parse().unwrap()]))
        .collect();
    let filters = nodes
        .iter()
        .map(|n| (n.name.clone(), Filter::Nftables))
        .collect();
    PacketFilter::new(filters, Addresses::known(ips), 22)
}

struct Setting {
    nodes: Vec<Node>,
    leaders: Leaders,
    busy: BTreeMap<String, FaultId>,
    apart: BTreeSet<String>,
}

fn setting(size: usize) -> Setting {
    Setting {
        nodes: nodes(size),
        leaders: Leaders::NotAsked,
        busy: BTreeMap::new(),
        apart: BTreeSet::new(),
    }
}

impl Setting {
    fn plan(&self, spec: &FaultSpec, seed: u64) -> Result<Plan, Skip> {
        self.plan_with(spec, seed, &filter(&self.nodes))
    }
    fn plan_with(&self, spec: &FaultSpec, seed: u64, net: &dyn Net) -> Result<Plan, Skip> {
        spec.fault().plan(
            &View {
                fault: FaultId(3),
                nodes: &self.nodes,
                control_addresses: &["10.0.0.100".into()],
                client_port: &|_| 2379,
                net: Some(net),
                own_links: false,
                processes: Some(&Db),
                system: &Db,
                capabilities: &Capabilities::default(),
                has_leader: self.leaders != Leaders::NotAsked,
                leaders: &self.leaders,
                busy: &self.busy,
                apart: &self.apart,
                tight: false,
            },
            seed,
        )
    }
}

fn partition(shape: Shape, clients: bool) -> FaultSpec {
    FaultSpec::Partition(Partition {
        at: vec![shape],
        clients,
        ..Partition::default()
    })
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn a_kill_is_a_plan_before_it_is_a_deed() {
    let plan = setting(3)
        .plan(
            &FaultSpec::Kill(Kill {
                at: vec![Aim::read_("n2")],
            }),
            0,
        )
        .unwrap();
    assert_eq!(plan.what, "kill -9 n2");
    assert_eq!(plan.nodes, ["n2"]);
    assert_eq!(plan.actions.len(), 1);
    assert_eq!(plan.actions[0].apply, Command::new(["db", "--kill", "n2"]));
    assert_eq!(plan.actions[0].undo, Command::new(["db", "--serve", "n2"]));
    assert_eq!(plan.actions[0].probe.during, Expect::Prints("gone".into()));
    assert_eq!(
        plan.actions[0].probe.after,
        Expect::Prints("running".into())
    );
}

#[test]
fn a_pause_of_the_leader_names_it() {
    let mut setting = setting(3);
    setting.leaders = Leaders::Said(names(&["n3"]), String::new());
    let spec = FaultSpec::Pause(Pause {
        at: vec![Aim::Leader],
    });
    let plan = setting.plan(&spec, 0).unwrap();
    assert_eq!(plan.what, "SIGSTOP n3 (leader)");
    assert_eq!(plan.actions[0].undo, Command::new(["db", "--cont", "n3"]));
    assert!(plan.notes.is_empty());
}

#[test]
fn a_partition_says_what_each_node_drops() {
    let plan = setting(3)
        .plan(&partition(Shape::Nodes(names(&["n2"])), true), 0)
        .unwrap();
    assert_eq!(plan.what, "{n2} | {n1 n3}, its clients cut off");
    assert_eq!(plan.sides, [names(&["n1", "n3"]), names(&["n2"])]);
    let rules: Vec<(&str, Vec<&str>)> = plan
        .actions
        .iter()
        .map(|a| {
            let stdin = a.apply.stdin.as_deref().unwrap();
            let drops = stdin.lines().filter(|l| l.contains("drop"));
            (a.node.as_str(), drops.map(str::trim).collect())
        })
        .collect();
    assert_eq!(
        rules,
        [
            ("n1", vec!["ip saddr 10.0.0.2 counter drop"]),
            (
                "n2",
                vec![
                    "ip saddr 10.0.0.1 counter drop",
                    "ip saddr 10.0.0.3 counter drop",
                    "ip saddr 10.0.0.100 tcp dport 2379 counter drop"
                ]
            ),
            ("n3", vec!["ip saddr 10.0.0.2 counter drop"]),
        ]
    );
    for action in &plan.actions {
        assert_eq!(
            action.undo.argv,
            [
                "nft",
                "add table inet schism_f3; delete table inet schism_f3"
            ]
        );
    }
    let asked: Vec<(Role, String)> = plan
        .probes
        .iter()
        .map(|p| {
            let (from, to) = p.link.clone().unwrap();
            (p.role, format!("{from}>{to}"))
        })
        .collect();
    assert_eq!(
        asked,
        [
            (Role::Across, "n1>n2".into()),
            (Role::Across, "n2>n1".into()),
            (Role::Across, "n2>n3".into()),
            (Role::Across, "n3>n2".into()),
            (Role::Inside, "n1>n3".into()),
            (Role::Inside, "n3>n1".into()),
            (Role::Client, "clients>n2".into()),
        ]
    );
}

#[test]
fn a_plan_is_read_back_from_a_file() {
    let plan = setting(5).plan(&partition(Shape::OneWay, true), 9).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn impossible_shapes_are_skipped_with_a_reason() {
    let why = |size, spec: FaultSpec| setting(size).plan(&spec, 1).unwrap_err().0;
    assert_eq!(
        why(1, partition(Shape::One, false)),
        "one node alone cannot be partitioned"
    );
    assert_eq!(
        why(2, partition(Shape::Minority, false)),
        "2 nodes have no minority"
    );
    assert_eq!(
        why(3, partition(Shape::Ring, false)),
        "a ring needs four nodes"
    );
    assert_eq!(
        why(2, partition(Shape::Bridge, false)),
        "a bridge needs three nodes"
    );
    assert_eq!(
        why(3, partition(Shape::Leader, false)),
        "this system has no leader that could be asked for"
    );
    assert_eq!(
        why(2, partition(Shape::Nodes(names(&["n1", "n2"])), false)),
        "there is nobody to cut all nodes off from"
    );
    assert_eq!(
        why(
            3,
            FaultSpec::Kill(Kill {
                at: vec![Aim::Nodes(names(&["n9"]))]
            })
        ),
        "no node n9 in the cluster"
    );
}

/// The names after the words of a shape, for tests alone.
trait Read {
    fn read_(text: &str) -> Self;
}

impl Read for Aim {
    fn read_(text: &str) -> Self {
        text.parse().unwrap()
    }
}

/// A packet filter as a model: what each node drops, by fault. Its commands are told apart by their words.
#[derive(Default, Clone, PartialEq, Debug)]
struct Model(BTreeMap<(String, String), BTreeSet<String>>);

struct ModelNet;

impl Net for ModelNet {
    fn means(&self) -> &str {
        "a model"
    }
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command {
        let from = from.iter().map(|p| match p {
            Peer::Node(n) => n.name.clone(),
            Peer::Clients { .. } => CLIENTS.to_owned(),
        });
        let words = ["cut", fault, &node.name].map(String::from);
        Command::new(words.into_iter().chain(from))
    }
    fn heal(&self, fault: &str, node: &Node) -> Command {
        Command::new(["heal", fault, &node.name])
    }
    fn remaining(&self, node: &Node) -> Command {
        Command::new(["remaining", &node.name])
    }
    fn reaches(&self, node: &Node, to: &Node) -> Command {
        Command::new(["reaches", &node.name, &to.name])
    }
    fn dropped(&self, fault: &str, node: &Node) -> Command {
        Command::new(["dropped", fault, &node.name])
    }
}

impl Model {
    fn run(&mut self, command: &Command) {
        let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cut", fault, node, from @ ..] => {
                let from = from.iter().map(|f| (*f).to_owned()).collect();
                self.0
                    .insert(((*fault).to_owned(), (*node).to_owned()), from);
            }
            ["heal", fault, node] => {
                self.0.remove(&((*fault).to_owned(), (*node).to_owned()));
            }
            other => panic!("{other:?}"),
        }
    }
    fn hears(&self, to: &str, from: &str) -> bool {
        !self
            .0
            .iter()
            .any(|((_, n), dropped)| n == to && dropped.contains(from))
    }
    fn both(&self, a: &str, b: &str) -> bool {
        self.hears(a, b) && self.hears(b, a)
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    prop::sample::select(vec![
        Shape::One,
        Shape::Halves,
        Shape::Minority,
        Shape::Ring,
        Shape::Bridge,
        Shape::OneWay,
        Shape::Leader,
    ])
}

proptest! {
    #[test]
    fn every_shape_is_what_its_name_says(
        size in 4usize..10,
        shape in shape(),
        seed: u64,
        clients: bool,
    ) {
        let mut setting = setting(size);
        setting.leaders = Leaders::Said(names(&["n2"]), String::new());
        let plan = setting.plan_with(&partition(shape.clone(), clients), seed, &ModelNet).unwrap();
        prop_assert_eq!(
            &plan,
            &setting.plan_with(&partition(shape.clone(), clients), seed, &ModelNet).unwrap()
        );
        let mut model = Model::default();
        for action in &plan.actions {
            model.run(&action.apply);
        }
        let all: Vec<String> = setting.nodes.iter().map(|n| n.name.clone()).collect();
        let seen = |a: &String| all.iter().filter(|b| model.both(a, b)).count();

        // The plan's own words about itself.
        for a in &all {
            for b in all.iter().filter(|b| *b != a) {
                prop_assert_eq!(
                    !model.hears(b, a),
                    plan.cuts.contains(&(a.clone(), b.clone())),
                    "{} to {}", a, b
                );
                let together = plan.sides.iter().any(|s| s.contains(a) && s.contains(b));
                prop_assert_eq!(together, model.both(a, b), "{} and {}", a, b);
            }
        }
        let alone = || all.iter().filter(|n| !model.hears(n, CLIENTS)).cloned().collect::<Vec<_>>();
        match shape {
            Shape::One => prop_assert!(plan.sides.iter().any(|s| s.len() == 1)),
            Shape::Halves => {
                let mut sizes: Vec<_> = plan.sides.iter().map(Vec::len).collect();
                sizes.sort_unstable();
                prop_assert_eq!(sizes, [size / 2, size.div_ceil(2)]);
            }
            Shape::Minority => {
                prop_assert_eq!(plan.sides.len(), 2);
                prop_assert!(plan.sides.iter().any(|s| s.len() > size / 2));
            }
            Shape::Ring => {
                let views: BTreeSet<Vec<&String>> = all
                    .iter()
                    .map(|a| all.iter().filter(|b| model.both(a, b)).collect())
                    .collect();
                prop_assert_eq!(views.len(), size);
                for a in &all {
                    prop_assert!(seen(a) > size / 2 && seen(a) < size);
                }
            }
            Shape::Bridge => {
                prop_assert_eq!(all.iter().filter(|a| seen(a) == size).count(), 1);
                prop_assert_eq!(plan.sides.len(), 2);
            }
            Shape::OneWay => {
                prop_assert!(!plan.cuts.is_empty());
                for (a, b) in &plan.cuts {
                    prop_assert!(a == CLIENTS || !plan.cuts.contains(&(b.clone(), a.clone())));
                }
                prop_assert!(plan.probes.iter().any(|p| p.role == Role::Dropped));
            }
            Shape::Leader => prop_assert_eq!(&plan.nodes, &names(&["n2"])),
            Shape::Nodes(_) => unreachable!("not among the shapes drawn"),
        }
        let cut_off = alone();
        match shape {
            _ if !clients => prop_assert!(cut_off.is_empty()),
            Shape::Ring | Shape::Bridge => prop_assert!(cut_off.is_empty() && !plan.notes.is_empty()),
            _ => prop_assert!(!cut_off.is_empty() && cut_off.len() <= size / 2),
        }

        for action in &plan.actions {
            model.run(&action.undo);
        }
        prop_assert_eq!(model, Model::default());
    }

    #[test]
    fn faults_that_overlap_heal_independently_in_any_order(
        seeds in prop::collection::vec((shape(), any::<u64>()), 2..5),
        order: u64,
    ) {
        let mut setting = setting(5);
        setting.leaders = Leaders::Said(names(&["n4"]), String::new());
        let mut model = Model::default();
        let mut plans: Vec<Plan> = Vec::new();
        for (i, (shape, seed)) in seeds.into_iter().enumerate() {
            let mut plan = setting.plan_with(&partition(shape, true), seed, &ModelNet).unwrap();
            for action in &mut plan.actions {
                // Planned as f3 above; each needs a name of its own here.
                action.apply.argv[1] = format!("f{i}");
                action.undo.argv[1] = format!("f{i}");
            }
            for action in &plan.actions {
                model.run(&action.apply);
            }
            plans.push(plan);
        }
        let mut order = order;
        while !plans.is_empty() {
            let healed = plans.remove((order % plans.len() as u64) as usize);
            order /= 7;
            for action in &healed.actions {
                model.run(&action.undo);
                model.run(&action.undo);
            }
            let cut: BTreeSet<_> = plans.iter().flat_map(|p| p.cuts.clone()).collect();
            for a in setting.nodes.iter().map(|n| n.name.clone()).chain([CLIENTS.into()]) {
                for b in &setting.nodes {
                    let expected = !cut.contains(&(a.clone(), b.name.clone()));
                    prop_assert_eq!(model.hears(&b.name, &a), expected);
                }
            }
        }
        prop_assert_eq!(model, Model::default());
    }

    #[test]
    fn as_many_processes_are_taken_as_the_word_says(
        size in 3usize..10,
        seed: u64,
        taken in prop::collection::btree_set(1usize..10, 0..3),
    ) {
        let mut setting = setting(size);
        setting.busy = taken
            .iter()
            .filter(|i| **i <= size)
            .map(|i| (format!("n{i}"), FaultId(1)))
            .collect();
        let words = [
            (Aim::One, 1),
            (Aim::Minority, (size - 1) / 2),
            (Aim::Majority, size / 2 + 1),
            (Aim::All, size),
        ];
        for (aim, count) in words {
            match setting.plan(&FaultSpec::Kill(Kill { at: vec![aim] }), seed) {
                // One more must leave a majority; the other words say themselves what they leave.
                Err(_) if count == 1 => prop_assert!(setting.busy.len() >= (size - 1) / 2),
                Err(_) => prop_assert!(size - setting.busy.len() < count),
                Ok(plan) => {
                    prop_assert_eq!(plan.nodes.len(), count);
                    prop_assert!(plan.nodes.iter().all(|n| !setting.busy.contains_key(n)));
                }
            }
        }
    }

    #[test]
    fn faults_that_overlap_by_accident_leave_a_majority(
        size in 3usize..10,
        seed: u64,
        dead in prop::collection::btree_set(1usize..10, 0..3),
        away in prop::collection::btree_set(1usize..10, 0..3),
    ) {
        let minority = (size - 1) / 2;
        let named = |set: BTreeSet<usize>| set.into_iter().filter(|i| *i <= size).map(|i| format!("n{i}"));
        let mut setting = setting(size);
        setting.busy = named(dead).map(|n| (n, FaultId(1))).collect();
        setting.apart = named(away).collect();
        setting.leaders = Leaders::Said(vec!["n1".into()], String::new());
        let impaired: BTreeSet<String> = setting.busy.keys().chain(&setting.apart).cloned().collect();
        prop_assume!(impaired.len() <= minority);
        let kill = |aim| FaultSpec::Kill(Kill { at: vec![aim] });
        let pause = |aim| FaultSpec::Pause(Pause { at: vec![aim] });
        for spec in [
            kill(Aim::One), kill(Aim::Leader), pause(Aim::One),
            partition(Shape::One, false), partition(Shape::Minority, false), partition(Shape::Leader, false),
        ] {
            match setting.plan(&spec, seed) {
                // A fault that is alone may do what it likes.
                Err(_) => prop_assert!(!impaired.is_empty()),
                Ok(plan) => {
                    let all: BTreeSet<&String> = impaired.iter().chain(&plan.nodes).collect();
                    prop_assert!(all.len() <= minority.max(1), "{} with {impaired:?}", plan.what);
                }
            }
        }
    }

    #[test]
    fn whether_a_leader_is_wanted_is_known_before_the_plan(size in 2usize..8, seed: u64) {
        let mut setting = setting(size);
        setting.leaders = Leaders::Said(Vec::new(), String::new());
        for spec in [
            FaultSpec::Partition(Partition::default()),
            FaultSpec::Kill(Kill::default()),
            FaultSpec::Pause(Pause::default()),
        ] {
            // Without a leader exactly those plans fail that want one.
            let wanted = spec.fault().wants_leader(size, true, seed);
            prop_assert_eq!(setting.plan(&spec, seed).is_err(), wanted);
        }
    }
}
