//! Which nodes a place stands for. The same seed draws the same, whatever else happens.

use std::collections::{BTreeMap, BTreeSet};

use control::Node;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_pcg::Pcg64;

use crate::{
    at::{Aim, Place},
    plan::{Leaders, Skip, View},
};

/// The alternatives, for people.
pub(super) fn places<P: Place>(at: &[P]) -> String {
    at.iter().map(Place::write).collect::<Vec<_>>().join(" or ")
}

/// One of the alternatives; the first draw from a fault's seed, so that it can be made ahead of the others.
pub(super) fn draw<P: Place>(at: &[P], defaults: &[P], rng: &mut Pcg64) -> P {
    let at = if at.is_empty() { defaults } else { at };
    at.choose(rng)
        .cloned()
        .expect("every fault has a default place")
}

/// The node that leads; one of them where several say so, with a note.
pub(super) fn leader(
    view: &View<'_>,
    rng: &mut Pcg64,
    notes: &mut Vec<String>,
) -> Result<String, Skip> {
    match view.leaders {
        Leaders::NotAsked => Err(Skip(
            "this system has no leader that could be asked for".into(),
        )),
        Leaders::Said(leaders, why) => match leaders.as_slice() {
            [] => Err(Skip(format!("no node says that it leads{why}"))),
            [one] => Ok(one.clone()),
            several => {
                let one = several.choose(rng).expect("there are several").clone();
                notes.push(format!(
                    "{} all say that they lead; {one} was drawn",
                    several.join(", ")
                ));
                Ok(one)
            }
        },
    }
}

/// The nodes whose processes are meant, in the cluster's order. A node is never the target of two such faults at once:
/// those that are taken already are passed over, and where too few are left the fault is skipped.
pub(super) fn processes<'a>(
    view: &View<'a>,
    aim: &Aim,
    rng: &mut Pcg64,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a Node>, Skip> {
    let all = view.nodes.len();
    let wanted: Vec<String> = match aim {
        Aim::Leader => {
            let leader = leader(view, rng, notes)?;
            affordable(view, &leader)?;
            vec![leader]
        }
        Aim::Nodes(names) => {
            for name in names {
                view.node(name)?;
            }
            names.clone()
        }
        Aim::One | Aim::Minority | Aim::Majority | Aim::All => {
            let count = match aim {
                Aim::Minority => all.saturating_sub(1) / 2,
                Aim::Majority => all / 2 + 1,
                Aim::All => all,
                _ => 1,
            };
            if count == 0 {
                return Err(Skip(format!("{all} nodes have no minority")));
            }
            // Drawn from all and then sieved, so that what is busy does not change the order of the rest.
            let mut names = view.names();
            names.shuffle(rng);
            let free: Vec<_> = names
                .into_iter()
                .filter(|name| !view.busy.contains_key(name))
                .collect();
            if free.len() < count {
                return Err(Skip(format!(
                    "{aim} needs {count} nodes, and only {} are not already under a fault ({})",
                    free.len(),
                    busy(view)
                )));
            }
            if *aim == Aim::One {
                let one = free.iter().find(|name| affordable(view, name).is_ok());
                vec![one.unwrap_or(&free[0]).clone()]
            } else {
                free.into_iter().take(count).collect()
            }
        }
    };
    if let (Aim::One, [one]) = (aim, &wanted[..]) {
        affordable(view, one)?;
    }
    if let Some(taken) = wanted.iter().find(|name| view.busy.contains_key(*name)) {
        return Err(Skip(format!(
            "{taken} is already under a fault ({})",
            busy(view)
        )));
    }
    Ok(view
        .nodes
        .iter()
        .filter(|node| wanted.contains(&node.name))
        .collect())
}

/// The nodes that are meant by a fault that takes none of them out of service: whatever else is in force there.
pub(super) fn nodes<'a>(
    view: &View<'a>,
    aim: &Aim,
    rng: &mut Pcg64,
    notes: &mut Vec<String>,
) -> Result<Vec<&'a Node>, Skip> {
    let (nobody, nowhere) = (BTreeMap::new(), BTreeSet::new());
    let quiet = View {
        nodes: view.nodes,
        busy: &nobody,
        apart: &nowhere,
        tight: false,
        ..*view
    };
    let names: Vec<String> = processes(&quiet, aim, rng, notes)?
        .into_iter()
        .map(|node| node.name.clone())
        .collect();
    Ok(view
        .nodes
        .iter()
        .filter(|node| names.contains(&node.name))
        .collect())
}

/// Whether a node may be taken, too, without accidentally taking the last majority. Alone, a fault may do what it likes.
pub(super) fn affordable(view: &View<'_>, node: &str) -> Result<(), Skip> {
    let impaired = view.impaired();
    let alone = impaired.is_empty() && !view.tight;
    if alone || impaired.contains(node) || view.spare() > 0 {
        return Ok(());
    }
    Err(Skip(format!(
        "{}, taking {node} would leave no majority",
        already(view)
    )))
}

/// What is in force, for those who are skipped because of it.
pub(super) fn already(view: &View<'_>) -> String {
    let impaired: Vec<_> = view.impaired().into_iter().collect();
    match (impaired.is_empty(), view.tight) {
        (true, _) => "with each node seeing just a majority".to_owned(),
        (false, false) => format!("with {} impaired already", impaired.join(", ")),
        (false, true) => format!(
            "with {} impaired already and each node seeing just a majority",
            impaired.join(", ")
        ),
    }
}

fn busy(view: &View<'_>) -> String {
    let each: Vec<_> = view
        .busy
        .iter()
        .map(|(node, fault)| format!("f{} on {node}", fault.0))
        .collect();
    each.join(", ")
}
