//! The impossible is refused before deployment, all of it at once, each with what to do instead.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{path::Path, sync::Arc};

use control::{Cluster, Command, Error, Node, Output, Remote};
use schism_nemesis::{Faults, Kind, preflight};
use support::{Toy, cluster, nodes};

/// A node that answers everything that needs root alike, and all else with success.
struct Answers {
    node: Node,
    root: fn(&Node) -> Result<Output, Error>,
}

impl Remote for Answers {
    fn node(&self) -> &Node {
        &self.node
    }
    fn exec(&self, command: &Command) -> Result<Output, Error> {
        if command.root {
            (self.root)(&self.node)
        } else {
            Ok(Output::default())
        }
    }
    fn upload(&self, _: &[u8], _: &str, _: u32) -> Result<(), Error> {
        unreachable!("the preflight uploads nothing")
    }
    fn download(&self, _: &str, _: &Path, _: u64) -> Result<u64, Error> {
        unreachable!("the preflight downloads nothing")
    }
}

/// What a partition is refused for on nodes with these addresses that answer so.
fn refused_on(
    addresses: &[&str],
    control: &str,
    root: fn(&Node) -> Result<Output, Error>,
) -> Vec<String> {
    let remotes = nodes(addresses.len())
        .into_iter()
        .zip(addresses)
        .map(|(node, address)| {
            let node = Node::new(node.name, *address);
            Arc::new(Answers { node, root }) as Arc<dyn Remote>
        })
        .collect();
    let cluster = Cluster::new(remotes, vec![control.to_owned()]);
    let dir = tempfile::tempdir().unwrap();
    let mut toy = Toy::new(dir.path(), addresses.len());
    toy.with_net = false;
    let faults: Faults = "partition".parse().unwrap();
    match preflight(&faults, &cluster, &toy, Path::new("/nowhere/schism")) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.iter().map(ToString::to_string).collect(),
    }
}

fn prints(text: &str) -> Result<Output, Error> {
    Ok(Output {
        stdout: text.into(),
        ..Output::default()
    })
}

#[test]
fn nodes_must_have_a_packet_filter_that_lets_us_in() {
    let (two, control) = (["10.0.0.1", "10.0.0.2"], "10.0.0.9");
    let works = |_: &Node| prints("nftables\n");
    assert_eq!(refused_on(&two, control, works), [""; 0]);
    let neither = |node: &Node| {
        prints(if node.name == "n2" {
            "none \n"
        } else {
            "iptables\n"
        })
    };
    assert_eq!(
        refused_on(&two, control, neither),
        [
            "partition: n2: it has neither nft nor iptables; instead: install nftables or iptables on it"
        ]
    );
    let forbidden = |_: &Node| prints("none Operation not permitted\n");
    assert_eq!(
        refused_on(&two, control, forbidden)[0],
        "partition: n1: its packet filter refuses us: Operation not permitted; instead: give it CAP_NET_ADMIN and a kernel with nftables or iptables"
    );
    let no_sudo = |node: &Node| {
        Err(Error::Sudo {
            node: node.name.clone(),
            reason: "sudo wants a password".into(),
        })
    };
    assert_eq!(
        refused_on(&two, control, no_sudo)[1],
        "partition: n2: no root: sudo wants a password; instead: log in as root, or let the login use sudo"
    );
}

#[test]
fn addresses_must_tell_nodes_apart_from_each_other_and_from_us() {
    let works = |_: &Node| prints("nftables\n");
    assert_eq!(
        refused_on(&["127.0.0.1", "127.0.0.1"], "10.0.0.9", works)[0],
        "partition: n1: 127.0.0.1 is no address that other nodes could be cut off from; instead: give the node's address in the network that it shares with the others"
    );
    assert_eq!(
        refused_on(&["10.0.0.1", "10.0.0.1"], "10.0.0.9", works),
        [
            "partition: n2: it has the same address as n1, so the two cannot be told apart; instead: give each node an address of its own"
        ]
    );
    assert_eq!(
        refused_on(&["10.0.0.1", "10.0.0.2"], "10.0.0.2", works),
        [
            "partition: n2: schism runs on it: cutting it off from the others would cut our own SSH; instead: run schism on a machine that is not a node"
        ]
    );
}

fn refused(faults: &str, nodes: usize) -> Vec<(Kind, String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let toy = Toy::new(dir.path(), nodes);
    let faults: Faults = serde_yaml::from_str(faults).unwrap();
    match preflight(&faults, &cluster(nodes), &toy, Path::new("/nowhere/schism")) {
        Ok(_) => Vec::new(),
        Err(refused) => refused
            .into_iter()
            .map(|r| (r.fault, r.why, r.instead))
            .collect(),
    }
}

#[test]
fn what_is_possible_is_let_through() {
    assert_eq!(refused("[partition, kill, pause]", 5), []);
    assert_eq!(refused("kill: { at: [minority, all, n2] }", 3), []);
    assert_eq!(refused("none", 1), []);
}

#[test]
fn everything_impossible_is_told_at_once() {
    let said = refused(
        "partition: { at: [ring, leadr] }\nkill: { at: [leader, n9] }",
        3,
    );
    let said: Vec<String> = said
        .iter()
        .map(|(fault, why, instead)| format!("{fault}: {why}; {instead}"))
        .collect();
    assert_eq!(
        said,
        [
            "partition: a ring of majorities needs four nodes, and there are 3; use `at: one` or `at: halves`",
            "partition: there is no node \"leadr\" (did you mean leader?); use one, halves, minority, ring, bridge, one-way, leader, or one of n1, n2, n3",
            "kill: toy has no leader that could be asked for; use `at: one`",
            "kill: there is no node \"n9\" (did you mean n1?); use one, minority, majority, all, leader, or one of n1, n2, n3",
        ]
    );
}

#[test]
fn one_node_has_no_links() {
    let said = refused("[partition]", 1);
    assert_eq!(said[0].1, "a cluster of one node has no links to cut");
    assert_eq!(said.len(), 1);
}
