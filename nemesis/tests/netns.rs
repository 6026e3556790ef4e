//! The packet filters' commands, run for real between network namespaces that exist for one test: they bite, one way and
//! both ways, and heal in any order. The host's own namespace is never entered: the nodes' bridge is in a namespace too.
//!
//! Needs root, `unshare`, `nsenter`, `ip`, `nft` and `iptables`; skipped, loudly, without them, and failed instead if
//! `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{path::Path, sync::Arc, time::Duration};

use control::{Command, Manner, Net, Node, Peer, Remote, System};
use history::{Outcome, fault::FaultId};
use schism_nemesis::{
    Capabilities, Carried, DeadMan, Faults, Filter, Injector, Ledger, Order, TrackSpec, detect,
    preflight,
};
use support::{
    Local, Steps, Toy, eventually, limits,
    world::{World, four, six},
};

const FILTERS: [Filter; 2] = [Filter::Nftables, Filter::Iptables];

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
fn a_cut_that_tells_is_answered_and_one_of_a_port_is_of_that_port() {
    let tries = |world: &World, from: usize, port: u16| {
        let text = "import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
except ConnectionRefusedError: print('refused')
except OSError: print('silence')";
        let words = [
            "python3",
            "-c",
            text,
            &(world.address)(1),
            &port.to_string(),
        ];
        world.run(from, &Command::new(words))
    };
    for filter in FILTERS {
        for address in [four as fn(usize) -> String, six] {
            let Some(world) = World::new(2, address) else {
                return;
            };
            let net = world.net(filter, 22);
            let (n1, from) = (world.node(1), [Peer::Node(world.node(2))]);
            eventually("the bridge forwards", || world.reaches(&net, 1, 2));
            let manner = |reject: bool, ports: &[u16]| Manner {
                reject,
                ports: ports.to_vec(),
                ..Manner::default()
            };
            let cut = |manner| net.cut_as("f0", &n1, &from, &manner).unwrap();
            world.run(1, &cut(manner(false, &[7000])));
            assert_eq!(tries(&world, 2, 7000), "silence", "{filter}");
            assert_eq!(tries(&world, 2, 7001), "refused", "{filter}");
            world.run(1, &cut(manner(true, &[])));
            assert_eq!(tries(&world, 2, 7000), "refused", "{filter}");
            let told = world.run(1, &net.dropped("f0", &n1));
            assert!(
                told.parse::<u64>().unwrap() > 0,
                "{filter}: it was the filter"
            );
            world.run(1, &net.heal("f0", &n1));
            assert_eq!(world.run(1, &net.remaining(&n1)), "");
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
