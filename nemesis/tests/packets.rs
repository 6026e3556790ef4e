//! Packets delayed, lost, doubled, reordered, corrupted and slowed down between real network namespaces, measured by `ping`,
//! which knows nothing of us: before, during and after, on the links aimed at and on the others.
//!
//! Needs root, `unshare`, `nsenter`, `ip`, `nft`, `iptables`, `tc` and `ping`; skipped, loudly, without them, and failed
//! instead if `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use control::{Command, System};
use history::{Outcome, fault::FaultId};
use schism_nemesis::{
    Capabilities, Carried, DeadMan, FaultSpec, Faults, Injector, Ledger, Order, preflight,
};
use support::{
    Steps, Toy, eventually, limits,
    world::{World, four, six},
};
use tempfile::TempDir;

/// The program with the helpers, built once.
fn helper() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let built = std::process::Command::new(env!("CARGO"))
            .args(["build", "-q", "-p", "schism-agent", "--bin", "schism-node"])
            .status()
            .unwrap();
        assert!(built.success());
        // target/debug/deps/packets-…
        let own = std::env::current_exe().unwrap();
        own.ancestors().nth(2).unwrap().join("schism-node")
    })
}

/// A world with the means to shape its packets, and what is needed to break it.
struct Scene {
    world: World,
    injector: Injector,
    steps: Steps,
    faults: Faults,
    _dir: TempDir,
}

impl Scene {
    /// `faults` are those that will be injected, by their places in this list.
    fn new(nodes: usize, address: fn(usize) -> String, faults: &str) -> Option<Self> {
        let world = World::new(nodes, address)?;
        let dir = tempfile::tempdir().unwrap();
        let mut toy = Toy::new(dir.path(), nodes);
        toy.with_net = false;
        let faults: Faults = serde_yaml::from_str(faults).unwrap();
        // Rules of others, which shall stay.
        for space in &world.spaces {
            for (tool, from) in [("iptables", "192.0.2.1"), ("ip6tables", "2001:db8::1")] {
                for table in ["raw", "mangle", "filter"] {
                    let chain = if table == "filter" {
                        "INPUT"
                    } else {
                        "PREROUTING"
                    };
                    space.run(&format!(
                        "{tool} -w -t {table} -A {chain} -s {from} -j ACCEPT"
                    ));
                }
            }
        }
        eventually("the bridge forwards", || {
            (2..=nodes).all(|to| world.pings(1, to, "-c1 -W1").is_some_and(|p| p.lost == 0))
        });
        let prepared = preflight(&faults, &world.cluster(), &toy, helper());
        let capabilities = match prepared {
            Ok(prepared) => prepared.capabilities,
            Err(refused) => panic!("{refused:?}"),
        };
        let steps = Steps::default();
        let injector = injector(&world, dir.path(), toy, capabilities, &steps);
        Some(Self {
            world,
            injector,
            steps,
            faults,
            _dir: dir,
        })
    }

    fn inject(&self, i: usize) {
        let spec: FaultSpec = self.faults.0[i].fault.clone();
        let order = Order::Inject {
            fault: FaultId(i as u32),
            spec,
            seed: 7 + i as u64,
        };
        let outcome = self.injector.carry_out(&order);
        let seen = matches!(
            outcome,
            Outcome::Ok(Carried::Injected { verified: true, .. })
        );
        assert!(seen, "{outcome:?}: {:#?}", self.steps.all());
    }

    fn heal(&self, i: usize) {
        let order = Order::Heal {
            fault: FaultId(i as u32),
        };
        assert_eq!(
            self.injector.carry_out(&order),
            Outcome::Ok(Carried::Healed { verified: true }),
            "{:#?}",
            self.steps.all()
        );
    }

    /// Everything that a fault could have left on a node.
    fn traces(&self, node: usize) -> String {
        let list = "for t in iptables ip6tables; do for x in filter raw mangle; do $t -w -t $x -S; done; done
            nft list ruleset; tc qdisc show dev eth0; ls /run/schism/packets 2>/dev/null; exit 0";
        self.world.run(node, &Command::script::<&str>(list, []))
    }

    fn delayer(&self, fault: usize, node: usize) -> Option<u32> {
        let file = format!("/run/schism/packets/f{fault}-n{node}.pid");
        let text = self.world.run(node, &Command::new(["cat", &file]));
        text.split(' ').next()?.parse().ok()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A failed test must not leave delayers behind: nobody else ends them.
        let left = self.injector.heal_all(Duration::from_secs(10));
        if !std::thread::panicking() {
            assert!(left.is_empty(), "{left:?}");
        }
    }
}

fn injector(
    world: &World,
    dir: &Path,
    toy: Toy,
    capabilities: Capabilities,
    steps: &Steps,
) -> Injector {
    Injector::new(
        world.cluster(),
        Arc::new(toy) as Arc<dyn System>,
        capabilities,
        Ledger::open(&dir.join("ledger.jsonl")).unwrap(),
        DeadMan::none(),
        steps.clock(),
        steps.keep(),
    )
    .limits(limits())
}

/// What ping said.
#[derive(Debug)]
struct Ping {
    lost: u32,
    twice: usize,
    damaged: usize,
    overtaken: usize,
    /// Milliseconds; none if nothing came back.
    average: Option<f64>,
}

impl World {
    /// `None` if ping could not even be read.
    fn pings(&self, from: usize, to: usize, options: &str) -> Option<Ping> {
        // User to user: the kernel stamps what comes in before it is held back.
        let words = ["ping", "-n", "-U"].into_iter().chain(options.split(' '));
        let to = (self.address)(to);
        let command = Command::new(words.chain([to.as_str()]));
        let text = self.exec(from, &command).text();
        let (before_share, _) = text.split_once("% packet loss")?;
        let lost: f64 = before_share.rsplit(' ').next()?.parse().ok()?;
        let orders: Vec<u32> = text
            .lines()
            .filter(|line| !line.contains("DUP!"))
            .filter_map(|line| {
                line.split_once("icmp_seq=")?
                    .1
                    .split(' ')
                    .next()?
                    .parse()
                    .ok()
            })
            .collect();
        Some(Ping {
            lost: lost as u32,
            twice: text.matches("DUP!").count(),
            damaged: text.matches("wrong data byte").count(),
            overtaken: orders.windows(2).filter(|w| w[1] < w[0]).count(),
            average: text
                .split_once("min/avg/max/mdev = ")
                .and_then(|(_, rest)| rest.split('/').nth(1)?.parse().ok()),
        })
    }
}

/// A hundred pings, five milliseconds apart.
const MANY: &str = "-c100 -i0.005 -W1 -s200";

#[test]
fn every_effect_bites_where_it_was_aimed_and_heals() {
    type Bites = fn(&Ping) -> bool;
    let average = |ping: &Ping| ping.average.unwrap_or(f64::MAX);
    let effects: [(&str, Bites); 7] = [
        ("delay: 40ms, jitter: 5ms, distribution: normal", |p| {
            p.average.is_some_and(|a| (70.0..110.0).contains(&a))
        }),
        ("delay: 30ms, one-way: true", |p| {
            p.average.is_some_and(|a| (28.0..50.0).contains(&a))
        }),
        ("loss: 30", |p| (30..75).contains(&p.lost)),
        ("duplicate: 40", |p| p.twice > 20 && p.lost == 0),
        ("reorder: 40, delay: 20ms", |p| p.overtaken > 10),
        ("corrupt: 30", |p| (30..75).contains(&p.lost)),
        ("corrupt: 40, undetected: true", |p| {
            p.damaged > 20 && p.lost == 0
        }),
    ];
    for address in [four as fn(usize) -> String, six] {
        // What differs between the families is where addresses and checksums are, and how copies are sent.
        let some = if address(1) == four(1) { 1 } else { 3 };
        for (effect, bites) in effects.iter().step_by(some) {
            let line = format!("packets: {{ at: [[n1]], {effect} }}");
            let Some(scene) = Scene::new(3, address, &line) else {
                return;
            };
            let world = &scene.world;
            let before: Vec<String> = (1..=3).map(|i| scene.traces(i)).collect();
            let quiet = |ping: &Ping| {
                (ping.lost, ping.twice, ping.damaged) == (0, 0, 0) && average(ping) < 15.0
            };
            let healthy = world.pings(1, 2, MANY).unwrap();
            assert!(quiet(&healthy), "{effect}: before: {healthy:?}");

            scene.inject(0);
            // What is true on average need not be in each hundred.
            eventually(effect, || {
                let struck = world.pings(1, 2, MANY).unwrap();
                let spared = world.pings(2, 3, MANY).unwrap();
                bites(&struck) && quiet(&spared)
            });

            scene.heal(0);
            eventually("it is as it was", || {
                quiet(&world.pings(1, 2, MANY).unwrap())
            });
            for i in 1..=3 {
                assert_eq!(scene.traces(i), before[i - 1], "{effect}: n{i}");
            }
        }
    }
}

/// Thousands of bits a second that arrive of as many as a TCP sender would send.
fn throughput(world: &World, from: usize, to: usize) -> u64 {
    let listen = r#"
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.create_server((sys.argv[1], 7777), family=family) as server:
    server.settimeout(10)
    peer, _ = server.accept()
    peer.settimeout(10)
    peer.recv(1)
    start, got = time.monotonic(), 0
    while time.monotonic() - start < 1.5:
        some = peer.recv(1 << 16)
        if not some: break
        got += len(some)
    print(int(got * 8 / 1000 / (time.monotonic() - start)))
"#;
    let send = r#"
import socket, sys, time
until = time.monotonic() + 10
while True:
    try: peer = socket.create_connection((sys.argv[1], 7777), 5); break
    except ConnectionRefusedError:
        if time.monotonic() > until: raise
        time.sleep(0.02)
try:
    while time.monotonic() < until: peer.sendall(b"x" * 16384)
except OSError: pass
"#;
    let address = (world.address)(to);
    let python = |text: &str| Command::new(["python3", "-c", text, &address]);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| world.exec(from, &python(send)));
        let got = world.run(to, &python(listen));
        sender.join().unwrap();
        got.parse().unwrap()
    })
}

#[test]
fn a_rate_limits_what_tcp_gets_through() {
    let Some(scene) = Scene::new(3, four, "packets: { at: [[n1]], rate: 2mbit }") else {
        return;
    };
    assert!(throughput(&scene.world, 2, 1) > 20_000);
    scene.inject(0);
    let limited = throughput(&scene.world, 2, 1);
    assert!((600..2_400).contains(&limited), "{limited} kbit/s");
    assert!(throughput(&scene.world, 2, 3) > 20_000);
    scene.heal(0);
    assert!(throughput(&scene.world, 2, 1) > 20_000);
}

#[test]
fn a_killed_delayer_heals_at_once_and_its_undo_does_no_harm() {
    let Some(scene) = Scene::new(2, four, "packets: { at: [[n1]], delay: 300ms }") else {
        return;
    };
    let world = &scene.world;
    let before = scene.traces(1);
    scene.inject(0);
    for node in [1, 2] {
        let pid = scene.delayer(0, node).unwrap();
        let dead = std::process::Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status();
        assert!(dead.unwrap().success());
    }
    eventually("packets pass by the rules without a delayer", || {
        world
            .pings(1, 2, "-c3 -i0.02 -W1")
            .unwrap()
            .average
            .is_some_and(|a| a < 20.0)
    });
    assert_ne!(scene.traces(1), before, "its rules are there still");
    let owed = scene.steps.all();
    assert!(!owed.is_empty());
    scene.heal(0);
    assert_eq!(scene.traces(1), before);
}

#[test]
fn packets_and_a_partition_heal_in_either_order() {
    for first in [0, 1] {
        let faults = "packets: { at: [[n1]], delay: 60ms }\npartition: { at: [[n1]] }";
        let Some(scene) = Scene::new(3, four, faults) else {
            return;
        };
        let world = &scene.world;
        let before = scene.traces(1);
        let late = || {
            let ping = world.pings(1, 2, "-c3 -i0.02 -W1").unwrap();
            ping.lost == 0 && ping.average.is_some_and(|a| a > 100.0)
        };
        let cut = || world.pings(1, 2, "-c2 -i0.02 -W1").unwrap().lost == 100;
        let well = || {
            let ping = world.pings(1, 2, "-c3 -i0.02 -W1").unwrap();
            ping.lost == 0 && ping.average.is_some_and(|a| a < 20.0)
        };
        scene.inject(0);
        assert!(late());
        scene.inject(1);
        assert!(cut());
        assert!(!cut_between(world, 2, 3));
        scene.heal(first);
        if first == 0 {
            assert!(cut(), "the partition is still there");
        } else {
            assert!(late(), "the delay is still there");
        }
        scene.heal(1 - first);
        eventually("both are gone", well);
        assert_eq!(scene.traces(1), before);
    }
}

fn cut_between(world: &World, from: usize, to: usize) -> bool {
    world.pings(from, to, "-c2 -i0.02 -W1").unwrap().lost == 100
}

#[test]
fn regions_are_as_far_apart_as_they_should_be_and_packets_add_to_that() {
    let faults =
        "wan: { regions: [us-east, eu-west], jitter: 0 }\npackets: { at: [[n1]], duplicate: 50 }";
    let Some(scene) = Scene::new(3, four, faults) else {
        return;
    };
    let world = &scene.world;
    let before = scene.traces(1);
    let trip = |a, b| {
        world
            .pings(a, b, "-c5 -i0.02 -W2")
            .unwrap()
            .average
            .unwrap()
    };
    scene.inject(0);
    // n1 and n3 in us-east, n2 in eu-west, 70 ms away.
    assert!((69.0..95.0).contains(&trip(1, 2)), "{}", trip(1, 2));
    assert!((69.0..95.0).contains(&trip(2, 3)), "{}", trip(2, 3));
    assert!(trip(1, 3) < 15.0, "{}", trip(1, 3));
    // What is not measured on a link that another fault shapes is measured on those that it leaves alone.
    scene.inject(1);
    eventually("copies come as late as what they double", || {
        let ping = world.pings(1, 2, MANY).unwrap();
        ping.twice > 20 && ping.average.is_some_and(|a| a > 69.0)
    });
    scene.heal(0);
    let ping = world.pings(1, 2, MANY).unwrap();
    assert!(ping.twice > 20 && ping.average.unwrap() < 30.0, "{ping:?}");
    scene.heal(1);
    assert_eq!(scene.traces(1), before);
}

/// How a TCP connection to a port where nobody listens goes: `refused` by the node itself, or by its filter, or `silence`.
fn connection(world: &World, from: usize, to: usize, port: u16) -> String {
    let text = r#"
import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
except ConnectionRefusedError: print("refused")
except OSError: print("silence")
"#;
    let words = [
        "python3",
        "-c",
        text,
        &(world.address)(to),
        &port.to_string(),
    ];
    world.run(from, &Command::new(words))
}

#[test]
fn a_partition_that_tells_resets_and_one_of_ports_spares_the_others() {
    for address in [four as fn(usize) -> String, six] {
        let faults = "partition: { at: [[n1]], how: reject }";
        let Some(scene) = Scene::new(3, address, faults) else {
            return;
        };
        let world = &scene.world;
        let before = scene.traces(1);
        scene.inject(0);
        // Silence would cost a second; nobody listens there, so the refusal proves nothing alone, but ping's does.
        assert_eq!(connection(world, 2, 1, 7000), "refused");
        let ping = Command::new(["ping", "-n", "-c1", "-W1", &address(1)]);
        assert!(world.exec(2, &ping).text().contains("nreachable"));
        assert_eq!(world.pings(2, 3, "-c1 -W1").unwrap().lost, 0);
        scene.heal(0);
        assert_eq!(world.pings(2, 1, "-c1 -W1").unwrap().lost, 0);
        assert_eq!(scene.traces(1), before);

        let faults = "partition: { at: [[n1]], ports: [7000, 7001] }";
        let scene = Scene::new(3, address, faults).unwrap();
        let world = &scene.world;
        scene.inject(0);
        for port in [7000, 7001] {
            assert_eq!(connection(world, 2, 1, port), "silence");
            assert_eq!(connection(world, 1, 2, port), "silence");
        }
        assert_eq!(connection(world, 2, 1, 7002), "refused");
        assert_eq!(connection(world, 2, 3, 7000), "refused");
        scene.heal(0);
        assert_eq!(connection(world, 2, 1, 7000), "refused");
    }
}

#[test]
fn links_that_flap_are_cut_and_whole_in_turn() {
    let Some(scene) = Scene::new(3, four, "partition: { at: [[n1]], flap: 300ms }") else {
        return;
    };
    let world = &scene.world;
    let before = scene.traces(1);
    scene.inject(0);
    eventually("some get through and some do not, in turn", || {
        let ping = world.pings(2, 1, "-c100 -i0.02 -W1").unwrap();
        (20..80).contains(&ping.lost)
    });
    assert_eq!(world.pings(2, 3, MANY).unwrap().lost, 0);
    scene.heal(0);
    assert_eq!(world.pings(2, 1, MANY).unwrap().lost, 0);
    assert_eq!(scene.traces(1), before);
}
