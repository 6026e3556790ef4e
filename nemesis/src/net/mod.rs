//! Cutting links with the nodes' own packet filters: nftables where a node has it, iptables otherwise.
//!
//! Each fault has a table (or chain) of its own, `schism_f3`, made and removed in one go: faults that overlap heal
//! independently and in any order, and no rule of the host's is ever looked at, changed or flushed. Only what comes from
//! other nodes is dropped, and what comes from our clients to the system's own port: never our SSH.

mod addresses;
mod detect;
mod flap;
mod iptables;
mod nft;
mod reach;
mod shape;

use std::collections::BTreeMap;

pub use addresses::Addresses;
use control::{Command, Manner, Net, Node, Peer, Protocol};
pub use detect::{Filter, NoFilter, detect};
pub(crate) use flap::{Flapping, flapping};
pub(crate) use shape::detect_shaper;
pub use shape::{BadRate, Distribution, Effect, Layer, Means, Rate, Shaper};

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

/// What a node shall not let in, with addresses instead of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Drop {
    from: std::net::IpAddr,
    /// Only this; any packet otherwise.
    only: Only,
    verdict: Verdict,
}

/// Which packets of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Only {
    Any,
    All(Protocol),
    To(Protocol, u16),
    From(Protocol, u16),
    /// TCP's resets: the answers of the other end of a cut.
    Resets,
    /// Those of ICMP.
    Unreachable,
    /// What IPv6 finds neighbours by, of this type: it is part of ICMP there, and without it nothing arrives.
    Neighbours(u8),
}

/// Solicitations and advertisements of routers and neighbours, and redirects (RFC 4861).
const NEIGHBOURS: std::ops::RangeInclusive<u8> = 133..=137;

/// What becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Pass,
    Drop,
    /// TCP's own way of saying no.
    Reset,
    /// By ICMP.
    Reject,
}

impl Only {
    /// What a cut of a node is about.
    fn of(
        Manner {
            ports, protocol, ..
        }: &Manner,
    ) -> Vec<Self> {
        let all = [Protocol::Tcp, Protocol::Udp];
        let with_ports = all
            .into_iter()
            .filter(|p| protocol.is_none_or(|only| only == *p));
        let one = |port: &u16| {
            with_ports
                .clone()
                .flat_map(|protocol| [Self::To(protocol, *port), Self::From(protocol, *port)])
                .collect::<Vec<_>>()
        };
        match (ports.as_slice(), protocol) {
            ([], None) => vec![Self::Any],
            ([], Some(Protocol::Icmp)) => NEIGHBOURS
                .map(Self::Neighbours)
                .chain([Self::All(Protocol::Icmp)])
                .collect(),
            ([], Some(protocol)) => vec![Self::All(*protocol)],
            (ports, _) => ports.iter().flat_map(one).collect(),
        }
    }

    /// These rules for what comes from there, in an order in which the special stands before the general.
    fn rules(self, from: std::net::IpAddr, reject: bool) -> Vec<Drop> {
        let rule = |only, verdict| Drop {
            from,
            only,
            verdict,
        };
        match (reject, self) {
            (_, Self::Neighbours(_)) if from.is_ipv4() => Vec::new(),
            (_, Self::Resets | Self::Unreachable | Self::Neighbours(_)) => {
                vec![rule(self, Verdict::Pass)]
            }
            (false, _) => vec![rule(self, Verdict::Drop)],
            (true, Self::Any) => vec![
                rule(Self::All(Protocol::Tcp), Verdict::Reset),
                rule(Self::Any, Verdict::Reject),
            ],
            (
                true,
                Self::All(Protocol::Tcp)
                | Self::To(Protocol::Tcp, _)
                | Self::From(Protocol::Tcp, _),
            ) => vec![rule(self, Verdict::Reset)],
            (true, _) => vec![rule(self, Verdict::Reject)],
        }
    }
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

    fn cut_with(&self, fault: &str, node: &Node, from: &[Peer], manner: &Manner) -> Command {
        let drops = self.drops(from, manner);
        match self.filter(node) {
            Filter::Nftables => nft::cut(fault, &drops),
            Filter::Iptables => iptables::cut(fault, &drops),
        }
    }

    fn drops(&self, from: &[Peer], manner: &Manner) -> Vec<Drop> {
        let mut drops: Vec<Drop> = Vec::new();
        for peer in from {
            let (addresses, only) = match peer {
                Peer::Node(node) => (std::slice::from_ref(&node.address), Only::of(manner)),
                Peer::Clients { addresses, port } => {
                    (addresses.as_slice(), vec![Only::To(Protocol::Tcp, *port)])
                }
            };
            for ip in addresses.iter().flat_map(|name| self.addresses.of(name)) {
                // A refusal must reach who is refused, through the cut in the other direction.
                let answers: &[Only] = match manner.reject {
                    true => &[Only::Resets, Only::Unreachable],
                    false => &[],
                };
                for only in answers.iter().chain(&only) {
                    drops.extend(only.rules(*ip, manner.reject));
                }
            }
        }
        // Stable, so that an address keeps its rules in their order.
        drops.sort_by_key(|drop| drop.from);
        drops.dedup();
        drops
    }
}

impl Net for PacketFilter {
    fn means(&self) -> &str {
        &self.means
    }
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command {
        self.cut_with(fault, node, from, &Manner::default())
    }
    fn cut_as(&self, fault: &str, node: &Node, from: &[Peer], manner: &Manner) -> Option<Command> {
        Some(self.cut_with(fault, node, from, manner))
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
    fn reaches_port(&self, _node: &Node, to: &Node, port: u16) -> Option<Command> {
        Some(reach::tcp(self.addresses.of(&to.address), port))
    }
    fn sends(&self, _node: &Node, to: &Node, by: Protocol, port: u16) -> Option<Command> {
        Some(reach::send(self.addresses.of(&to.address), by, port))
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
            [
                "schism",
                "schism_f3",
                "4 -s 10.0.0.2 -j DROP",
                "6 -s fd00::9 -p tcp --dport 2379 -j DROP"
            ]
        );
        assert_eq!(net.heal("f3", &node).argv[3..], ["schism", "schism_f3"]);
        assert_eq!(net.means(), "iptables");
    }

    #[test]
    fn a_cut_that_tells_the_sender_resets_tcp_and_rejects_the_rest() {
        let node = Node::new("n1", "db1");
        let manner = Manner {
            reject: true,
            ..Manner::default()
        };
        let cut = |kind| filter(kind).cut_as("f3", &node, &peers(), &manner).unwrap();
        assert_eq!(
            cut(Filter::Iptables).argv[5..],
            [
                "4 -s 10.0.0.2 -p tcp --tcp-flags RST RST -j RETURN",
                "4 -s 10.0.0.2 -p icmp --icmp-type destination-unreachable -j RETURN",
                "4 -s 10.0.0.2 -p tcp -j REJECT --reject-with tcp-reset",
                "4 -s 10.0.0.2 -j REJECT",
                "6 -s fd00::9 -p tcp --tcp-flags RST RST -j RETURN",
                "6 -s fd00::9 -p icmpv6 --icmpv6-type destination-unreachable -j RETURN",
                "6 -s fd00::9 -p tcp --dport 2379 -j REJECT --reject-with tcp-reset"
            ]
        );
        let rules = cut(Filter::Nftables).stdin.unwrap();
        assert!(
            rules.contains(
                "\t\tip saddr 10.0.0.2 tcp flags & rst == rst accept\n\
                 \t\tip saddr 10.0.0.2 icmp type destination-unreachable accept\n\
                 \t\tip saddr 10.0.0.2 meta l4proto tcp counter reject with tcp reset\n\
                 \t\tip saddr 10.0.0.2 counter reject\n\
                 \t\tip6 saddr fd00::9 tcp flags & rst == rst accept\n\
                 \t\tip6 saddr fd00::9 icmpv6 type destination-unreachable accept\n\
                 \t\tip6 saddr fd00::9 tcp dport 2379 counter reject with tcp reset\n"
            ),
            "{rules}"
        );
    }

    #[test]
    fn a_cut_of_ports_spares_the_others() {
        let node = Node::new("n1", "db1");
        let manner = Manner {
            reject: false,
            ports: vec![2380],
            ..Manner::default()
        };
        let peers = [Peer::Node(Node::new("n2", "db2"))];
        let cut = filter(Filter::Iptables).cut_as("f3", &node, &peers, &manner);
        assert_eq!(
            cut.unwrap().argv[5..],
            ["tcp --dport", "tcp --sport", "udp --dport", "udp --sport"]
                .map(|what| format!("4 -s 10.0.0.2 -p {what} 2380 -j DROP"))
        );
    }

    #[test]
    fn a_cut_of_a_protocol_spares_the_others_and_what_finds_neighbours() {
        let node = Node::new("n1", "db1");
        let peers = ["db2", "ctl"].map(|address| Peer::Node(Node::new("n2", address)));
        let cut = |kind, protocol, ports: &[u16]| {
            let manner = Manner {
                ports: ports.to_vec(),
                protocol: Some(protocol),
                ..Manner::default()
            };
            filter(kind).cut_as("f3", &node, &peers, &manner).unwrap()
        };
        let iptables = |protocol, ports| cut(Filter::Iptables, protocol, ports).argv[5..].to_vec();
        assert_eq!(
            iptables(Protocol::Udp, &[]),
            [
                "4 -s 10.0.0.2 -p udp -j DROP",
                "6 -s fd00::9 -p udp -j DROP"
            ]
        );
        assert_eq!(
            iptables(Protocol::Tcp, &[80])[..2],
            [
                "4 -s 10.0.0.2 -p tcp --dport 80 -j DROP",
                "4 -s 10.0.0.2 -p tcp --sport 80 -j DROP"
            ]
        );
        assert_eq!(
            iptables(Protocol::Icmp, &[]),
            [
                "4 -s 10.0.0.2 -p icmp -j DROP",
                "6 -s fd00::9 -p icmpv6 --icmpv6-type 133 -j RETURN",
                "6 -s fd00::9 -p icmpv6 --icmpv6-type 134 -j RETURN",
                "6 -s fd00::9 -p icmpv6 --icmpv6-type 135 -j RETURN",
                "6 -s fd00::9 -p icmpv6 --icmpv6-type 136 -j RETURN",
                "6 -s fd00::9 -p icmpv6 --icmpv6-type 137 -j RETURN",
                "6 -s fd00::9 -p icmpv6 -j DROP"
            ]
        );
        let rules = cut(Filter::Nftables, Protocol::Icmp, &[]).stdin.unwrap();
        assert!(
            rules.contains("\t\tip saddr 10.0.0.2 meta l4proto icmp counter drop\n")
                && rules.contains("\t\tip6 saddr fd00::9 icmpv6 type 137 accept\n")
                && rules.contains("\t\tip6 saddr fd00::9 meta l4proto ipv6-icmp counter drop\n"),
            "{rules}"
        );
    }

    #[test]
    fn a_probe_tries_every_address() {
        let net = filter(Filter::Nftables);
        let probe = net.reaches(&Node::new("n1", "db1"), &Node::new("n2", "db2"));
        assert_eq!(probe.argv[3..], ["schism", "22", "10.0.0.2"]);
        assert!(!probe.root);
    }
}
