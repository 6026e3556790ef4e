//! A partition's shape with nodes in it: who is drawn for which place, such that a majority is left that can work where that
//! was not asked otherwise.

use control::Node;
use rand::{RngExt, seq::SliceRandom};
use rand_pcg::Pcg64;

use super::{choice, links::Links};
use crate::{
    at::Shape,
    plan::{Skip, View},
};

/// What is drawn from where nothing is said: shapes that leave a majority able to work, as far as the size allows them.
pub(super) fn defaults(size: usize, has_leader: bool) -> &'static [Shape] {
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
pub(super) struct Drawn<'a> {
    /// The nodes, such that those of one side stand together and an isolated side stands first.
    pub(super) order: Vec<&'a Node>,
    /// How many of them are isolated.
    pub(super) isolated: usize,
    pub(super) links: Links,
    pub(super) what: String,
    /// The nodes it is aimed at, in the cluster's order.
    pub(super) nodes: Vec<String>,
}

/// Puts the nodes in their places.
pub(super) fn drawn<'a>(
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

/// The names of a group, in the cluster's order.
pub(super) fn in_order(view: &View<'_>, drawn: &Drawn<'_>, group: &[usize]) -> Vec<String> {
    view.names()
        .into_iter()
        .filter(|name| group.iter().any(|i| drawn.order[*i].name == *name))
        .collect()
}
