//! Nodes that lose their power: everything that runs there ends at once, what was only in memory is lost, and the node boots
//! again with the disk that it had. The system stays down until the fault is healed.
//!
//! A lab's node restarts itself (`schism node power`): its supervisor boots it anew. Its disk's cache is the host's,
//! so what was written but not synced survives there; losing that, too, takes a file system of our own. For other hosts
//! a command must be given, which the node runs as root: `echo b >/proc/sysrq-trigger`.
//!
//! The timer that heals a node by itself is lost with its power: if schism dies as well, the system there stays down until
//! `schism heal`.

use std::time::Duration;

use control::{Command, Node};
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{line, mark, same_login},
    process,
};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Ask, Expect, Fault, Plan, Probe, Skip, View},
};

/// Notes on the disk which boot this is, and lets the node lose its power when we have been told: `MARK COMMAND`.
const APPLY: &str = r#"
dir=/var/lib/schism-power
mkdir -p "$dir" || exit 1
boot=$(cat /proc/sys/kernel/random/boot_id; sed 's/.*) //' /proc/1/stat | cut -d' ' -f20) || exit 1
echo "$boot" >"$dir/$1" && sync -f "$dir/$1" || exit 1
setsid /bin/sh -c 'sleep 0.3; eval "$1"' schism-power "$2" </dev/null >/dev/null 2>&1 &
"#;
/// Whether this is another boot, after which the process is gone: `MARK STATE`.
const LOOK: &str = r#"
note=/var/lib/schism-power/$1
state=$(sh -c "$2") || exit 1
boot=$(cat /proc/sys/kernel/random/boot_id; sed 's/.*) //' /proc/1/stat | cut -d' ' -f20) || exit 1
if [ ! -e "$note" ]; then echo "$state"
elif [ "$boot" = "$(cat "$note")" ]; then echo "$state, not booted again"
elif [ "$state" = gone ]; then echo "booted again"
else echo "$state, booted again"
fi
"#;
/// Starts what is down, and forgets: `MARK START`.
const UNDO: &str = r#"
dir=/var/lib/schism-power
sh -c "$2" || exit 1
rm -f "$dir/$1"
rmdir "$dir" 2>/dev/null
exit 0
"#;
/// Another one with every boot of a kernel.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// How long a node may take to be there again.
const BOOT: Duration = Duration::from_secs(120);

/// Lose power, and boot again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// What the node runs, as root and in a shell, to end at once and boot again; a lab's node needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Fault for Power {
    fn about(&self) -> About {
        About {
            does: "lets a node lose its power and boot again with the disk that it had",
            needs: "a lab, or `command`: what a node runs to end at once and boot again; root there",
            verified: "the node has booted again, and the process is gone",
            healed: "the process is started, and runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.root();
        if self.command.is_some() {
            own_kernel(case);
            return;
        }
        case.helper();
        let nodes = case.cluster.nodes();
        let possible = |node: &Node, remote: &dyn control::Remote| {
            let Some(helper) = case.capabilities.helper.get(&node.name) else {
                return Ok(true);
            };
            let check = Command::new([helper, "node", "power", "check"])
                .root()
                .idempotent();
            remote.exec(&check).map(|output| output.success())
        };
        let answers = case.cluster.on_each(nodes, possible);
        for (node, answer) in nodes.iter().zip(answers) {
            if !matches!(answer, Ok(true)) {
                case.refuse(
                    format!("{node} is not a lab's node, and how it loses its power is not known"),
                    "say it, for example `power: { command: echo b >/proc/sysrq-trigger }`",
                );
            }
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
        let processes = process::controlled(view)?;
        process::each(Kind::Power, "power loss of", &self.at, view, seed, |node| {
            let off = match &self.command {
                Some(command) => command.clone(),
                None => line(&Command::new([view.helper(node)?, "node", "power", "off"]))?,
            };
            let (start, state) = (processes.start(node), processes.state(node));
            same_login(&[&start, &Command::new(["true"]).root()])?;
            let mark = mark(view, node, seed);
            let script =
                |script: &str, word: String| Command::script(script, [mark.clone(), word]).root();
            Ok(Action {
                node: node.name.clone(),
                apply: script(APPLY, off),
                undo: script(UNDO, line(&start)?).idempotent().deadline(BOOT),
                probe: Probe {
                    ask: Ask::On {
                        node: node.name.clone(),
                        command: script(LOOK, line(&state)?).idempotent(),
                    },
                    ..process::state(processes, node, Expect::Prints("booted again".into()))
                },
            })
        })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}

/// A node with our own kernel is this machine, or a container on it: no command may end it.
fn own_kernel(case: &mut Case<'_>) {
    let ours = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
    let look = Command::new(["cat", BOOT_ID]).idempotent();
    let nodes = case.cluster.nodes();
    let answers = case.cluster.on_each(nodes, |_, remote| remote.exec(&look));
    for (node, answer) in nodes.iter().zip(answers) {
        let why = match answer {
            Ok(output) if !output.success() => output.complaint(),
            Ok(output) if output.text() == ours.trim() => {
                "it runs on this machine's kernel, and would take everything here with it".into()
            }
            Ok(_) => continue,
            Err(error) => error.to_string(),
        };
        case.refuse(
            format!("{node}: {why}"),
            "use kill, or nodes that are machines of their own",
        );
    }
}
