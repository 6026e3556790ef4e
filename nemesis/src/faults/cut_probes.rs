//! How a cut is seen: by what does not arrive across it, what does inside its sides, and what was counted as dropped.

use control::{Manner, Node, Protocol};
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::shapes::Drawn;
use crate::{
    PROBE_PORT,
    plan::{Action, Ask, CLIENTS, Expect, Probe, Role, View},
};

/// More links than this are not all probed: a large cluster's would take longer than the fault.
const MOST_PROBES: usize = 30;

/// Where datagrams go that nobody shall read (RFC 863).
const DISCARD: u16 = 9;

/// Nodes whose process must run for an answer: those of a system that cuts its links itself.
pub(super) fn needs(view: &View<'_>, nodes: &[&Node]) -> Vec<String> {
    if view.own_links {
        nodes.iter().map(|n| n.name.clone()).collect()
    } else {
        Vec::new()
    }
}

/// Every link is tried from its sender. Across a two-way cut nothing may arrive; across a one-way cut a try cannot tell
/// (its answer would have to come back), so it only makes packets, and the receiver's count of drops is the proof. So it is
/// where senders are told, because a refusal is an answer, and for anything but TCP, whose receivers owe no answer. Where
/// only some ports or a protocol are cut, one of those is tried, and the link must be whole for others.
#[expect(clippy::too_many_arguments, reason = "all of a plan's parts meet here")]
pub(super) fn probes(
    fault: &str,
    manner: &Manner,
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
    let other = manner.protocol.filter(|by| *by != Protocol::Tcp);
    let silent = !manner.reject && other.is_none();
    let mut counted = manner.reject;
    let try_cut = |from: &Node, to: &Node| {
        let port = manner.ports.first();
        if let Some(by) = other {
            let port = port.copied().unwrap_or(DISCARD);
            return net
                .sends(from, to, by, port)
                .unwrap_or_else(|| net.reaches(from, to));
        }
        let at_port = port.and_then(|port| net.reaches_port(from, to, *port));
        at_port.unwrap_or_else(|| net.reaches(from, to))
    };
    for (a, from) in drawn.order.iter().enumerate() {
        for (b, to) in drawn.order.iter().enumerate() {
            if a == b {
                continue;
            }
            let (role, during) = if drawn.links.whole(a, b) {
                (Role::Inside, Expect::Succeeds)
            } else if drawn.links.severed(a, b) && silent {
                (Role::Across, Expect::Fails)
            } else {
                counted = true;
                (Role::Across, Expect::Anything)
            };
            let probe = |role, command, during| Probe {
                role,
                ask: Ask::On {
                    node: from.name.clone(),
                    command,
                },
                during,
                after: Expect::Succeeds,
                link: Some((from.name.clone(), to.name.clone())),
                needs: needs(view, &[from, to]),
            };
            if role == Role::Inside {
                inside.push(probe(role, net.reaches(from, to), during));
            } else {
                across.push(probe(role, try_cut(from, to), during));
                let spared = !manner.ports.is_empty() && !manner.ports.contains(&PROBE_PORT);
                if spared || other.is_some() {
                    inside.push(probe(Role::Inside, net.reaches(from, to), Expect::Succeeds));
                }
            }
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
    if counted {
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
                // A refusal is no connection either.
                during: Expect::Fails,
                after: Expect::Succeeds,
                link: Some((CLIENTS.into(), node.name.clone())),
                needs: Vec::new(),
            });
        }
    }
    all
}
