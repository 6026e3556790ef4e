//! What operators do from time to time, while all is well: history is compacted, a database is written anew. A node may be
//! slow meanwhile or answer nobody, and what was cut off is asked for.

use control::Command;
use rand::{SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{effect, line, mark, same_login},
    process,
};
use crate::{
    Case, Kind,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// Notes what there was before, and does it: `MARK LOOK RUN`.
const APPLY: &str = r#"
dir=/run/schism/maintenance
mkdir -p "$dir" || exit 1
sh -c "$2" >"$dir/$1" || exit 1
sh -c "$3"
"#;
/// Whether there is something else now: `MARK LOOK`.
const LOOK: &str = r#"
note=/run/schism/maintenance/$1
now=$(sh -c "$2") || exit 1
if [ -e "$note" ] && [ "$now" != "$(cat "$note")" ]; then echo done; else echo "not done: $now"; fi
"#;
const UNDO: &str = r#"
dir=/run/schism/maintenance
rm -f "$dir/$1"
rmdir "$dir" /run/schism 2>/dev/null
exit 0
"#;

/// Do what must be done from time to time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// What is done, as alternatives; empty for anything that the target knows.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub chore: Vec<String>,
}

impl Fault for Maintenance {
    fn about(&self) -> About {
        About {
            does: "does what operators do from time to time: compacts history, defragments a database",
            needs: "root, and a target that knows such chores, with its tools on the nodes",
            verified: "what the node says, or has on its disk, is another than before",
            healed: "nothing is to be undone",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.aims(&self.at);
        case.root();
        case.administration();
        let Some(administration) = case.system.administration() else {
            return;
        };
        let known: Vec<String> = case
            .cluster
            .nodes()
            .iter()
            .flat_map(|node| administration.chores(node))
            .map(|chore| chore.name)
            .collect();
        if known.is_empty() {
            case.refuse(
                format!("{} needs no maintenance", case.system.name()),
                "leave it out",
            );
        }
        for chore in self.chore.iter().filter(|chore| !known.contains(chore)) {
            let mut known = known.clone();
            known.sort();
            known.dedup();
            case.refuse(
                format!("{} has no chore {chore:?}", case.system.name()),
                format!("use {}", known.join(" or ")),
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
        let administration = view
            .system
            .administration()
            .ok_or_else(|| Skip("how this target is administered is not known".into()))?;
        let mut rng = Pcg64::seed_from_u64(seed);
        let aim = choice::draw(&self.at, process::defaults(view.has_leader), &mut rng);
        let mut notes = Vec::new();
        let chosen = choice::processes(view, &aim, &mut rng, &mut notes)?;
        let (mut actions, mut words) = (Vec::new(), Vec::new());
        for node in chosen {
            let meant = |name: &String| self.chore.is_empty() || self.chore.contains(name);
            let mut chores = administration.chores(node);
            chores.retain(|chore| meant(&chore.name));
            let chore = chores
                .choose(&mut rng)
                .ok_or_else(|| Skip(format!("there is nothing of the kind to do on {node}")))?;
            same_login(&[&chore.run, &chore.look, &Command::new(["true"]).root()])?;
            let (run, look) = (line(&chore.run)?, line(&chore.look)?);
            let mark = mark(view, node, seed);
            let script = |script: &str, words: &[&str]| {
                Command::script(script, [&[mark.as_str()], words].concat()).root()
            };
            let probe = script(LOOK, &[&look]).idempotent();
            words.push(format!("{} {node}", chore.name));
            actions.push(Action {
                node: node.name.clone(),
                apply: script(APPLY, &[&look, &run]),
                undo: script(UNDO, &[]).idempotent(),
                probe: effect(node, probe, Expect::Prints("done".into()), Expect::Anything),
            });
        }
        Ok(Plan {
            nodes: actions.iter().map(|action| action.node.clone()).collect(),
            actions,
            notes,
            ..Plan::new(Kind::Maintenance, words.join(", "))
        })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}
