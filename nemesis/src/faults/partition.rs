//! Links between nodes cut, so that what is sent does not arrive. Nobody is told: connections stay open, and time out.
//!
//! Every node drops what comes from the nodes it shall not hear; a two-way cut is thus two one-way cuts, each on its
//! receiver. With `clients` the side that a shape isolates hears our clients no more either. Rings and bridges isolate
//! nobody, so clients reach every node of them; the plan says so.

use control::{Node, Peer};
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{choice, links::Links};
use crate::{
    Case, Kind,
    at::{Place, Shape, one_or_many},
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
}

/// More links than this are not all probed: a large cluster's would take longer than the fault.
const MOST_PROBES: usize = 30;

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
            actions.push(Action {
                node: node.name.clone(),
                apply: net.cut(&fault, node, &from),
                undo: net.heal(&fault, node),
                probe: Probe {
                    role: Role::Rules,
                    ask: Ask::On {
                        node: node.name.clone(),
                        command: net.remaining(node),
                    },
                    during: Expect::Lists(fault.clone()),
                    after: Expect::Lacks(fault.clone()),
                    link: None,
                    needs: needs(view, &[node]),
                },
            });
        }
        let probes = probes(
            &fault, view, &drawn, &isolated, &actions, &mut rng, &mut notes,
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
        Ok(Plan {
            kind: Kind::Partition,
            what,
            nodes: drawn.nodes,
            sides,
            cuts,
            actions,
            probes,
            notes,
        })
    }

    fn wants_leader(&self, nodes: usize, has_leader: bool, seed: u64) -> bool {
        let mut rng = Pcg64::seed_from_u64(seed);
        choice::draw(&self.at, defaults(nodes, has_leader), &mut rng) == Shape::Leader
    }
}

/// What is drawn from where nothing is said: shapes that leave a majority able to work, as far as the size allows them.
fn defaults(size: usize, has_leader: bool) -> &'static [Shape] {
    const ALL: [Shape; 6] = [
        Shape::Leader,
        Shape::One,
        Shape::OneWay,
        Shape::Minority,
        Shape::Bridge,
        Shape::Ring,
    ];
    let last = match size {
        ..3 => 3,
        3 => 5,
        _ => 6,
    };
    &ALL[usize::from(!has_leader)..last]
}

/// A shape with nodes in it.
struct Drawn<'a> {
    /// The nodes, such that those of one side stand together and an isolated side stands first.
    order: Vec<&'a Node>,
    /// How many of them are isolated.
    isolated: usize,
    links: Links,
    what: String,
    /// The nodes it is aimed at, in the cluster's order.
    nodes: Vec<String>,
}

fn drawn<'a>(
    shape: &Shape,
    view: &View<'a>,
    rng: &mut Pcg64,
    notes: &mut Vec<String>,
) -> Result<Drawn<'a>, Skip> {
    let size = view.nodes.len();
    let mut order: Vec<&Node> = view.nodes.iter().collect();
    order.shuffle(rng);
    let minority = (size - 1) / 2;
    let (impaired, spare) = (view.impaired(), view.spare());
    // Who is cut off: somebody well while that leaves a majority, and otherwise only who is impaired already.
    let crowded = (view.tight || !impaired.is_empty()) && spare == 0;
    if crowded && impaired.is_empty() {
        return Err(Skip(format!(
            "{}, no more links may be cut",
            choice::already(view)
        )));
    }
    if *shape == Shape::Ring && !impaired.is_empty() {
        return Err(Skip(format!(
            "{}, a ring would leave no majority",
            choice::already(view)
        )));
    }
    let few = match (impaired.len(), crowded) {
        (0, _) => minority,
        (n, true) => n.min(minority),
        (_, false) => spare,
    };
    if matches!(shape, Shape::One | Shape::Minority | Shape::OneWay) {
        if crowded && view.own_links {
            return Err(Skip(
                "those that may be cut off are killed or paused, and could not show it".into(),
            ));
        }
        order.sort_by_key(|n| impaired.contains(n.name.as_str()) != crowded);
    }
    let mut mute = false;
    let (isolated, links) = match shape {
        Shape::One => (1, Links::split(size, 1)),
        Shape::Halves => (size / 2, Links::split(size, size / 2)),
        Shape::Minority if minority == 0 => {
            return Err(Skip(format!("{size} nodes have no minority")));
        }
        Shape::Minority => {
            let left = rng.random_range(1..=minority).min(few);
            (left, Links::split(size, left))
        }
        Shape::Ring => (
            0,
            Links::ring(size).ok_or_else(|| Skip("a ring needs four nodes".into()))?,
        ),
        Shape::Bridge if size < 3 => return Err(Skip("a bridge needs three nodes".into())),
        Shape::Bridge => {
            // Whoever holds the two parts together must be well.
            order.sort_by_key(|n| !impaired.contains(n.name.as_str()));
            (0, Links::bridge(size))
        }
        Shape::OneWay => {
            let left = rng.random_range(1..=minority.max(1)).min(few.max(1));
            mute = rng.random();
            (left, Links::one_way(size, left, mute))
        }
        Shape::Leader => {
            let leader = choice::leader(view, rng, notes)?;
            choice::affordable(view, &leader)?;
            order.sort_by_key(|n| n.name != leader);
            (1, Links::split(size, 1))
        }
        Shape::Nodes(names) => {
            for name in names {
                view.node(name)?;
            }
            order.sort_by_key(|n| !names.contains(&n.name));
            let left = order.iter().filter(|n| names.contains(&n.name)).count();
            if left == size {
                return Err(Skip("there is nobody to cut all nodes off from".into()));
            }
            (left, Links::split(size, left))
        }
    };
    let part = |nodes: &[&Node]| -> Vec<String> {
        view.names()
            .into_iter()
            .filter(|name| nodes.iter().any(|n| n.name == *name))
            .collect()
    };
    let braces = |nodes: &[&Node]| format!("{{{}}}", part(nodes).join(" "));
    let (what, nodes) = match shape {
        Shape::Ring => {
            let names: Vec<_> = order.iter().map(|n| n.name.as_str()).collect();
            (
                format!("ring of majorities: {} - {}", names.join(" - "), names[0]),
                view.names(),
            )
        }
        Shape::Bridge => {
            let middle = size / 2;
            (
                format!(
                    "{} - {} - {}",
                    braces(&order[..middle]),
                    order[middle].name,
                    braces(&order[middle + 1..])
                ),
                view.names(),
            )
        }
        Shape::OneWay => {
            let (few, rest) = (braces(&order[..isolated]), braces(&order[isolated..]));
            let what = if mute {
                format!("one way: what {few} sends does not reach {rest}")
            } else {
                format!("one way: what {rest} sends does not reach {few}")
            };
            (what, part(&order[..isolated]))
        }
        Shape::Halves => (
            format!(
                "{} | {}",
                braces(&order[..isolated]),
                braces(&order[isolated..])
            ),
            view.names(),
        ),
        Shape::Leader => (
            format!("{} (leader) | {}", braces(&order[..1]), braces(&order[1..])),
            part(&order[..1]),
        ),
        Shape::One | Shape::Minority | Shape::Nodes(_) => (
            format!(
                "{} | {}",
                braces(&order[..isolated]),
                braces(&order[isolated..])
            ),
            part(&order[..isolated]),
        ),
    };
    Ok(Drawn {
        order,
        isolated,
        links,
        what,
        nodes,
    })
}

fn in_order(view: &View<'_>, drawn: &Drawn<'_>, group: &[usize]) -> Vec<String> {
    view.names()
        .into_iter()
        .filter(|name| group.iter().any(|i| drawn.order[*i].name == *name))
        .collect()
}

fn needs(view: &View<'_>, nodes: &[&Node]) -> Vec<String> {
    if view.own_links {
        nodes.iter().map(|n| n.name.clone()).collect()
    } else {
        Vec::new()
    }
}

/// Every link is tried from its sender. Across a two-way cut nothing may arrive; across a one-way cut a try cannot tell
/// (its answer would have to come back), so it only makes packets, and the receiver's count of drops is the proof.
fn probes(
    fault: &str,
    view: &View<'_>,
    drawn: &Drawn<'_>,
    isolated: &[&Node],
    actions: &[Action],
    rng: &mut Pcg64,
    notes: &mut Vec<String>,
) -> Vec<Probe> {
    let net = view.net.expect("asked before");
    let mut across = Vec::new();
    let mut inside = Vec::new();
    let mut one_way = false;
    for (a, from) in drawn.order.iter().enumerate() {
        for (b, to) in drawn.order.iter().enumerate() {
            if a == b {
                continue;
            }
            let (role, during) = if drawn.links.whole(a, b) {
                (Role::Inside, Expect::Succeeds)
            } else if drawn.links.severed(a, b) {
                (Role::Across, Expect::Fails)
            } else {
                one_way = true;
                (Role::Across, Expect::Anything)
            };
            let list = if role == Role::Inside {
                &mut inside
            } else {
                &mut across
            };
            list.push(Probe {
                role,
                ask: Ask::On {
                    node: from.name.clone(),
                    command: net.reaches(from, to),
                },
                during,
                after: Expect::Succeeds,
                link: Some((from.name.clone(), to.name.clone())),
                needs: needs(view, &[from, to]),
            });
        }
    }
    for (list, which) in [(&mut across, "across the cut"), (&mut inside, "inside")] {
        if list.len() > MOST_PROBES {
            notes.push(format!(
                "{MOST_PROBES} of {} links {which} are probed, drawn from the seed",
                list.len()
            ));
            list.shuffle(rng);
            list.truncate(MOST_PROBES);
        }
        list.sort_by(|a, b| a.link.cmp(&b.link));
    }
    let mut all = across;
    all.append(&mut inside);
    if one_way {
        for action in actions {
            let node = view.node(&action.node).expect("planned from the view");
            all.push(Probe {
                role: Role::Dropped,
                ask: Ask::On {
                    node: node.name.clone(),
                    command: net.dropped(fault, node),
                },
                during: Expect::Positive,
                after: Expect::Anything,
                link: None,
                needs: needs(view, &[node]),
            });
        }
    }
    if !view.own_links {
        for node in isolated {
            all.push(Probe {
                role: Role::Client,
                ask: Ask::Connect {
                    address: node.address.clone(),
                    port: (view.client_port)(node),
                },
                during: Expect::Fails,
                after: Expect::Succeeds,
                link: Some((CLIENTS.into(), node.name.clone())),
                needs: Vec::new(),
            });
        }
    }
    all
}
