//! Cutting links with the nodes' own packet filters: nftables where a node has it, iptables otherwise.
//!
//! Each fault has a table (or chain) of its own, `schism_f3`, made and removed in one go: faults that overlap heal
//! independently and in any order, and no rule of the host's is ever looked at, changed or flushed. Only what comes from
//! other nodes is dropped, and what comes from our clients to the system's own port: never our SSH.

mod addresses;
mod detect;
mod iptables;
mod nft;
mod reach;

use std::collections::BTreeMap;

pub use addresses::Addresses;
use control::{Command, Net, Node, Peer};
pub use detect::{Filter, NoFilter, detect};

/// The nodes' packet filters, each node with what it has.
#[derive(Debug, Clone)]
pub struct PacketFilter {
    filters: BTreeMap<String, Filter>,
    addresses: Addresses,
    probe_port: u16,
    means: String,
}

/// What all tables and chains of ours are called by: `schism_f3`.
const PREFIX: &str = "schism_";

/// What a node shall drop, with addresses instead of names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Drop {
    from: std::net::IpAddr,
    /// Only to this TCP port; any packet otherwise.
    port: Option<u16>,
}

impl PacketFilter {
    /// From what each node has. Probes try this TCP port of other nodes, at which something should listen (SSH does).
    pub fn new(filters: BTreeMap<String, Filter>, addresses: Addresses, probe_port: u16) -> Self {
        let mut kinds: Vec<_> = filters.values().collect();
        kinds.sort();
        kinds.dedup();
        let means = match kinds.as_slice() {
            [one] => one.to_string(),
            _ => filters
                .iter()
                .map(|(node, filter)| format!("{filter} on {node}"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        Self {
            filters,
            addresses,
            probe_port,
            means,
        }
    }

    fn filter(&self, node: &Node) -> Filter {
        *self
            .filters
            .get(&node.name)
            .expect("every node of the cluster was looked at")
    }

    fn drops(&self, from: &[Peer]) -> Vec<Drop> {
        let mut drops: Vec<Drop> = from
            .iter()
            .flat_map(|peer| {
                let (addresses, port) = match peer {
                    Peer::Node(node) => (std::slice::from_ref(&node.address), None),
                    Peer::Clients { addresses, port } => (addresses.as_slice(), Some(*port)),
                };
                addresses
                    .iter()
                    .flat_map(|address| self.addresses.of(address))
                    .map(move |from| Drop { from: *from, port })
            })
            .collect();
        drops.sort();
        drops.dedup();
        drops
    }
}

impl Net for PacketFilter {
    fn means(&self) -> &str {
        &self.means
    }
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command {
        let drops = self.drops(from);
        match self.filter(node) {
            Filter::Nftables => nft::cut(fault, &drops),
            Filter::Iptables => iptables::cut(fault, &drops),
        }
    }
    fn heal(&self, fault: &str, node: &Node) -> Command {
        match self.filter(node) {
            Filter::Nftables => nft::heal(fault),
            Filter::Iptables => iptables::heal(fault),
        }
    }
    fn remaining(&self, node: &Node) -> Command {
        match self.filter(node) {
            Filter::Nftables => nft::remaining(),
            Filter::Iptables => iptables::remaining(),
        }
    }
    fn reaches(&self, _node: &Node, to: &Node) -> Command {
        reach::tcp(self.addresses.of(&to.address), self.probe_port)
    }
    fn dropped(&self, fault: &str, node: &Node) -> Command {
        match self.filter(node) {
            Filter::Nftables => nft::dropped(fault),
            Filter::Iptables => iptables::dropped(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(kind: Filter) -> PacketFilter {
        let addresses = [("db1", "10.0.0.1"), ("db2", "10.0.0.2"), ("ctl", "fd00::9")]
            .map(|(name, ip)| (name.to_owned(), vec![ip.parse().unwrap()]));
        PacketFilter::new(
            BTreeMap::from([("n1".to_owned(), kind)]),
            Addresses::known(addresses.into_iter().collect()),
            22,
        )
    }

    fn peers() -> Vec<Peer> {
        vec![
            Peer::Node(Node::new("n2", "db2")),
            Peer::Clients {
                addresses: vec!["ctl".into()],
                port: 2379,
            },
        ]
    }

    #[test]
    fn an_nftables_cut_replaces_its_own_table_in_one_transaction() {
        let net = filter(Filter::Nftables);
        let node = Node::new("n1", "db1");
        let cut = net.cut("f3", &node, &peers());
        assert_eq!(cut.argv, ["nft", "-f", "-"]);
        assert!(cut.root && cut.idempotent);
        assert_eq!(
            cut.stdin.unwrap(),
            "add table inet schism_f3\n\
             delete table inet schism_f3\n\
             table inet schism_f3 {\n\
             \tchain cut {\n\
             \t\ttype filter hook input priority -5; policy accept;\n\
             \t\tip saddr 10.0.0.2 counter drop\n\
             \t\tip6 saddr fd00::9 tcp dport 2379 counter drop\n\
             \t}\n\
             }\n"
        );
        assert_eq!(
            net.heal("f3", &node).argv,
            [
                "nft",
                "add table inet schism_f3; delete table inet schism_f3"
            ]
        );
    }

    #[test]
    fn an_iptables_cut_is_told_by_arguments() {
        let net = filter(Filter::Iptables);
        let node = Node::new("n1", "db1");
        let cut = net.cut("f3", &node, &peers());
        assert_eq!(
            cut.argv[3..],
            ["schism", "schism_f3", "4:10.0.0.2:", "6:fd00::9:2379"]
        );
        assert_eq!(net.heal("f3", &node).argv[3..], ["schism", "schism_f3"]);
        assert_eq!(net.means(), "iptables");
    }

    #[test]
    fn a_probe_tries_every_address() {
        let net = filter(Filter::Nftables);
        let probe = net.reaches(&Node::new("n1", "db1"), &Node::new("n2", "db2"));
        assert_eq!(probe.argv[3..], ["schism", "22", "10.0.0.2"]);
        assert!(!probe.root);
    }
}
