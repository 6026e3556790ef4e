//! Nodes that are network namespaces on a bridge, for one test. The host's own namespace is never entered: the bridge is in a
//! namespace too.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Child, Stdio},
    sync::Arc,
};

use control::{Cluster, Command, Net, Node, Output, Remote, RemoteExt};
use schism_nemesis::{Addresses, Filter, PacketFilter};

use super::{Local, eventually};

/// A process that keeps a network namespace alive.
pub struct Space(pub Child);

impl Space {
    pub fn new(within: Option<&Self>) -> Self {
        let mut words = within.map_or_else(Vec::new, Self::enter);
        // A `/run` of its own, as nodes have.
        let live = "mount -t tmpfs run /run && exec sleep 300";
        words.extend(["unshare", "--net", "--mount", "sh", "-c", live].map(String::from));
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
            let comm = std::fs::read_to_string(format!("/proc/{}/comm", space.0.id()));
            own.is_some() && own != host && own != outer && comm.is_ok_and(|c| c == "sleep\n")
        });
        space
    }
    pub fn enter(&self) -> Vec<String> {
        let pid = self.0.id().to_string();
        ["nsenter", "-t", &pid, "-n", "-m", "--"]
            .map(String::from)
            .to_vec()
    }
    pub fn run(&self, line: &str) {
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
pub struct World {
    pub outer: Space,
    pub spaces: Vec<Space>,
    /// The address of the n-th node.
    pub address: fn(usize) -> String,
}

pub fn four(i: usize) -> String {
    format!("10.99.0.{i}")
}

pub fn six(i: usize) -> String {
    format!("fd00:99::{i}")
}

impl World {
    pub fn new(nodes: usize, address: fn(usize) -> String) -> Option<Self> {
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

    pub fn node(&self, i: usize) -> Node {
        Node::new(format!("n{i}"), (self.address)(i))
    }

    pub fn cluster(&self) -> Cluster {
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

    pub fn net(&self, filter: Filter, port: u16) -> PacketFilter {
        let filters = (1..=self.spaces.len())
            .map(|i| (format!("n{i}"), filter))
            .collect::<BTreeMap<_, _>>();
        PacketFilter::new(filters, Addresses::resolve(&self.cluster()), port)
    }

    pub fn exec(&self, i: usize, command: &Command) -> Output {
        self.cluster()
            .remote(&format!("n{i}"))
            .exec(command)
            .unwrap()
    }

    pub fn run(&self, i: usize, command: &Command) -> String {
        self.cluster()
            .remote(&format!("n{i}"))
            .run(command)
            .unwrap()
            .text()
    }

    pub fn reaches(&self, net: &dyn Net, from: usize, to: usize) -> bool {
        self.exec(from, &net.reaches(&self.node(from), &self.node(to)))
            .success()
    }

    pub fn clients_reach(&self, net: &dyn Net, to: usize) -> bool {
        let here = Local {
            node: Node::new("clients", ""),
            prefix: self.outer.enter(),
        };
        let probe = net.reaches(&here.node, &self.node(to));
        here.exec(&probe).unwrap().success()
    }
}

/// Whether such a world can be made here.
pub fn possible() -> bool {
    let ran = |words: &[&str]| {
        std::process::Command::new(words[0])
            .args(&words[1..])
            .output()
            .is_ok_and(|o| o.status.success())
    };
    let missing = [
        &["unshare", "--net", "--mount", "true"][..],
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
