//! Nodes short of processor time: as many threads as there are processors do nothing but run. What is late because of it
//! looks like a slow network to others, and like jumps of time to the node itself.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{choice, pressure, process};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Fault, Plan, Skip, View},
};

/// Burn processor time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// How many threads; as many as the node has processors where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Their priority, from -20, against which the system gets next to nothing, to 19; 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nice: Option<i8>,
}

impl Fault for Cpu {
    fn about(&self) -> About {
        About {
            does: "burns processor time on a node with as many threads as it has processors",
            needs: "root; nodes that share a machine share its processors, too",
            verified: "the processor time that the threads use, from /proc",
            healed: "the process with these threads is gone",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        pressure::check(case, &self.at);
        if self.nice.is_some_and(|nice| !(-20..=19).contains(&nice)) {
            case.refuse("`nice` goes from -20 to 19", "choose one of these");
        }
        if self
            .threads
            .is_some_and(|threads| !(1..=1024).contains(&threads))
        {
            case.refuse("`threads` goes from 1 to 1024", "choose one of these");
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
        let load = json!({ "cpu": { "threads": self.threads, "nice": self.nice.unwrap_or(0) } });
        pressure::plan(
            Kind::Cpu,
            "burn processors of",
            &self.at,
            view,
            seed,
            |_| Ok(load.clone()),
        )
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
