//! Processes frozen by the kernel's control groups, as a container or a virtual machine that is suspended: unlike SIGSTOP it
//! catches all descendants at once, and nobody, neither they nor their parents, is told.

use control::{Command, Node};
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{line, mark, same_login},
    process,
};
use crate::{
    Case, Kind, Sole,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Ask, Expect, Fault, Plan, Probe, Skip, View},
};

const APPLY: &str = concat!(
    include_str!("freeze/group.sh"),
    include_str!("freeze/apply.sh")
);
const UNDO: &str = concat!(
    include_str!("freeze/group.sh"),
    include_str!("freeze/undo.sh")
);
const LOOK: &str = concat!(
    include_str!("freeze/group.sh"),
    include_str!("freeze/look.sh")
);
/// Says why not.
const POSSIBLE: &str = concat!(include_str!("freeze/group.sh"), "exit 0");

/// Freeze and thaw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

impl Fault for Freeze {
    fn about(&self) -> About {
        About {
            does: "freezes the processes of a node with all their descendants, as a container that is suspended",
            needs: "root, writable control groups on the nodes, and processes that schism started, with pid files",
            verified: "the kernel says that the group is frozen",
            healed: "the processes are thawed and in the group they were in",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.pid_files();
        let possible = Command::script(POSSIBLE, ["check"]).root().idempotent();
        let nodes = case.cluster.nodes();
        let answers = case
            .cluster
            .on_each(nodes, |_, remote| remote.exec(&possible));
        for (node, answer) in nodes.iter().zip(answers) {
            let why = match answer {
                Ok(output) if output.success() => continue,
                Ok(output) => output.complaint(),
                Err(error) => error.to_string(),
            };
            case.refuse(format!("{node}: {why}"), "use pause");
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
        process::each(
            Kind::Freeze,
            "freeze",
            &self.at,
            view,
            seed,
            |node: &Node| {
                let pid_file = processes
                    .pid_file(node)
                    .ok_or_else(|| Skip(format!("the process of {node} has no pid file")))?;
                let state = processes.state(node);
                same_login(&[&state, &Command::new(["true"]).root()])?;
                let mark = mark(view, node, seed);
                let script = |script: &str, word: &str| {
                    Command::script(script, [&mark, word]).root().idempotent()
                };
                Ok(Action {
                    node: node.name.clone(),
                    apply: script(APPLY, &pid_file),
                    undo: script(UNDO, ""),
                    probe: Probe {
                        ask: Ask::On {
                            node: node.name.clone(),
                            command: script(LOOK, &line(&state)?),
                        },
                        ..process::state(processes, node, Expect::Prints("frozen".into()))
                    },
                })
            },
        )
        .map(|plan| plan.alone_with(&[Sole::Threads]))
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
