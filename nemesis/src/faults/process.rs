//! What killing and pausing have in common: something is done to processes, and a look at their state shows it.

use control::{Command, Node, Processes};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::choice;
use crate::{
    Kind,
    at::Aim,
    plan::{Action, Ask, Expect, Plan, Probe, Role, Skip, View},
};

/// Something that is done to processes.
pub(super) struct Deed {
    pub(super) kind: Kind,
    /// For people: `kill -9`.
    pub(super) words: &'static str,
    pub(super) apply: fn(&dyn Processes, &Node) -> Command,
    pub(super) undo: fn(&dyn Processes, &Node) -> Command,
    /// What a process is then, as [`Processes::state`] prints it.
    pub(super) state: &'static str,
}

/// What is drawn from where nothing is said. One node at a time, so that several tracks together seldom take the majority
/// away: whoever wants that asks for it.
pub(super) fn defaults(has_leader: bool) -> &'static [Aim] {
    if has_leader {
        &[Aim::One, Aim::Leader]
    } else {
        &[Aim::One]
    }
}

pub(super) fn wants_leader(at: &[Aim], has_leader: bool, seed: u64) -> bool {
    let mut rng = Pcg64::seed_from_u64(seed);
    choice::draw(at, defaults(has_leader), &mut rng) == Aim::Leader
}

pub(super) fn plan(deed: &Deed, at: &[Aim], view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
    let processes = controlled(view)?;
    each(deed.kind, deed.words, at, view, seed, |node| {
        Ok(Action {
            node: node.name.clone(),
            apply: (deed.apply)(processes, node),
            undo: (deed.undo)(processes, node),
            probe: state(processes, node, Expect::Prints(deed.state.into())),
        })
    })
}

/// The system's processes, for a fault that cannot do without.
pub(super) fn controlled<'a>(view: &View<'a>) -> Result<&'a dyn Processes, Skip> {
    view.processes
        .ok_or_else(|| Skip("this target's processes cannot be controlled".into()))
}

/// Looks at the state of a process, which is to be running afterwards.
pub(super) fn state(processes: &dyn Processes, node: &Node, during: Expect) -> Probe {
    Probe {
        role: Role::State,
        ask: Ask::On {
            node: node.name.clone(),
            command: processes.state(node),
        },
        during,
        after: Expect::Prints("running".into()),
        link: None,
        needs: Vec::new(),
    }
}

/// A plan for the nodes that are drawn, which no other fault has taken, with what is done to each.
pub(super) fn each(
    kind: Kind,
    words: &str,
    at: &[Aim],
    view: &View<'_>,
    seed: u64,
    act: impl FnMut(&Node) -> Result<Action, Skip>,
) -> Result<Plan, Skip> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let aim = choice::draw(at, defaults(view.has_leader), &mut rng);
    let mut notes = Vec::new();
    let chosen = choice::processes(view, &aim, &mut rng, &mut notes)?;
    let actions = chosen.iter().copied().map(act).collect::<Result<_, _>>()?;
    let nodes: Vec<String> = chosen.iter().map(|n| n.name.clone()).collect();
    let which = match aim {
        Aim::Leader => format!("{} (leader)", nodes.join(" ")),
        _ => nodes.join(" "),
    };
    Ok(Plan {
        nodes,
        actions,
        notes,
        ..Plan::new(kind, format!("{words} {which}"))
    })
}
