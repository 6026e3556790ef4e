//! Cuts of one protocol between real network namespaces, measured by Python's sockets and by `ping`, which know nothing of
//! us: before, during and after, by each protocol, across the cut and beside it.
//!
//! Needs root, `unshare`, `nsenter`, `ip`, `nft`, `iptables`, `ping` and `python3`; skipped, loudly, without them, and failed
//! instead if `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{sync::Arc, time::Duration};

use control::{Command, Net, System};
use history::{Outcome, fault::FaultId};
use schism_nemesis::{
    Capabilities, Carried, DeadMan, FaultSpec, Faults, Filter, Injector, Ledger, Order,
};
use support::{
    Steps, Toy, eventually, limits,
    world::{World, four, six},
};

/// Answers datagrams at two ports for as long as a test takes.
const ECHO: &str = r#"
import os, socket, sys, threading
child = os.fork()
if child:
    print(child)
    sys.exit()
os.setsid()
for f in range(3): os.close(f)
def echo(port):
    at = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
    at.bind((sys.argv[1], port))
    at.settimeout(60)
    while True:
        data, peer = at.recvfrom(100)
        at.sendto(data, peer)
for port in (7001, 7002): threading.Thread(target=echo, args=(port,)).start()
"#;

/// Says by what a node is reached: a refused connection is an answer.
const TRY: &str = r#"
import socket, subprocess, sys
to = sys.argv[1]
family = socket.AF_INET6 if ":" in to else socket.AF_INET
def tcp(port):
    try: socket.create_connection((to, port), 0.5)
    except ConnectionRefusedError: return True
    except OSError: return False
    return True
def udp(port):
    at = socket.socket(family, socket.SOCK_DGRAM)
    at.settimeout(0.5)
    at.sendto(b"x", (to, port))
    try: return at.recv(9) == b"x"
    except OSError: return False
def icmp():
    ping = ["ping", "-n", "-c1", "-W1", to]
    return subprocess.run(ping, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as at_once:
    tcps, udps, pings = (at_once.map(way, of) for way, of in ((tcp, (7001, 7002)), (udp, (7001, 7002)), (lambda _: icmp(), (0,))))
    names = "tcp 7001", "tcp 7002", "udp 7001", "udp 7002", "icmp"
    print(", ".join(name for name, ok in zip(names, [*tcps, *udps, *pings]) if ok))
"#;

/// Ends with the test, however that ends.
struct Echo(String);

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kill")
            .args(["-9", &self.0])
            .status();
    }
}

const ALL: &str = "tcp 7001, tcp 7002, udp 7001, udp 7002, icmp";

/// What is cut, what still arrives, and what the plan says.
const CUTS: [(&str, &str, &str); 5] = [
    (
        "protocol: tcp",
        "udp 7001, udp 7002, icmp",
        "{n1} | {n2 n3}, tcp only",
    ),
    (
        "protocol: udp",
        "tcp 7001, tcp 7002, icmp",
        "{n1} | {n2 n3}, udp only",
    ),
    (
        "protocol: icmp",
        "tcp 7001, tcp 7002, udp 7001, udp 7002",
        "{n1} | {n2 n3}, icmp only",
    ),
    (
        "protocol: tcp, ports: [7001]",
        "tcp 7002, udp 7001, udp 7002, icmp",
        "{n1} | {n2 n3}, tcp port 7001 only",
    ),
    (
        "protocol: udp, ports: [7001]",
        "tcp 7001, tcp 7002, udp 7002, icmp",
        "{n1} | {n2 n3}, udp port 7001 only",
    ),
];

#[test]
fn nftables_cut_one_protocol_of_ipv4() {
    cuts_are_of_their_protocol(Filter::Nftables, four);
}

#[test]
fn nftables_cut_one_protocol_of_ipv6() {
    cuts_are_of_their_protocol(Filter::Nftables, six);
}

#[test]
fn iptables_cut_one_protocol_of_ipv4() {
    cuts_are_of_their_protocol(Filter::Iptables, four);
}

#[test]
fn iptables_cut_one_protocol_of_ipv6() {
    cuts_are_of_their_protocol(Filter::Iptables, six);
}

fn cuts_are_of_their_protocol(filter: Filter, address: fn(usize) -> String) {
    let Some(world) = World::new(3, address) else {
        return;
    };
    let _echoes: Vec<Echo> = (1..=3)
        .map(|i| Echo(world.run(i, &Command::new(["python3", "-c", ECHO, &address(i)]))))
        .collect();
    let reached = |from: usize, to: usize| {
        world.run(from, &Command::new(["python3", "-c", TRY, &address(to)]))
    };
    let net = world.net(filter, 22);
    eventually("everybody answers", || {
        [(1, 2), (1, 3), (2, 1), (2, 3)]
            .iter()
            .all(|(from, to)| reached(*from, *to) == ALL)
    });
    let dir = tempfile::tempdir().unwrap();
    let mut toy = Toy::new(dir.path(), 3);
    toy.with_net = false;
    let steps = Steps::default();
    let injector = Injector::new(
        world.cluster(),
        Arc::new(toy) as Arc<dyn System>,
        Capabilities {
            net: Some(Arc::new(net.clone())),
            ..Capabilities::default()
        },
        Ledger::open(&dir.path().join("ledger.jsonl")).unwrap(),
        DeadMan::none(),
        steps.clock(),
        steps.keep(),
    )
    .limits(limits());
    for (i, (options, left, what)) in CUTS.iter().enumerate() {
        let line = format!("partition: {{ at: [[n1]], {options} }}");
        let faults: Faults = serde_yaml::from_str(&line).unwrap();
        let spec: FaultSpec = faults.0[0].fault.clone();
        let fault = FaultId(i as u32);
        let seed = 5;
        let outcome = injector.carry_out(&Order::Inject { fault, spec, seed });
        let met = Carried::Injected {
            what: (*what).to_owned(),
            verified: true,
        };
        assert_eq!(
            outcome,
            Outcome::Ok(met),
            "{filter}, {options}: {:#?}",
            steps.all()
        );
        let case = format!("{filter}, {}, {options}", address(1));
        for (from, to) in [(1, 2), (2, 1), (3, 1)] {
            assert_eq!(reached(from, to), *left, "{case}: n{from} to n{to}");
        }
        assert_eq!(reached(2, 3), ALL, "{case}: beside it");
        // Long enough for the addresses of neighbours to be looked up again.
        world.run(2, &Command::new(["ip", "neigh", "flush", "all"]).root());
        assert_eq!(reached(2, 1), *left, "{case}: with no neighbour known");

        let healed = injector.carry_out(&Order::Heal { fault });
        assert_eq!(
            healed,
            Outcome::Ok(Carried::Healed { verified: true }),
            "{case}: {:#?}",
            steps.all()
        );
        for (from, to) in [(1, 2), (2, 1), (3, 1), (2, 3)] {
            eventually("it is whole", || reached(from, to) == ALL);
        }
        for node in 1..=3 {
            assert_eq!(world.run(node, &net.remaining(&world.node(node))), "");
        }
    }
    assert!(injector.heal_all(Duration::from_secs(10)).is_empty());
}
