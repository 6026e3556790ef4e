//! What the faults have in common that make a node short of something: a daemon on the node, this program, takes it, and
//! gives it back when it is ended or its time is up (`schism node pressure`).

use control::{Command, Node};
use rand::SeedableRng;
use rand_pcg::Pcg64;
use serde_json::{Value, json};

use super::{
    choice,
    on_node::{effect, mark, none, some},
    process,
};
use crate::{
    Case, Kind,
    at::Aim,
    plan::{Action, Plan, Skip, View},
};

const DIRECTORY: &str = "/run/schism/pressure";
/// After how long it is over whatever happens.
const SECONDS: u64 = 900;

/// What all of them need.
pub(super) fn check(case: &mut Case<'_>, at: &[Aim]) {
    case.aims(at);
    case.root();
    case.helper();
}

/// A plan with a load on each of the nodes that are drawn. A node that is short of something still does its part, so it
/// does not matter which other faults are in force.
pub(super) fn plan(
    kind: Kind,
    words: &str,
    at: &[Aim],
    view: &View<'_>,
    seed: u64,
    load: impl Fn(&Node) -> Result<Value, Skip>,
) -> Result<Plan, Skip> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let aim = choice::draw(at, process::defaults(view.has_leader), &mut rng);
    let mut notes = Vec::new();
    let chosen = choice::nodes(view, &aim, &mut rng, &mut notes)?;
    let act = |node: &&Node| {
        let name = mark(view, node, seed);
        let request = json!({
            "directory": DIRECTORY, "name": name, "seconds": SECONDS, "load": load(node)?,
        });
        let helper = view.helper(node)?;
        let pressure = |words: &[&str]| {
            let all = [&[helper, "node", "pressure"], words].concat();
            Command::new(all).root().idempotent()
        };
        Ok(Action {
            node: node.name.clone(),
            apply: pressure(&["start", &request.to_string()]),
            undo: pressure(&["stop", DIRECTORY, &name]),
            probe: effect(node, pressure(&["state", DIRECTORY, &name]), some(), none()),
        })
    };
    let actions = chosen.iter().map(act).collect::<Result<_, _>>()?;
    let nodes: Vec<String> = chosen.iter().map(|n| n.name.clone()).collect();
    let what = format!("{words} {}", nodes.join(" "));
    Ok(Plan {
        nodes,
        actions,
        notes,
        ..Plan::new(kind, what)
    })
}
