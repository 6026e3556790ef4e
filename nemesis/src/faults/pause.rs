//! Processes stopped with SIGSTOP, and let go on with SIGCONT. To its peers a paused node looks dead; when it goes on it
//! believes that no time has passed, and acts on leases that have long expired.

use serde::{Deserialize, Serialize};

use super::process::{self, Deed};
use crate::{
    Kind,
    at::Aim,
    plan::{Fault, Plan, Skip, View},
};

/// Pause and resume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(default)]
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
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        process::plan(&DEED, &self.at, view, seed)
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
