//! Nodes restarted one after the other, as for an upgrade: each is asked to end and started again, with a pause before the
//! next. What is bad about it is what operators do every week.

use std::time::Duration;

use control::{Command, Node, Processes};
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{line, mark, same_login},
    process,
};
use crate::{
    Case, Kind, Time,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Ask, Expect, Fault, Plan, Probe, Skip, View},
};

/// Waits for its turn, restarts, and leaves a note of which process there was before: `MARK WAIT DOWN PID_FILE STOP START`.
const RESTART: &str = r#"
dir=/run/schism/restarts
sleep "$2"
before=$(cat "$4") || { echo "there is no process to restart" >&2; exit 1; }
sh -c "$5" || exit 1
sleep "$3"
sh -c "$6" || exit 1
mkdir -p "$dir" && echo "$before" >"$dir/$1"
"#;
/// Whether there is another process than before; its state, without a note of one before: `MARK PID_FILE STATE`.
const LOOK: &str = r#"
dir=/run/schism/restarts
state=$(sh -c "$3") || exit 1
[ -e "$dir/$1" ] || { echo "$state"; exit 0; }
now=$(cat "$2" 2>/dev/null)
if [ "$state" = running ] && [ "$now" != "$(cat "$dir/$1")" ]; then echo restarted; else echo "$state, not restarted"; fi
"#;
/// Starts what may be down, and forgets: `MARK START`.
const UNDO: &str = r#"
dir=/run/schism/restarts
sh -c "$2" || exit 1
rm -f "$dir/$1"
rmdir "$dir" /run/schism 2>/dev/null
exit 0
"#;

/// Restart one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollingRestart {
    /// The alternatives; empty for all nodes.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// From the restart of one node to that of the next; three seconds where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Time>,
    /// How long each is down; half a second where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Time>,
}

impl RollingRestart {
    fn at(&self) -> &[Aim] {
        if self.at.is_empty() {
            &[Aim::All]
        } else {
            &self.at
        }
    }
}

impl Fault for RollingRestart {
    fn about(&self) -> About {
        About {
            does: "restarts nodes one after the other, as for an upgrade",
            needs: "root, and processes that schism started, with pid files, on the nodes",
            verified: "each process is another one than before, and runs",
            healed: "whatever is down is started, and runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(self.at());
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
        let gap = self.gap.map_or(Duration::from_secs(3), |time| time.0);
        let down = self.down.map_or(Duration::from_millis(500), |time| time.0);
        let mut turn = 0;
        let act = |node: &Node| {
            let wait = gap * turn;
            turn += 1;
            restart(view, processes, node, seed, wait, down)
        };
        process::each(Kind::RollingRestart, "restart", self.at(), view, seed, act)
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(self.at(), has_leader, seed)
    }
}

fn restart(
    view: &View<'_>,
    processes: &dyn Processes,
    node: &Node,
    seed: u64,
    wait: Duration,
    down: Duration,
) -> Result<Action, Skip> {
    let pid_file = processes
        .pid_file(node)
        .ok_or_else(|| Skip(format!("the process of {node} has no pid file")))?;
    let stop = processes
        .terminate(node)
        .unwrap_or_else(|| processes.kill(node));
    let (start, state) = (processes.start(node), processes.state(node));
    let root = same_login(&[&stop, &start, &state])?;
    let mark = mark(view, node, seed);
    let script = |script: &str, args: Vec<String>| Command {
        root,
        ..Command::script(script, [vec![mark.clone()], args].concat())
    };
    let seconds = |time: Duration| time.as_secs_f64().to_string();
    let lines = [line(&stop)?, line(&start)?, line(&state)?];
    let [stop_line, start_line, state_line] = lines;
    let words = vec![
        seconds(wait),
        seconds(down),
        pid_file.clone(),
        stop_line,
        start_line.clone(),
    ];
    let probe = Probe {
        ask: Ask::On {
            node: node.name.clone(),
            command: script(LOOK, vec![pid_file, state_line]).idempotent(),
        },
        ..process::state(processes, node, Expect::Prints("restarted".into()))
    };
    Ok(Action {
        node: node.name.clone(),
        apply: script(RESTART, words).deadline(wait + down + stop.deadline + start.deadline),
        undo: script(UNDO, vec![start_line]).idempotent(),
        probe,
    })
}
