//! Processes stopped with SIGSTOP, and let go on with SIGCONT. To its peers a paused node looks dead; when it goes on it
//! believes that no time has passed, and acts on leases that have long expired.

use serde::{Deserialize, Serialize};

use super::{
    choice,
    process::{self, Deed},
};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Fault, Plan, Skip, View},
};

/// Pause and resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

const DEED: Deed = Deed {
    kind: Kind::Pause,
    words: "SIGSTOP",
    apply: |processes, node| processes.pause(node),
    undo: |processes, node| processes.resume(node),
    state: "paused",
};

impl Fault for Pause {
    fn about(&self) -> About {
        About {
            does: "stops the processes of a node with SIGSTOP, and lets them go on",
            needs: "processes that schism started, on the nodes",
            verified: "the process is stopped",
            healed: "SIGCONT, and it runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
    }
    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Aim::read(at));
        true
    }
    fn places(&self) -> String {
        choice::places(&self.at)
    }
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        process::plan(&DEED, &self.at, view, seed)
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
