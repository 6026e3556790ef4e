//! Processes that can open nothing more: their limit on open files is lowered to what they have open (prlimit(2)), so that
//! the next file, connection or accepted client fails with EMFILE, and what they close they do not get back. As after a
//! leak, and it bites nobody else.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{choice, pressure, process};
use crate::{
    Case, Kind, Sole,
    at::{Aim, Place, one_or_many},
    plan::{About, Fault, Plan, Skip, View},
};

/// Lower the limit on open files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Descriptors {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// How many more may be open than were when they were fewest; none where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<u64>,
}

impl Fault for Descriptors {
    fn about(&self) -> About {
        About {
            does: "lets the processes of a node open no more files and connections",
            needs: "root, and processes that schism started, with pid files, on the nodes",
            verified: "the limit of the processes, from /proc",
            healed: "the limit is what it was before",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        pressure::check(case, &self.at);
        case.processes(&[]);
        case.pid_files();
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
        let spare = self.spare.unwrap_or(0);
        pressure::plan(
            Kind::Descriptors,
            "no more open files for",
            &self.at,
            view,
            seed,
            |node| {
                let pid_file = processes
                    .pid_file(node)
                    .ok_or_else(|| Skip(format!("the process of {node} has no pid file")))?;
                Ok(json!({ "limit": { "pid_file": pid_file, "spare": spare } }))
            },
        )
        .map(|plan| plan.alone_with(&[Sole::OpenFiles]))
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
