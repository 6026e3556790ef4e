//! The packet filters' commands, run for real between network namespaces that exist for one test: they bite, one way and
//! both ways, and heal in any order. The host's own namespace is never entered: the nodes' bridge is in a namespace too.
//!
//! Needs root, `unshare`, `nsenter`, `ip`, `nft` and `iptables`; skipped, loudly, without them, and failed instead if
//! `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use control::{Cluster, Command, Net, Node, Output, Peer, Remote, RemoteExt, System};
use history::{Outcome, fault::FaultId};
use schism_nemesis::{
    Addresses, Capabilities, Carried, DeadMan, Faults, Filter, Injector, Ledger, Order,
    PacketFilter, TrackSpec, detect, preflight,
};
use support::{Local, Steps, Toy, eventually, limits};

const FILTERS: [Filter; 2] = [Filter::Nftables, Filter::Iptables];

/// A process that keeps a network namespace alive.
struct Space(Child);

impl Space {
    fn new(within: Option<&Self>) -> Self {
        let mut words = within.map_or_else(Vec::new, Self::enter);
        words.extend(["unshare", "--net", "sleep", "300"].map(String::from));
        let child = std::process::Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let space = Self(child);
        let outer = within.map_or(std::process::id(), |outer| outer.0.id());
        let net = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let (host, outer) = (net(std::process::id()), net(outer));
        eventually("the namespace exists", || {
            let own = net(space.0.id());
            own.is_some() && own != host && own != outer
        });
        space
    }
    fn enter(&self) -> Vec<String> {
        let pid = self.0.id().to_string();
        ["nsenter", "-t", &pid, "-n", "--"]
            .map(String::from)
            .to_vec()
    }
    fn run(&self, line: &str) {
        let remote = Local {
            node: Node::new("space", ""),
            prefix: self.enter(),
        };
        remote.run(&Command::new(line.split_whitespace())).unwrap();
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Nodes with an address of each family, and the place of the clients, all on one bridge.
struct World {
    outer: Space,
    spaces: Vec<Space>,
    /// The address of the n-th node.
    address: fn(usize) -> String,
}

fn four(i: usize) -> String {
    format!("10.99.0.{i}")
}

fn six(i: usize) -> String {
    format!("fd00:99::{i}")
}

impl World {
    fn new(nodes: usize, address: fn(usize) -> String) -> Option<Self> {
        if !possible() {
            return None;
        }
        let outer = Space::new(None);
        outer.run("ip link add br0 type bridge");
        outer.run("ip addr add 10.99.0.100/24 dev br0");
        outer.run("ip addr add fd00:99::100/64 dev br0 nodad");
        outer.run("ip link set br0 up");
        outer.run("ip link set lo up");
        let mut spaces = Vec::new();
        for i in 1..=nodes {
            let space = Space::new(Some(&outer));
            let pid = space.0.id();
            outer.run(&format!(
                "ip link add v{i} type veth peer name eth0 netns {pid}"
            ));
            outer.run(&format!("ip link set v{i} master br0 up"));
            space.run("ip link set lo up");
            space.run("ip link set eth0 up");
            space.run(&format!("ip addr add 10.99.0.{i}/24 dev eth0"));
            space.run(&format!("ip addr add fd00:99::{i}/64 dev eth0 nodad"));
            spaces.push(space);
        }
        Some(Self {
            outer,
            spaces,
            address,
        })
    }

    fn node(&self, i: usize) -> Node {
        Node::new(format!("n{i}"), (self.address)(i))
    }

    fn cluster(&self) -> Cluster {
        let remotes = self
            .spaces
            .iter()
            .enumerate()
            .map(|(i, space)| {
                Arc::new(Local {
                    node: self.node(i + 1),
                    prefix: space.enter(),
                }) as Arc<dyn Remote>
            })
            .collect();
        Cluster::new(remotes, vec![(self.address)(100)])
    }

    fn net(&self, filter: Filter, port: u16) -> PacketFilter {
        let filters = (1..=self.spaces.len())
            .map(|i| (format!("n{i}"), filter))
            .collect::<BTreeMap<_, _>>();
        PacketFilter::new(filters, Addresses::resolve(&self.cluster()), port)
    }

    fn exec(&self, i: usize, command: &Command) -> Output {
        self.cluster()
            .remote(&format!("n{i}"))
            .exec(command)
            .unwrap()
    }

    fn run(&self, i: usize, command: &Command) -> String {
        self.cluster()
            .remote(&format!("n{i}"))
            .run(command)
            .unwrap()
            .text()
    }

    fn reaches(&self, net: &dyn Net, from: usize, to: usize) -> bool {
        self.exec(from, &net.reaches(&self.node(from), &self.node(to)))
            .success()
    }

    fn clients_reach(&self, net: &dyn Net, to: usize) -> bool {
        let here = Local {
            node: Node::new("clients", ""),
            prefix: self.outer.enter(),
        };
        let probe = net.reaches(&here.node, &self.node(to));
        here.exec(&probe).unwrap().success()
    }
}

/// Whether such a world can be made here.
fn possible() -> bool {
    let ran = |words: &[&str]| {
        std::process::Command::new(words[0])
            .args(&words[1..])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    let missing = [
        &["unshare", "--net", "true"][..],
        &["nsenter", "--version"],
        &["ip", "-V"],
        &["nft", "--version"],
        &["iptables", "--version"],
    ]
    .into_iter()
    .find(|words| !ran(words));
    let Some(missing) = missing else {
        return true;
    };
    let why = format!("`{}` does not work here", missing.join(" "));
    assert!(
        std::env::var_os("SCHISM_REQUIRE_ROOT").is_none_or(|v| v != "1"),
        "{why}, and SCHISM_REQUIRE_ROOT=1"
    );
    // Not `eprintln!`, which the test runner would swallow: a skipped test must not look like a passed one.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: real packet filters were not tested: {why}"
    );
    false
}

#[test]
fn cuts_bite_and_heal_in_any_order() {
    for filter in FILTERS {
        for address in [four as fn(usize) -> String, six] {
            let Some(world) = World::new(3, address) else {
                return;
            };
            let net = world.net(filter, 22);
            let peer = |i| Peer::Node(world.node(i));
            let n1 = world.node(1);
            eventually("the bridge forwards", || {
                world.reaches(&net, 1, 2) && world.reaches(&net, 1, 3)
            });
            // Two faults that both cut n1 off from n2, and one of them from n3 too.
            world.run(1, &net.cut("f0", &n1, &[peer(2)]));
            world.run(1, &net.cut("f1", &n1, &[peer(2), peer(3)]));
            world.run(1, &net.cut("f1", &n1, &[peer(2), peer(3)]));
            assert_eq!(world.run(1, &net.remaining(&n1)), "f0\nf1");
            assert!(!world.reaches(&net, 1, 2) && !world.reaches(&net, 3, 1));
            assert!(
                world.reaches(&net, 2, 3),
                "{filter}: n2 and n3 are not concerned"
            );

            world.run(1, &net.heal("f1", &n1));
            assert!(world.reaches(&net, 3, 1));
            assert!(!world.reaches(&net, 2, 1), "{filter}: f0 cuts still");
            world.run(1, &net.heal("f0", &n1));
            assert!(world.reaches(&net, 2, 1));
            assert_eq!(world.run(1, &net.remaining(&n1)), "");
            // Nothing there is no error.
            world.run(1, &net.heal("f0", &n1));
        }
    }
}

#[test]
fn probes_work_with_whatever_a_node_has() {
    let Some(world) = World::new(2, four) else {
        return;
    };
    let net = world.net(Filter::Nftables, 22);
    let (n1, n2) = (world.node(1), world.node(2));
    eventually("the bridge forwards", || world.reaches(&net, 1, 2));
    let cut = net.cut("f0", &n2, &[Peer::Node(n1.clone())]);
    for tools in [
        &["bash", "timeout"][..],
        &["nc"],
        &["python3"],
        &["perl"],
        &["ping"],
    ] {
        // Shims and alternatives point elsewhere: the program itself is wanted.
        let found: Vec<String> = tools
            .iter()
            .filter_map(|tool| {
                ["/usr/bin", "/bin", "/usr/local/bin"]
                    .iter()
                    .map(|dir| format!("{dir}/{tool}"))
                    .find(|path| std::path::Path::new(path).exists())
            })
            .collect();
        if found.len() < tools.len() {
            continue;
        }
        let path = tempfile::tempdir().unwrap();
        for (tool, file) in tools.iter().zip(&found) {
            std::os::unix::fs::symlink(file, path.path().join(tool)).unwrap();
        }
        let mut prefix = world.spaces[0].enter();
        prefix.extend(["env".to_owned(), format!("PATH={}", path.path().display())]);
        let poor = Local {
            node: n1.clone(),
            prefix,
        };
        let reaches = || poor.exec(&net.reaches(&n1, &n2)).unwrap();
        let answer = reaches();
        assert!(answer.success(), "{tools:?}: {answer:?}");
        world.run(2, &cut);
        assert_eq!(reaches().status, 1, "{tools:?}");
        world.run(2, &net.heal("f0", &n2));
    }
}

#[test]
fn a_one_way_cut_lets_the_other_way_through() {
    // What arrives at a UDP port where nobody listens is counted there, and needs no answer.
    let arrived = |world: &World, i: usize| -> u64 {
        let count = Command::script::<&str>(
            "while read -r name a b more; do [ $name = Udp: ] && echo $b; done </proc/self/net/snmp; exit 0",
            [],
        );
        let said = world.run(i, &count);
        said.lines().last().unwrap().parse().unwrap()
    };
    let send = |to: usize| {
        Command::new(["bash", "-c", "echo x >/dev/udp/$0/9"].map(String::from)).with_word(&four(to))
    };
    for filter in FILTERS {
        let Some(world) = World::new(2, four) else {
            return;
        };
        let net = world.net(filter, 22);
        let n1 = world.node(1);
        eventually("the bridge forwards", || world.reaches(&net, 1, 2));
        world.run(1, &net.cut("f0", &n1, &[Peer::Node(world.node(2))]));
        assert_eq!(world.run(1, &net.dropped("f0", &n1)), "0");
        let (at_1, at_2) = (arrived(&world, 1), arrived(&world, 2));
        world.run(1, &send(2));
        world.run(2, &send(1));
        eventually("what n1 sends arrives", || arrived(&world, 2) == at_2 + 1);
        eventually("what n2 sends is dropped and counted", || {
            world
                .run(1, &net.dropped("f0", &n1))
                .parse::<u64>()
                .unwrap()
                > 0
        });
        assert_eq!(arrived(&world, 1), at_1, "{filter}");
        world.run(1, &net.heal("f0", &n1));
        assert!(!world.exec(1, &net.dropped("f0", &n1)).success());
        eventually("what n2 sends arrives again", || {
            world.run(2, &send(1));
            arrived(&world, 1) > at_1
        });
    }
}

trait WithWord {
    fn with_word(self, word: &str) -> Self;
}

impl WithWord for Command {
    fn with_word(mut self, word: &str) -> Self {
        self.argv.push(word.to_owned());
        self
    }
}

#[test]
fn clients_are_cut_off_from_the_systems_port_alone() {
    for filter in FILTERS {
        let Some(world) = World::new(1, four) else {
            return;
        };
        let (ssh, store) = (world.net(filter, 22), world.net(filter, 7000));
        let n1 = world.node(1);
        eventually("the bridge forwards", || world.clients_reach(&store, 1));
        let clients = Peer::Clients {
            addresses: vec![four(100)],
            port: 7000,
        };
        world.run(1, &store.cut("f0", &n1, &[clients]));
        assert!(!world.clients_reach(&store, 1), "{filter}");
        assert!(
            world.clients_reach(&ssh, 1),
            "{filter}: SSH is never touched"
        );
        world.run(1, &store.heal("f0", &n1));
        assert!(world.clients_reach(&store, 1), "{filter}");
    }
}

#[test]
fn rules_of_others_stay_as_they_were() {
    let Some(world) = World::new(1, four) else {
        return;
    };
    let n1 = world.node(1);
    let list = |command: &str| world.run(1, &Command::new(command.split_whitespace()));
    world.spaces[0].run("nft add table inet firewall");
    world.spaces[0].run("iptables -w -N mine");
    world.spaces[0].run("iptables -w -A INPUT -s 192.0.2.1 -j mine");
    let before = (list("nft list ruleset"), list("iptables -w -S"));
    for filter in FILTERS {
        let net = world.net(filter, 22);
        world.run(
            1,
            &net.cut("f0", &n1, &[Peer::Node(Node::new("x", four(100)))]),
        );
        assert_ne!((list("nft list ruleset"), list("iptables -w -S")), before);
        world.run(1, &net.heal("f0", &n1));
        let after = (list("nft list ruleset"), list("iptables -w -S"));
        assert_eq!(after, before, "{filter}");
    }
}

#[test]
fn what_a_node_has_is_found_out() {
    let Some(world) = World::new(3, four) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut toy = Toy::new(dir.path(), 3);
    toy.with_net = false;
    assert_eq!(detect(&world.cluster(), 22).unwrap().means(), "nftables");
    let left = Command::new(["nft", "list", "ruleset"]);
    assert_eq!(world.run(1, &left), "", "looking leaves nothing behind");
    let faults: Faults = "partition".parse().unwrap();
    eventually("every node reaches the next", || {
        preflight(
            &faults,
            &world.cluster(),
            &toy,
            Path::new("/nowhere/schism"),
        )
        .is_ok()
    });
    world.spaces[1].run("ip link set eth0 down");
    let refused = preflight(
        &faults,
        &world.cluster(),
        &toy,
        Path::new("/nowhere/schism"),
    )
    .err()
    .unwrap();
    let said: Vec<String> = refused.iter().map(|r| r.why.clone()).collect();
    assert!(
        said[0].starts_with("n1 does not reach n2 on port 22"),
        "{said:?}"
    );
}

#[test]
fn partitions_between_real_nodes_are_verified() {
    for filter in FILTERS {
        let Some(world) = World::new(5, four) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let mut toy = Toy::new(dir.path(), 5);
        toy.with_net = false;
        let steps = Steps::default();
        let net = world.net(filter, 22);
        eventually("the bridge forwards", || {
            (2..=5).all(|to| world.reaches(&net, 1, to))
        });
        let injector = Injector::new(
            world.cluster(),
            Arc::new(toy) as Arc<dyn System>,
            Capabilities {
                net: Some(Arc::new(net)),
                ..Capabilities::default()
            },
            Ledger::open(&dir.path().join("ledger.jsonl")).unwrap(),
            DeadMan::none(),
            steps.clock(),
            steps.keep(),
        )
        .limits(limits());
        // Those that name their nodes overlap; the others keep a majority, and would be refused on top of another.
        let specs = [
            "partition@n1+n2",
            "partition@n3",
            "partition@n2+n4",
            "partition@ring",
            "partition@bridge",
            "partition@one-way",
            "partition@minority",
        ];
        let overlaps = |i: usize| (1..=2).contains(&i);
        let heal = |i: usize| {
            let order = Order::Heal {
                fault: FaultId(i as u32),
            };
            assert_eq!(
                injector.carry_out(&order),
                Outcome::Ok(Carried::Healed { verified: true }),
                "{filter}, {}: {:#?}",
                specs[i],
                steps.all()
            );
        };
        for (i, spec) in specs.iter().enumerate() {
            if i > 0 && !overlaps(i) {
                heal(i - 1);
            }
            let track: TrackSpec = spec.parse().unwrap();
            let outcome = injector.carry_out(&Order::Inject {
                fault: FaultId(i as u32),
                spec: track.fault,
                seed: 11 + i as u64,
            });
            assert!(
                matches!(
                    outcome,
                    Outcome::Ok(Carried::Injected { verified: true, .. })
                ),
                "{filter}, {spec}: {:#?}",
                steps.all()
            );
            if overlaps(i) {
                heal(i - 1);
            }
        }
        assert!(injector.heal_all(Duration::from_secs(10)).is_empty());
        let first = &steps.all()[2];
        assert_eq!(first.detail, "0/12 probes crossed; 8/8 inside passed");
    }
}
