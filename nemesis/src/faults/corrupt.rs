//! Data damaged on disk, under a system that runs: bits flipped, an end cut off, chunks that are old again or hold what
//! belongs elsewhere (`schism node spoil`). Each node has its own stripe of chunks, so that none is damaged on all nodes
//! however often the fault strikes: a system that notices can repair itself.
//!
//! Undo restores the damage that is still as it was left, and starts a process that could not live with it. What the system
//! has written since, and what it has made of bad data elsewhere, stays.

use std::time::Duration;

use control::{Command, Node};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    choice,
    on_node::{chain, effect, line, mark, none, same_login, some},
    process,
};
use crate::{
    Case, Kind, Time,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// Where what undo needs is kept: on a disk, as the damage is.
const RECORDS: &str = "/var/lib/schism-spoil";
/// Bytes of a chunk: small, so that files that are not large have chunks for every node.
const CHUNK: u64 = 16 << 10;
/// How likely a chunk is to be damaged.
const PROBABILITY: f64 = 0.1;

/// Damage data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corrupt {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// The alternatives; empty for flipped bits.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub how: Vec<Damage>,
    /// Only files whose name ends so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ending: String,
    /// Bytes of a chunk, a multiple of 4096; 16384 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u64>,
    /// How likely each chunk is to be damaged, from 0 to 1, but one is in any case; 0.1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// For old chunks: how old; three seconds where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age: Option<Time>,
    /// Whether the process is killed before and started after it, so that it reads what it only reads at its start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
}

/// What is done to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// A bit is flipped.
    Flip,
    /// The end of a file is cut off.
    Truncate,
    /// What was written lately is lost.
    Stale,
    /// A chunk holds what belongs elsewhere.
    Misplace,
}

impl Fault for Corrupt {
    fn about(&self) -> About {
        About {
            does: "damages the data of a node on its disk: flips bits, cuts off an end, brings back what was there before, or writes it to the wrong place",
            needs: "root, and a target that says where its data is; no chunk is damaged on all nodes",
            verified: "the damaged bytes are read back",
            healed: "bytes that are still as they were left are restored; the process runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.data_files();
        case.root();
        case.helper();
        if self
            .chunk
            .is_some_and(|chunk| chunk == 0 || chunk % 4096 != 0)
        {
            case.refuse("`chunk` is a multiple of 4096", "leave it out");
        }
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            case.refuse("`probability` goes from 0 to 1", "leave it out");
        }
        if self.age.is_some_and(|age| age.0 > Duration::from_secs(60)) {
            case.refuse("`age` is a minute at most", "choose a shorter one");
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
        let mut rng = Pcg64::seed_from_u64(seed ^ 0x5901);
        let how = self.how.choose(&mut rng).copied().unwrap_or(Damage::Flip);
        let words = match how {
            Damage::Flip => "flip bits of",
            Damage::Truncate => "cut off the ends of files of",
            Damage::Stale => "bring back old data of",
            Damage::Misplace => "misplace data of",
        };
        let mut probes = Vec::new();
        let act = |node: &Node| {
            let (action, probe) = self.spoil(view, node, how, seed, rng.random())?;
            probes.push(probe);
            Ok(action)
        };
        let plan = process::each(Kind::Corrupt, words, &self.at, view, seed, act)?;
        if how == Damage::Truncate && plan.nodes.len() == view.nodes.len() {
            return Err(Skip(
                "an end that is cut off on all nodes is lost for good".into(),
            ));
        }
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}

impl Corrupt {
    fn spoil(
        &self,
        view: &View<'_>,
        node: &Node,
        how: Damage,
        seed: u64,
        own_seed: u64,
    ) -> Result<(Action, crate::Probe), Skip> {
        let processes = process::controlled(view)?;
        let data = view
            .system
            .data_files()
            .ok_or_else(|| Skip("this target does not say where its data is".into()))?;
        let record = format!("{RECORDS}/{}", mark(view, node, seed));
        let index = view
            .nodes
            .iter()
            .position(|n| n == node)
            .unwrap_or_default();
        // An end is one place of a file and not a chunk: who loses it is for the plan to say.
        let (index, of) = match how {
            Damage::Truncate => (0, 1),
            _ => (index, view.nodes.len()),
        };
        let request = json!({
            "record": record, "paths": data.directories(node), "ending": self.ending,
            "chunk": self.chunk.unwrap_or(CHUNK), "index": index, "of": of, "seed": own_seed,
            "probability": self.probability.unwrap_or(PROBABILITY), "damage": self.damage(how),
        });
        let helper = view.helper(node)?;
        let spoil =
            |verb: &str, word: &str| Command::new([helper, "node", "spoil", verb, word]).root();
        let apply = spoil("apply", &request.to_string()).deadline(Duration::from_secs(90));
        let undo = spoil("undo", &record).idempotent();
        let (kill, start) = (processes.kill(node), processes.start(node));
        let apply = if self.restart {
            // A start that fails is what the fault is there to see.
            let whole = Command::script(
                "sh -c \"$1\" && sh -c \"$2\" || exit 1\nsh -c \"$3\" || :",
                [line(&kill)?, line(&apply)?, line(&start)?],
            );
            Command {
                root: same_login(&[&kill, &apply, &start])?,
                ..whole.deadline(kill.deadline + apply.deadline + start.deadline)
            }
        } else {
            apply
        };
        let probe = effect(node, spoil("status", &record).idempotent(), some(), none());
        let action = Action {
            node: node.name.clone(),
            apply,
            undo: chain(&[&undo, &start])?,
            probe: process::state(processes, node, Expect::Anything),
        };
        Ok((action, probe))
    }

    fn damage(&self, how: Damage) -> Value {
        match how {
            Damage::Flip => json!({ "flip": { "bits": 1 } }),
            Damage::Truncate => json!({ "truncate": { "bytes": 512 } }),
            Damage::Stale => {
                let age = self.age.map_or(Duration::from_secs(3), |age| age.0);
                json!({ "stale": { "after_ms": age.as_millis() } })
            }
            Damage::Misplace => json!({ "misplace": {} }),
        }
    }
}
