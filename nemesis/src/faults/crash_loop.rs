//! Processes that crash again and again: killed with SIGKILL and started, by a loop on the node itself, for as long as the
//! fault is in force. Recovery is interrupted by the next crash, and whoever counts on a node that has just come back is
//! let down.

use std::time::Duration;

use control::Command;
use serde::{Deserialize, Serialize};

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

const START: &str = concat!(
    include_str!("crash_loop/place.sh"),
    include_str!("crash_loop/start.sh")
);
const STOP: &str = concat!(
    include_str!("crash_loop/place.sh"),
    include_str!("crash_loop/stop.sh")
);
const COUNT: &str = concat!(
    include_str!("crash_loop/place.sh"),
    include_str!("crash_loop/count.sh")
);
/// After how long a loop ends by itself, whoever else is gone by then.
const LONGEST: Duration = Duration::from_secs(900);

/// Kill and start, again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrashLoop {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// How long it runs each time; two seconds where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<Time>,
    /// How long it is gone each time; half a second where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Time>,
}

impl Fault for CrashLoop {
    fn about(&self) -> About {
        About {
            does: "kills the processes of a node and starts them, again and again",
            needs: "processes that schism started, on the nodes",
            verified: "a loop on the node has seen the process gone, once and more often",
            healed: "the loop has ended; the process is started, and runs",
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
        let processes = process::controlled(view)?;
        let tenths = |time: Option<Time>, default: u64| {
            let time = time.map_or(Duration::from_millis(default), |time| time.0);
            time.as_millis().div_ceil(100).max(1)
        };
        let (up, down) = (tenths(self.up, 2000), tenths(self.down, 500));
        let rounds = (LONGEST.as_millis() / 100).div_ceil(up + down);
        let mut probes = Vec::new();
        let act = |node: &control::Node| {
            let (kill, start) = (processes.kill(node), processes.start(node));
            let root = same_login(&[&kill, &start])?;
            let mark = mark(view, node, seed);
            let script = |script: &str, args: &[String]| Command {
                root,
                idempotent: true,
                ..Command::script(script, [std::slice::from_ref(&mark), args].concat())
            };
            let numbers = [down, up, rounds].map(|number| number.to_string());
            let args = [&[line(&kill)?, line(&start)?][..], &numbers].concat();
            probes.push(effect(node, script(COUNT, &[]), some(), none()));
            Ok(Action {
                node: node.name.clone(),
                apply: script(START, &args),
                undo: chain(&[&script(STOP, &[]), &start])?,
                probe: process::state(processes, node, Expect::Anything),
            })
        };
        let plan = process::each(Kind::CrashLoop, "crash loop", &self.at, view, seed, act)?;
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
