//! Processes asked to end with SIGTERM, which a system may use to put its things in order, hand over its leadership or say
//! goodbye to its peers; and started again with the data they have.

use serde::{Deserialize, Serialize};

use super::{choice, process};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// Ask to end, and start again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminate {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

impl Fault for Terminate {
    fn about(&self) -> About {
        About {
            does: "asks the processes of a node to end with SIGTERM, and starts them again with the data they have",
            needs: "processes that schism started, on the nodes",
            verified: "the process is gone",
            healed: "it is started, and runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        let nodes = case.cluster.nodes();
        let deaf = |processes: &dyn control::Processes| {
            nodes.iter().any(|node| processes.terminate(node).is_none())
        };
        if case.system.processes().is_some_and(deaf) {
            case.refuse(
                format!("{} cannot be asked to end", case.system.name()),
                "use kill",
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
        let processes = process::controlled(view)?;
        process::each(Kind::Terminate, "SIGTERM", &self.at, view, seed, |node| {
            let apply = processes
                .terminate(node)
                .ok_or_else(|| Skip(format!("the process of {node} cannot be asked to end")))?;
            Ok(Action {
                node: node.name.clone(),
                apply,
                undo: processes.start(node),
                probe: process::state(processes, node, Expect::Prints("gone".into())),
            })
        })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
