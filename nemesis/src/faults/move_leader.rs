//! The leadership handed to another node while all is well, as before maintenance. Nothing is broken: what was under way at
//! the old leader must be carried on by the new one. There is nothing to take back, since any node may lead.

use control::Command;
use rand::{SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{choice, on_node::effect};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// Move the leader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveLeader {
    /// Who shall lead, as alternatives; empty for any other node.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

impl Fault for MoveLeader {
    fn about(&self) -> About {
        About {
            does: "hands the leadership to another node",
            needs: "a target that can be told who shall lead, with its tools on the nodes",
            verified: "the other node says that it leads",
            healed: "nothing is to be undone: any node may lead",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.aims(&[Aim::Leader]);
        case.aims(&self.at);
        case.administration();
        let nodes = case.cluster.nodes();
        let [one, .., other] = nodes else {
            case.refuse(
                "there is no other node that could lead",
                "use two nodes or more",
            );
            return;
        };
        let cannot = |a: &dyn control::Administration| {
            a.move_leader(one, other).is_none() || a.leads(one).is_none()
        };
        if case.system.administration().is_some_and(cannot) {
            case.refuse(
                format!("{} cannot be told who shall lead", case.system.name()),
                "use kill@leader",
            );
        }
    }
    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Aim::read(at));
        true
    }
    fn places(&self) -> String {
        choice::places(&self.at)
    }
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let nobody = || Skip("this target cannot be told who shall lead".into());
        let administration = view.system.administration().ok_or_else(nobody)?;
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut notes = Vec::new();
        let leader = choice::leader(view, &mut rng, &mut notes)?;
        let from = view.node(&leader)?;
        let aim = choice::draw(&self.at, &[Aim::All], &mut rng);
        let others: Vec<_> = choice::nodes(view, &aim, &mut rng, &mut notes)?
            .into_iter()
            .filter(|node| *node != from && !view.impaired().contains(node.name.as_str()))
            .collect();
        let to = *others.choose(&mut rng).ok_or_else(|| {
            Skip(format!(
                "{leader} leads, and nobody else is meant that could"
            ))
        })?;
        let apply = administration.move_leader(from, to).ok_or_else(nobody)?;
        let leads = administration.leads(to).ok_or_else(nobody)?;
        let action = Action {
            node: from.name.clone(),
            apply,
            undo: Command::new(["true"]).idempotent(),
            probe: effect(to, leads, Expect::Prints("leads".into()), Expect::Anything),
        };
        Ok(Plan {
            nodes: vec![from.name.clone(), to.name.clone()],
            actions: vec![action],
            notes,
            ..Plan::new(Kind::MoveLeader, format!("{from} hands over to {to}"))
        })
    }
    fn wants_leader(&self, _nodes: usize, _has_leader: bool, _seed: u64) -> bool {
        true
    }
}
