//! What happens to packets on their way: delay, loss and the like on chosen links, one way each.
//!
//! A link is shaped at one of its ends: by tc netem at the sender, where every node's kernel has it, and otherwise by our own
//! delayer at the receiver. What the nodes have is found out once, along with how long a round trip takes between any two of
//! them before anything is done: that is what later measurements are compared with.

mod delayer;
mod detect;
mod effect;
mod netem;

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use control::{Command, Node};
pub(crate) use detect::detect as detect_shaper;
pub use effect::{BadRate, Distribution, Effect, Rate};

use super::Addresses;

/// By what packets are shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// tc netem, at the sender.
    Netem,
    /// `schism node packets`, at the receiver.
    Delayer,
}

/// Which of the two faults that shape packets: they add up, and two of the same layer do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// What happens to packets now and then.
    Packets,
    /// How far nodes are from each other.
    Distance,
}

/// How packets are shaped on this cluster.
#[derive(Debug, Clone)]
pub struct Shaper {
    means: Means,
    /// Whether the delayer could be used too.
    delayer: bool,
    addresses: Addresses,
    round_trips: BTreeMap<(String, String), Duration>,
}

/// What happens on the links between a node and some addresses of others.
#[derive(Debug, Clone, PartialEq)]
struct Treated {
    peers: Vec<IpAddr>,
    effect: Effect,
}

/// What is done on a node, and how it is taken back and looked at.
pub(crate) struct Deed {
    pub(crate) apply: Command,
    pub(crate) undo: Command,
    /// Prints `in force`, `gone`, or what is wrong.
    pub(crate) state: Command,
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Netem => "tc netem at the sender",
            Self::Delayer => "schism's delayer at the receiver",
        })
    }
}

impl Shaper {
    /// From what the nodes have; `delayer` says whether ours could be used where netem is not enough.
    pub fn new(
        means: Means,
        delayer: bool,
        addresses: Addresses,
        round_trips: BTreeMap<(String, String), Duration>,
    ) -> Self {
        Self {
            means,
            delayer: delayer || means == Means::Delayer,
            addresses,
            round_trips,
        }
    }

    /// What would do this; `None` where nothing can.
    pub fn means(&self, effect: &Effect) -> Option<Means> {
        // netem knows nothing of checksums.
        match (self.means, effect.corrupt > 0.0 && effect.undetected) {
            (Means::Netem, true) => self.delayer.then_some(Means::Delayer),
            (means, _) => Some(means),
        }
    }

    /// How long a round trip took before anything was done.
    pub fn round_trip(&self, a: &str, b: &str) -> Duration {
        let known = |a: &str, b: &str| self.round_trips.get(&(a.to_owned(), b.to_owned()));
        known(a, b)
            .or_else(|| known(b, a))
            .copied()
            .unwrap_or_default()
    }

    /// The address at which a node is measured.
    pub(crate) fn address(&self, node: &Node) -> Option<IpAddr> {
        self.addresses.of(&node.address).first().copied()
    }

    /// Shapes what passes between `node` and each of these, at its end: what it sends (netem) or what it receives.
    pub(crate) fn deed(
        &self,
        (means, layer): (Means, Layer),
        fault: &str,
        (node, helper): (&Node, &str),
        seed: u64,
        peers: &[(&Node, &Effect)],
    ) -> Deed {
        let treated: Vec<Treated> = peers
            .iter()
            .map(|(peer, effect)| Treated {
                peers: self.addresses.of(&peer.address).to_vec(),
                effect: (*effect).clone(),
            })
            .collect();
        let name = &node.name;
        match means {
            Means::Netem => Deed {
                apply: netem::apply(fault, name, &treated),
                undo: netem::undo(fault, name),
                state: netem::state(fault, name),
            },
            Means::Delayer => Deed {
                apply: delayer::apply(layer, fault, name, helper, seed, &treated),
                undo: delayer::undo(layer, fault, name),
                state: delayer::state(layer, fault, name),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaper(means: Means) -> Shaper {
        let addresses = (1..=20).map(|i| {
            let ips = [format!("10.0.0.{i}"), format!("fd00::{i}")];
            (format!("db{i}"), ips.map(|ip| ip.parse().unwrap()).to_vec())
        });
        let trips = [(("n1".into(), "n2".into()), Duration::from_micros(300))];
        Shaper::new(
            means,
            false,
            Addresses::known(addresses.collect()),
            trips.into(),
        )
    }

    fn node(i: usize) -> Node {
        Node::new(format!("n{i}"), format!("db{i}"))
    }

    fn delay(ms: u64) -> Effect {
        Effect {
            delay: Duration::from_millis(ms),
            ..Effect::default()
        }
    }

    fn deed(means: Means, layer: Layer, peers: &[(&Node, &Effect)]) -> Deed {
        let n1 = node(1);
        shaper(means).deed((means, layer), "f3", (&n1, "/opt/schism"), 9, peers)
    }

    #[test]
    fn netem_is_told_each_peer_with_its_effect() {
        let (n2, n3) = (node(2), node(3));
        let peers = [(&n2, &delay(40)), (&n3, &delay(70))];
        let deed = deed(Means::Netem, Layer::Packets, &peers);
        assert_eq!(
            deed.apply.argv[4..],
            [
                "/run/schism/packets/f3-n1.tc",
                "5c03",
                "10.0.0.2,fd00::2 netem limit 100000 delay 40000us",
                "10.0.0.3,fd00::3 netem limit 100000 delay 70000us",
            ]
        );
        assert_eq!(deed.undo.argv[4..], ["/run/schism/packets/f3-n1.tc"]);
        assert!(deed.undo.root && deed.undo.idempotent);
    }

    #[test]
    fn the_delayer_is_told_each_peer_with_its_effect() {
        let n2 = node(2);
        for (layer, table, queue) in [
            (Layer::Packets, "mangle", "21000"),
            (Layer::Distance, "raw", "23000"),
        ] {
            let deed = deed(Means::Delayer, layer, &[(&n2, &delay(40))]);
            let place = [table, "schism_f3", "/run/schism/packets/f3-n1.pid"];
            let rest = ["/opt/schism", "9", queue, "10.0.0.2,fd00::2 delay=40000"];
            assert_eq!(deed.apply.argv[4..], [&place[..], &rest].concat());
            assert_eq!(deed.undo.argv[4..], place);
        }
    }

    #[test]
    fn only_the_delayer_makes_checksums_fit() {
        let sly = Effect {
            corrupt: 5.0,
            undetected: true,
            ..Effect::default()
        };
        assert_eq!(shaper(Means::Delayer).means(&sly), Some(Means::Delayer));
        assert_eq!(shaper(Means::Netem).means(&sly), None);
        assert_eq!(shaper(Means::Netem).means(&delay(1)), Some(Means::Netem));
        assert_eq!(
            shaper(Means::Netem).round_trip("n2", "n1"),
            Duration::from_micros(300)
        );
    }
}
