//! Messages late or lost inside a system that has links of its own: it is told, at the receiver of each link, and measures
//! its round trips itself. Delay, jitter and loss are all that it knows.

use control::{Measure, Node, Slow};

use super::{
    cut_probes::needs,
    shaping::{Effects, MOST_INSIDE, MOST_PROBES},
};
use crate::{
    net::Effect,
    plan::{Action, Ask, Expect, Plan, Probe, Role, Skip, View},
};

/// Adds to a plan what slows these links down, and what measures them.
pub(super) fn shape(
    mut plan: Plan,
    view: &View<'_>,
    seed: u64,
    effects: &Effects,
) -> Result<Plan, Skip> {
    let cut_only = || Skip("links here can be cut, and nothing else".into());
    let net = view.net.ok_or_else(cut_only)?;
    let fault = view.fault_name();
    for (at, node) in view.nodes.iter().enumerate() {
        let from: Vec<(Node, Slow)> = effects
            .iter()
            .filter(|((_, to), _)| *to == at)
            .map(|((from, _), effect)| (view.nodes[*from].clone(), slow(effect)))
            .collect();
        if from.is_empty() {
            continue;
        }
        let own_seed = seed.wrapping_add(at as u64);
        plan.actions.push(Action {
            node: node.name.clone(),
            apply: net
                .slow(&fault, node, &from, own_seed)
                .ok_or_else(cut_only)?,
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
                needs: Vec::new(),
            },
        });
    }
    let name = |i: &usize| view.nodes[*i].name.clone();
    plan.shaped = effects.keys().map(|(a, b)| (name(a), name(b))).collect();
    plan.notes.push(format!("by {}", net.means()));
    plan.probes = probes(view, effects)?;
    Ok(plan)
}

fn slow(effect: &Effect) -> Slow {
    let milliseconds = |time: std::time::Duration| time.as_millis() as u64;
    Slow {
        delay: milliseconds(effect.delay),
        jitter: milliseconds(effect.jitter),
        loss: effect.loss,
    }
}

/// Every struck link is measured as a round trip, which passes through both of its directions; and some that are not struck,
/// which are to be as they always are.
fn probes(view: &View<'_>, effects: &Effects) -> Result<Vec<Probe>, Skip> {
    let nothing = Effect::default();
    let of = |a: usize, b: usize| effects.get(&(a, b)).unwrap_or(&nothing);
    let size = view.nodes.len();
    let pairs = (0..size).flat_map(|a| (a + 1..size).map(move |b| (a, b)));
    let (struck, spared): (Vec<_>, Vec<_>) = pairs
        .partition(|(a, b)| effects.contains_key(&(*a, *b)) || effects.contains_key(&(*b, *a)));
    let Some((a, b)) = struck.first().copied() else {
        return Err(Skip("there is no link to slow down".into()));
    };
    let like = [of(a, b), of(b, a)];
    let mut all = Vec::new();
    for (a, b) in struck.into_iter().take(MOST_PROBES) {
        all.extend(measures(view, (a, b), [of(a, b), of(b, a)], Role::Effect));
    }
    for pair in spared.into_iter().take(MOST_INSIDE) {
        all.extend(measures(view, pair, like, Role::Inside));
    }
    Ok(all)
}

fn measures(view: &View<'_>, (a, b): (usize, usize), ways: [&Effect; 2], role: Role) -> Vec<Probe> {
    let (from, to) = (&view.nodes[a], &view.nodes[b]);
    let added: u128 = ways.iter().map(|e| e.delay.as_millis()).sum();
    let added = added as i64;
    let kept: f64 = ways.iter().map(|e| 1.0 - e.loss / 100.0).product();
    let lost = 100.0 * (1.0 - kept);
    let mut ranges = Vec::new();
    if added > 0 {
        ranges.push((
            Measure::RoundTrip,
            (added * 7 / 10, i64::MAX),
            (0, added * 4 / 10),
        ));
    }
    if lost > 0.0 {
        ranges.push((
            Measure::Loss,
            (((lost * 0.4) as i64).max(1), 99),
            (0, (lost * 0.2) as i64),
        ));
    }
    let net = view.net;
    let probe = |(what, during, after): (Measure, (i64, i64), (i64, i64))| {
        let during = if role == Role::Inside { after } else { during };
        Some(Probe {
            role,
            ask: Ask::On {
                node: from.name.clone(),
                command: net?.measure(what, from, to)?,
            },
            during: Expect::Between(during.0, during.1),
            after: Expect::Between(after.0, after.1),
            link: Some((from.name.clone(), to.name.clone())),
            needs: needs(view, &[from, to]),
        })
    };
    ranges.into_iter().filter_map(probe).collect()
}
