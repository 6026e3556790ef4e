//! Processes killed with SIGKILL, and started again with the data they have. A kill loses what was not yet written to the
//! operating system; it does not lose what was written but not yet on disk, as a power failure would.

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

/// Kill and start again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

const DEED: Deed = Deed {
    kind: Kind::Kill,
    words: "kill -9",
    apply: |processes, node| processes.kill(node),
    undo: |processes, node| processes.start(node),
    state: "gone",
};

impl Fault for Kill {
    fn about(&self) -> About {
        About {
            does: "kills the processes of a node with SIGKILL, and starts them again with the data they have",
            needs: "processes that schism started, on the nodes",
            verified: "the process is gone",
            healed: "it is started, and runs",
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
