//! Nodes short of memory: so much is taken, and used, that the kernel must take it from caches and from those who sleep.
//! Never more than is free; and the kernel is told to kill this taker first.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{choice, pressure, process};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Fault, Plan, Skip, View},
};

/// Take memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// How much, in MiB; 1024 where nothing is said. What is not free is not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub megabytes: Option<u64>,
}

impl Fault for Memory {
    fn about(&self) -> About {
        About {
            does: "takes memory on a node, as much as was said but never more than is free",
            needs: "root; nodes that share a machine share its memory, too",
            verified: "the memory that is resident, from /proc",
            healed: "the process that has it is gone",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        pressure::check(case, &self.at);
        if self.megabytes == Some(0) {
            case.refuse("nothing is taken", "say how many `megabytes`");
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
        let load = json!({ "memory": { "megabytes": self.megabytes.unwrap_or(1024) } });
        pressure::plan(Kind::Memory, "take memory of", &self.at, view, seed, |_| {
            Ok(load.clone())
        })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
