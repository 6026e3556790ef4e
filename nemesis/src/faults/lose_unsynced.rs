//! Power losses, as far as disks are concerned: the process is killed, and of what it had written only that is left for which
//! it had asked the disk to wait. `schism node fuse` under the data keeps the two apart; LazyFS showed what that finds
//! (Ramos et al., VLDB 2024).
//!
//! Seen in two files of ours that are written just before, one of them synced.

use std::time::Duration;

use control::{Command, Node};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{effect, line, mark, none, same_login, some},
    process,
};
use crate::{
    Case, Kind, Probe,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// Writes the two files, kills the process with the line `$3`, and lets the power fail with the line `$4` and a directory.
const APPLY: &str = r#"
mark=$1 survive=$2 kill=$3 lose=$4
shift 4
for dir in "$@"; do
  echo kept >"$dir/.$mark.synced" && sync "$dir/.$mark.synced" && echo lost >"$dir/.$mark.unsynced" || exit 1
done
/bin/sh -c "$kill" || exit 1
for dir in "$@"; do /bin/sh -c "$lose \"\$1\"" sh "$dir" || exit 1; done
"#;

/// Prints in how many directories the synced file is whole and the other one, where nothing may survive, is empty.
const SEEN: &str = r#"
mark=$1 survive=$2 seen=0
shift 2
for dir in "$@"; do
  [ "$(cat "$dir/.$mark.synced" 2>/dev/null)" = kept ] || continue
  [ "$survive" != none ] || [ ! -s "$dir/.$mark.unsynced" ] || continue
  seen=$((seen + 1))
done
echo $seen
"#;

const UNDO: &str = r#"
mark=$1 start=$2
shift 2
for dir in "$@"; do rm -f "$dir/.$mark.synced" "$dir/.$mark.unsynced"; done
exec /bin/sh -c "$start"
"#;

/// Lose what was not synced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoseUnsynced {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// The alternatives; empty for nothing.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub survive: Vec<Survive>,
}

/// What survives of a file's unsynced changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Survive {
    /// Nothing.
    None,
    /// All up to some moment.
    Prefix,
    /// All up to some moment, and some sectors of the write after it.
    Torn,
    /// Any of them, in whatever order they were made.
    Any,
}

impl Survive {
    fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Prefix => "prefix",
            Self::Torn => "torn",
            Self::Any => "any",
        }
    }
}

impl Fault for LoseUnsynced {
    fn about(&self) -> About {
        About {
            does: "kills the processes of a node and loses what they had written but not synced, as a power failure does",
            needs: "root, /dev/fuse on the nodes, and a target that says where its data is",
            verified: "of two files written just before, the synced one is whole and the other one is empty",
            healed: "it is started with the data that is left, and runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.root();
        case.fuse();
    }
    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Aim::read(at));
        true
    }
    fn places(&self) -> String {
        choice::places(&self.at)
    }
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let mut rng = Pcg64::seed_from_u64(seed ^ 0x1057);
        let survive = self.survive.choose(&mut rng).copied();
        let survive = survive.unwrap_or(Survive::None);
        let words = match survive {
            Survive::None => "power loss of",
            Survive::Prefix => "power loss (the first of what was not synced survives) of",
            Survive::Torn => "power loss (with a torn write) of",
            Survive::Any => "power loss (any of what was not synced survives) of",
        };
        let mut probes = Vec::new();
        let act = |node: &Node| {
            let (action, probe) = strike(view, node, survive, seed, rng.random())?;
            probes.push(probe);
            Ok(action)
        };
        let plan = process::each(Kind::LoseUnsynced, words, &self.at, view, seed, act)?;
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}

fn strike(
    view: &View<'_>,
    node: &Node,
    survive: Survive,
    seed: u64,
    own_seed: u64,
) -> Result<(Action, Probe), Skip> {
    let processes = process::controlled(view)?;
    let data = view
        .system
        .data_files()
        .ok_or_else(|| Skip("this target does not say where its data is".into()))?;
    let directories = data.directories(node);
    let mark = format!("schism-{}", mark(view, node, seed));
    let own_seed = own_seed.to_string();
    let (helper, word) = (view.helper(node)?, survive.word());
    let lose = [
        helper,
        "node",
        "fuse",
        "lose",
        "--survive",
        word,
        "--seed",
        &own_seed,
    ];
    let lose = Command::new(lose).root();
    let (kill, start) = (processes.kill(node), processes.start(node));
    let root = same_login(&[&lose, &kill, &start])?;
    let script = |text: &str, words: &[&str]| {
        let words = words.iter().map(|w| (*w).to_owned());
        Command {
            root,
            ..Command::script(text, words.chain(directories.clone()))
        }
    };
    let apply = script(APPLY, &[&mark, word, &line(&kill)?, &line(&lose)?]);
    let undo = script(UNDO, &[&mark, &line(&start)?]);
    let seen = script(SEEN, &[&mark, word]).idempotent();
    let action = Action {
        node: node.name.clone(),
        apply: apply.deadline(kill.deadline + Duration::from_secs(30)),
        undo: undo
            .idempotent()
            .deadline(start.deadline + Duration::from_secs(5)),
        probe: process::state(processes, node, Expect::Prints("gone".into())),
    };
    Ok((action, effect(node, seen, some(), none())))
}
