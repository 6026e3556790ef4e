//! A disk that is full: a file takes all the space that is left in the file system of the data. Only ever in one that is not
//! the root file system, and has little space free: nobody but the system shall be short of it.

use std::time::Duration;

use control::{Command, Node};
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{chain, effect, mark},
    process,
};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

const CHECK: &str = concat!(include_str!("fill/room.sh"), include_str!("fill/check.sh"));
const APPLY: &str = concat!(include_str!("fill/room.sh"), include_str!("fill/apply.sh"));
/// `MARK DATA…`
const UNDO: &str = r#"
mark=$1
shift
for data; do rm -f "$data/.schism-fill-$mark" || exit 1; done
"#;
/// How many KiB are free where the least is.
const LOOK: &str = r#"
least=
for data; do
  free=$(($(stat -f -c '%a * %S' "$data") / 1024)) || exit 1
  [ -n "$least" ] && [ "$least" -le "$free" ] || least=$free
done
echo "$least KiB free"
"#;
/// What is filled at most, in MiB.
const MOST: u64 = 512;
/// So little space, in KiB, is none.
const NOTHING: i64 = 63;

/// Leave no space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// How much space may be taken at most, in MiB; 512 where nothing is said. Where more is free, it is not filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
}

impl Fill {
    fn most(&self) -> u64 {
        self.most.unwrap_or(MOST)
    }
}

impl Fault for Fill {
    fn about(&self) -> About {
        About {
            does: "fills the file system in which the data of a node is",
            needs: "root, and data on a small file system of its own, never the root file system",
            verified: "the file system says that nothing is free",
            healed: "the file that filled it is gone; the process runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.data_files();
        case.root();
        let Some(data) = case.system.data_files() else {
            return;
        };
        let most = self.most().to_string();
        let nodes = case.cluster.nodes();
        let answers = case.cluster.on_each(nodes, |node, remote| {
            let words = [vec![String::new(), most.clone()], data.directories(node)].concat();
            remote.exec(&Command::script(CHECK, words).root().idempotent())
        });
        for (node, answer) in nodes.iter().zip(answers) {
            let why = match answer {
                Ok(output) if output.success() => continue,
                Ok(output) => output.complaint(),
                Err(error) => error.to_string(),
            };
            case.refuse(
                format!("{node}: {why}"),
                "put the data on a small file system of its own, or say `most`",
            );
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
        let data = view
            .system
            .data_files()
            .ok_or_else(|| Skip("this target does not say where its data is".into()))?;
        let mut probes = Vec::new();
        let act = |node: &Node| {
            let directories = data.directories(node);
            let mark = mark(view, node, seed);
            let script = |script: &str, words: &[String]| {
                Command::script(script, [words, &directories].concat()).root()
            };
            let undo = script(UNDO, std::slice::from_ref(&mark)).idempotent();
            probes.push(effect(
                node,
                script(LOOK, &[]).idempotent(),
                Expect::Between(0, NOTHING),
                Expect::Between(NOTHING + 1, i64::MAX),
            ));
            Ok(Action {
                node: node.name.clone(),
                apply: script(APPLY, &[mark, self.most().to_string()])
                    .deadline(Duration::from_secs(60)),
                // It may not have survived that.
                undo: chain(&[&undo, &processes.start(node)])?,
                probe: process::state(processes, node, Expect::Anything),
            })
        };
        let plan = process::each(Kind::Fill, "fill the disk of", &self.at, view, seed, act)?;
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
