//! Clocks of processes that were started with libfaketime: where those of live processes cannot be rewritten, and where it is
//! asked for. They can jump, and nothing else: its rates count from the start of each process.

use std::time::Duration;

use control::{Node, RemoteExt};
use serde::{Deserialize, Serialize};

use super::{ASKED, Deed, WrongClock, clock, measured};
use crate::{
    Case, Faketime,
    plan::{Action, Expect, Skip, View},
};

/// By what means clocks of processes are made wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// A library that they are started with.
    Libfaketime,
}

/// Finds out whether the processes of these nodes can be started with the library, and refuses those that cannot: why it has to
/// be is told, too, where it was not asked for.
pub(super) fn check(case: &mut Case<'_>, fault: &WrongClock, nodes: &[(Node, Option<String>)]) {
    if nodes.is_empty() {
        return;
    }
    let processes = case.system.processes();
    if processes.is_some_and(|p| p.bypasses_libc()) {
        let why = "its programs read the clock without the C library, as those in Go do, so libfaketime has no effect on them";
        refuse(case, nodes, why, REWRITTEN);
        return;
    }
    let starts = |(node, _): &(Node, _)| processes?.environment_file(node);
    if nodes.iter().any(|node| starts(node).is_none()) {
        refuse(
            case,
            nodes,
            "schism does not start its processes itself, so it cannot start them with libfaketime",
            REWRITTEN,
        );
        return;
    }
    if fault.ways(true).is_empty() {
        case.refuse(
            "clocks of processes that are started with libfaketime can jump, and nothing else",
            "use `how: [ahead, back]`",
        );
    }
    let helpers = case.capabilities.helper.clone();
    let asked: Vec<Node> = nodes.iter().map(|(node, _)| node.clone()).collect();
    let answers = case.cluster.on_each(&asked, |node, remote| {
        let Some(helper) = helpers.get(&node.name) else {
            return Ok(());
        };
        let check = clock(helper, ["library", "check"]).deadline(Duration::from_secs(20));
        remote.run(&check).map(drop)
    });
    for (node, answer) in nodes.iter().zip(answers) {
        match answer {
            Err(error) => refuse(
                case,
                std::slice::from_ref(node),
                &error.to_string(),
                "install libfaketime on the nodes, or leave `with` out",
            ),
            Ok(()) => {
                let why = match node.1 {
                    None => Faketime::Asked,
                    Some(_) => Faketime::Needed,
                };
                let before = case.capabilities.faketime.get(&node.0.name);
                let why = before.map_or(why, |before| why.max(*before));
                case.capabilities.faketime.insert(node.0.name.clone(), why);
            }
        }
    }
}

const REWRITTEN: &str =
    "leave `with` out: clocks of live processes are rewritten then, in whatever language they are";

fn refuse(case: &mut Case<'_>, nodes: &[(Node, Option<String>)], why: &str, instead: &str) {
    let needed = nodes.iter().find_map(|(_, needed)| needed.as_ref());
    match needed {
        Some(first) => case.refuse(
            format!(
                "clocks of processes cannot be made wrong: {first}; nor with libfaketime: {why}"
            ),
            "see that root may trace processes on the nodes (CAP_SYS_PTRACE), or that they have libfaketime for processes that can do with it",
        ),
        None => case.refuse(
            format!("libfaketime cannot make its clocks wrong: {why}"),
            instead,
        ),
    }
}

/// Whether a fault uses it on a node.
pub(super) fn is_meant(fault: &WrongClock, view: &View<'_>, node: &Node) -> bool {
    match view.capabilities.faketime.get(&node.name) {
        None => false,
        Some(Faketime::Needed) => true,
        Some(Faketime::Asked) => fault.with.is_some(),
    }
}

/// The clock that the processes go by is set.
pub(super) fn set(view: &View<'_>, node: &Node, deed: &Deed) -> Result<Action, Skip> {
    let helper = view.helper(node)?;
    let processes = view.system.processes();
    let files = processes.and_then(|p| p.environment_file(node).zip(p.pid_file(node)));
    let (Some((file, pid_file)), Deed::Jump(milliseconds)) = (files, deed) else {
        return Err(Skip(format!(
            "the clocks of {node} can jump, and nothing else"
        )));
    };
    let set =
        |milliseconds: i64| clock(helper, ["library", "set", &file, &milliseconds.to_string()]);
    Ok(Action {
        node: node.name.clone(),
        apply: set(*milliseconds),
        undo: set(0),
        probe: measured(
            node,
            clock(helper, ["library", "probe", &file, &pid_file]),
            deed.expect(ASKED),
            Expect::Between(-ASKED, ASKED),
        ),
    })
}
