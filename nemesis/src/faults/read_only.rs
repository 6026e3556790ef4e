//! Data directories that can only be read, as after an error of the disk: each is mounted over itself, read-only, for the
//! processes of its node alone. New files and files opened for writing fail with EROFS. What a process has open for
//! writing already stays so, since it is the way there that is blocked and not the disk behind it.

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

const APPLY: &str = concat!(
    include_str!("read_only/mounts.sh"),
    include_str!("read_only/apply.sh")
);
const UNDO: &str = concat!(
    include_str!("read_only/mounts.sh"),
    include_str!("read_only/undo.sh")
);
/// access(2) says what a write would: `read-only` if that is so for all directories.
const LOOK: &str = r#"
for data; do [ -w "$data" ] && { echo writable; exit 0; }; done
echo read-only
"#;

/// Mount data read-only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadOnly {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
}

impl Fault for ReadOnly {
    fn about(&self) -> About {
        About {
            does: "makes the data directories of a node read-only; what is open for writing stays so",
            needs: "root that may mount, and a target that says where its data is",
            verified: "the kernel says that nobody can write there",
            healed: "the mount is gone, and root can write there; the process runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.data_files();
        case.root();
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
            let script = |script: &str, words: Vec<String>| Command::script(script, words).root();
            let words = [vec![mark(view, node, seed)], directories.clone()].concat();
            let undo = script(UNDO, words[..1].to_vec()).idempotent();
            let (during, after) = ["read-only", "writable"]
                .map(|said| Expect::Prints(said.into()))
                .into();
            probes.push(effect(
                node,
                script(LOOK, directories).idempotent(),
                during,
                after,
            ));
            Ok(Action {
                node: node.name.clone(),
                apply: script(APPLY, words),
                // It may not have survived that.
                undo: chain(&[&undo, &processes.start(node)])?,
                probe: process::state(processes, node, Expect::Anything),
            })
        };
        let plan = process::each(
            Kind::ReadOnly,
            "read-only data of",
            &self.at,
            view,
            seed,
            act,
        )?;
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
