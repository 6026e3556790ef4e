//! Members that leave the cluster, and join it again with nothing but what the others give them, as when a machine is
//! replaced.
//!
//! A change of membership may take effect although whoever asked for it timed out (Jepsen's `nemesis/membership.clj` keeps
//! such changes in mind until it sees what came of them). Here the node notes that it is about to be removed before anybody
//! is asked. Healing first completes the removal, whatever was heard of it, and only then adds the member: so it never
//! comes back empty-handed under a number for which it has promised something.

use std::time::Duration;

use control::{Command, Node};
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{effect, line, mark, same_login},
    process,
};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// `MARK REMOVE`. On the disk: a node that lost its power has still been removed.
const APPLY: &str = r#"
dir=/var/lib/schism-membership
mkdir -p "$dir" && : >"$dir/$1" && sync -f "$dir/$1" || exit 1
sh -c "$2"
"#;
/// `MARK REMOVE ADD JOIN`
const UNDO: &str = r#"
dir=/var/lib/schism-membership
[ -e "$dir/$1" ] || exit 0
sh -c "$2" && sh -c "$3" && sh -c "$4" || exit 1
rm -f "$dir/$1"
rmdir "$dir" 2>/dev/null
exit 0
"#;
/// How long a removal, an addition and a new start may take together.
const REJOIN: Duration = Duration::from_secs(90);

/// Leave, and join again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

impl Fault for Membership {
    fn about(&self) -> About {
        About {
            does: "removes members from the cluster, and adds them again with no data of their own",
            needs: "root, and a target whose members can leave and join, with its tools on the nodes",
            verified: "the others no longer list the member",
            healed: "they list it, and it serves",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.root();
        if case.system.membership().is_none() {
            case.refuse(
                format!("members of {} cannot leave and join", case.system.name()),
                "use kill",
            );
            return;
        }
        case.administration();
        if case.cluster.nodes().len() < 3 {
            case.refuse(
                "fewer than three nodes cannot do without one",
                "use three nodes or more",
            );
        }
        if self
            .at
            .iter()
            .any(|at| matches!(at, Aim::Majority | Aim::All))
        {
            case.refuse("a majority cannot leave", "use `at: one` or `at: minority`");
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
        let membership = view
            .system
            .membership()
            .ok_or_else(|| Skip("members of this target cannot leave and join".into()))?;
        let processes = process::controlled(view)?;
        let mut probes = Vec::new();
        let act = |node: &Node| {
            let others: Vec<Node> = view.nodes.iter().filter(|n| *n != node).cloned().collect();
            let remove = membership.remove(node, &others);
            let (add, join) = (membership.add(node, &others), membership.join(node));
            same_login(&[&remove, &add, &join, &Command::new(["true"]).root()])?;
            let mark = mark(view, node, seed);
            let script = |script: &str, lines: &[String]| {
                Command::script(script, [std::slice::from_ref(&mark), lines].concat()).root()
            };
            let [remove, add, join] = [line(&remove)?, line(&add)?, line(&join)?];
            let (during, after) = (
                Expect::Lacks(node.name.clone()),
                Expect::Lists(node.name.clone()),
            );
            probes.push(effect(
                node,
                membership.members(node, &others),
                during,
                after,
            ));
            Ok(Action {
                node: node.name.clone(),
                apply: script(APPLY, std::slice::from_ref(&remove)),
                undo: script(UNDO, &[remove, add, join])
                    .idempotent()
                    .deadline(REJOIN),
                probe: process::state(processes, node, Expect::Anything),
            })
        };
        let plan = process::each(Kind::Membership, "remove", &self.at, view, seed, act)?;
        if plan.nodes.len() * 2 >= view.nodes.len() {
            return Err(Skip("a majority must stay".into()));
        }
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
