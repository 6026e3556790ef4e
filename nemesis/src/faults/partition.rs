//! Links between nodes cut, so that what is sent does not arrive. Nobody is told: connections stay open, and time out;
//! with `how: reject` they are reset. With `ports` only those are cut, with `flap` the links come and go.
//!
//! Every node drops what comes from the nodes it shall not hear; a two-way cut is thus two one-way cuts, each on its
//! receiver. With `clients` the side that a shape isolates hears our clients no more either. Rings and bridges isolate
//! nobody, so clients reach every node of them; the plan says so.

use std::time::Duration;

use control::{Manner, Node, Peer, Protocol};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{
    choice,
    cut_probes::{needs, probes},
    shapes::{defaults, drawn, in_order},
};
use crate::{
    Case, Kind, PROBE_PORT, Time,
    at::{Place, Shape, one_or_many},
    net::{Flapping, flapping},
    plan::{About, Action, Ask, CLIENTS, Expect, Fault, Plan, Probe, Role, Skip, View},
};

/// Cut, and join again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The alternatives; empty for all that this cluster can have.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Shape>,
    /// Whether the isolated side loses our clients too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clients: bool,
    /// Whether senders are told.
    #[serde(default, skip_serializing_if = "How::is_drop")]
    pub how: How,
    /// Only what is for or from these ports, TCP and UDP; everything if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// Only this: tcp, udp or icmp; any of them where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Cut for so long, whole for so long, and so on; cut all the time where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flap: Option<Time>,
}

/// What becomes of packets at a cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// They are gone, and the sender waits.
    #[default]
    Drop,
    /// They are answered: TCP with a reset, anything else by ICMP.
    Reject,
}

impl How {
    fn is_drop(&self) -> bool {
        *self == Self::Drop
    }
}

/// Anything faster is over before a packet notices, anything slower is a partition.
const FLAPS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(50)..=Duration::from_secs(60);

impl Fault for Partition {
    fn about(&self) -> About {
        About {
            does: "cuts links between nodes, so that what is sent does not arrive and nobody is told",
            needs: "nftables or iptables on the nodes and root, or a system that cuts its links itself",
            verified: "connections across the cut fail, those inside the sides succeed, and packets are counted as dropped",
            healed: "its own table or chain is removed, and every link is seen to work",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.shapes(&self.at);
        let own_links = case.system.net().is_some();
        if self.clients && case.cluster.control_addresses.is_empty() && !own_links {
            case.refuse(
                "the address that clients come from is not known",
                "leave `clients` out",
            );
        }
        if !own_links && case.cluster.nodes().len() > 1 {
            case.packet_filter();
        }
        if own_links
            && (*self
                != Self {
                    at: self.at.clone(),
                    clients: self.clients,
                    ..Self::default()
                })
        {
            case.refuse(
                format!(
                    "{} cuts its links itself, all of them and in silence",
                    case.system.name()
                ),
                "leave `how`, `ports`, `protocol` and `flap` out, or use another target",
            );
        }
        let tcp = self.protocol.is_none_or(|only| only == Protocol::Tcp);
        if self.protocol == Some(Protocol::Icmp) && !self.ports.is_empty() {
            case.refuse(
                "ICMP has no ports",
                "leave `ports` out, or say `protocol: udp`",
            );
        }
        if self.clients && !tcp {
            case.refuse(
                "clients use TCP, and would not be cut off",
                "leave `clients` or `protocol` out",
            );
        }
        let probed = tcp && self.how == How::Drop && self.ports.contains(&PROBE_PORT);
        if self.ports.contains(&0) || probed {
            case.refuse(
                format!("port {PROBE_PORT} is the one by which links are seen to be whole, and 0 is none"),
                "name the ports of the system under test",
            );
        }
        if self
            .flap
            .is_some_and(|Time(period)| !FLAPS.contains(&period))
        {
            case.refuse(
                "links can flap between every 50 ms and every minute",
                "write `flap: 500ms`",
            );
        }
    }
    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Shape::read(at));
        true
    }
    fn places(&self) -> String {
        choice::places(&self.at)
    }
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let net = view
            .net
            .ok_or_else(|| Skip("there is no means to cut links here".into()))?;
        let size = view.nodes.len();
        if size < 2 {
            return Err(Skip("one node alone cannot be partitioned".into()));
        }
        let mut rng = Pcg64::seed_from_u64(seed);
        let shape = choice::draw(&self.at, defaults(size, view.has_leader), &mut rng);
        let mut notes = Vec::new();
        let drawn = drawn(&shape, view, &mut rng, &mut notes)?;

        let mut isolated: Vec<&Node> = drawn.order[..drawn.isolated].to_vec();
        if self.clients {
            if isolated.is_empty() {
                notes.push("this shape isolates nobody: clients reach every node".into());
            } else if view.control_addresses.is_empty() && !view.own_links {
                return Err(Skip(
                    "clients cannot be cut off: the address they come from is not known".into(),
                ));
            }
        } else {
            isolated.clear();
        }
        let place = |node: &Node| drawn.order.iter().position(|n| n.name == node.name);
        let fault = view.fault_name();
        let manner = Manner {
            reject: self.how == How::Reject,
            ports: self.ports.clone(),
            protocol: self.protocol,
        };
        let mut actions = Vec::new();
        for node in view.nodes {
            let at = place(node).expect("every node is in the order");
            let mut from: Vec<Peer> = drawn
                .links
                .unheard(at)
                .into_iter()
                .map(|i| Peer::Node(drawn.order[i].clone()))
                .collect();
            from.sort();
            if isolated.iter().any(|n| n.name == node.name) {
                from.push(Peer::Clients {
                    addresses: view.control_addresses.to_vec(),
                    port: (view.client_port)(node),
                });
            }
            if from.is_empty() {
                continue;
            }
            let cut = net
                .cut_as(&fault, node, &from, &manner)
                .ok_or_else(|| Skip("links here are cut in silence and as a whole".into()))?;
            let (heal, remaining) = (net.heal(&fault, node), net.remaining(node));
            let (apply, undo, look, during, after) = match self.flap {
                None => (
                    cut,
                    heal,
                    remaining,
                    Expect::Lists(fault.clone()),
                    Expect::Lacks(fault.clone()),
                ),
                Some(Time(period)) => {
                    let Flapping { apply, undo, state } =
                        flapping(&fault, &node.name, period, &cut, &heal, &remaining);
                    let says = |word: &str| Expect::Prints(word.to_owned());
                    (apply, undo, state, says("flapping"), says("gone"))
                }
            };
            actions.push(Action {
                node: node.name.clone(),
                apply,
                undo,
                probe: Probe {
                    role: Role::Rules,
                    ask: Ask::On {
                        node: node.name.clone(),
                        command: look,
                    },
                    during,
                    after,
                    link: None,
                    needs: needs(view, &[node]),
                },
            });
        }
        let probes = probes(
            &fault, &manner, view, &drawn, &isolated, &actions, &mut rng, &mut notes,
        );
        let mut cuts: Vec<(String, String)> = drawn
            .links
            .cut()
            .map(|(a, b)| (drawn.order[a].name.clone(), drawn.order[b].name.clone()))
            .chain(isolated.iter().map(|n| (CLIENTS.into(), n.name.clone())))
            .collect();
        cuts.sort();
        let mut sides: Vec<Vec<String>> = drawn
            .links
            .groups()
            .into_iter()
            .map(|group| in_order(view, &drawn, &group))
            .collect();
        sides.sort_by_key(|side| {
            side.iter()
                .map(|name| view.nodes.iter().position(|n| n.name == *name))
                .collect::<Vec<_>>()
        });
        let mut what = drawn.what;
        if !isolated.is_empty() {
            what.push_str(", its clients cut off");
        }
        let mut only: Vec<String> = self.protocol.iter().map(|p| p.word().to_owned()).collect();
        if !self.ports.is_empty() {
            let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
            only.push(format!("port {}", ports.join(", ")));
        }
        if !only.is_empty() {
            what.push_str(&format!(", {} only", only.join(" ")));
        }
        if self.how == How::Reject {
            what.push_str(", senders are told");
        }
        if let Some(period) = self.flap {
            what.push_str(&format!(", on and off every {period}"));
        }
        Ok(Plan {
            nodes: drawn.nodes,
            sides,
            cuts,
            actions,
            probes,
            notes,
            ..Plan::new(Kind::Partition, what)
        })
    }

    fn wants_leader(&self, nodes: usize, has_leader: bool, seed: u64) -> bool {
        let mut rng = Pcg64::seed_from_u64(seed);
        choice::draw(&self.at, defaults(nodes, has_leader), &mut rng) == Shape::Leader
    }
}
