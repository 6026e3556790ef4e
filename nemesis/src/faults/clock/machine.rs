//! The machine's own clock, for nodes that are machines: set with `date`, while what keeps it right (chrony and its like) is
//! stopped, and set right again by the time since the machine was started, which no change of the clock touches.
//!
//! A kernel has one clock for all of its containers. So this is refused where a node is a container, where two nodes run on
//! one kernel, and where a node runs on ours, which was not named as one. The commands are tested as data: no test sets a
//! clock.

use std::{collections::BTreeMap, fs, time::Duration};

use control::{Command, Node, RemoteExt};

use super::{Deed, EXACT, measured};
use crate::{
    Case,
    plan::{Action, Expect},
};

const FACTS: &str = include_str!("facts.sh");
const NOW: &str = include_str!("now.sh");
const SET: &str = include_str!("set.sh");
const RESTORE: &str = include_str!("restore.sh");
const WRONG_BY: &str = include_str!("wrong_by.sh");
/// The time since the start is told in hundredths of a second.
const STEP: i64 = 20;

/// Refuses nodes whose clock is not their own.
pub(super) fn check(case: &mut Case<'_>) {
    case.root();
    let facts = Command::script::<&str>(FACTS, [])
        .root()
        .idempotent()
        .deadline(Duration::from_secs(10));
    let nodes = case.cluster.nodes();
    let answers = case
        .cluster
        .on_each(nodes, |_, remote| Ok(remote.run(&facts)?.text()));
    let mut kernels: BTreeMap<String, String> = BTreeMap::new();
    if let Ok(ours) = fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        kernels.insert(
            ours.trim().to_owned(),
            "this machine, which is no node".into(),
        );
    }
    for (node, answer) in nodes.iter().zip(answers) {
        let why = match answer {
            Err(error) => Some(error.to_string()),
            Ok(text) => objection(node, &text, &mut kernels),
        };
        if let Some(why) = why {
            case.refuse(
                why,
                "leave `machine` out: clocks of processes can be wrong anywhere",
            );
        }
    }
}

/// Why a node that says this of itself cannot have its clock set. Remembers its kernel.
fn objection(node: &Node, text: &str, kernels: &mut BTreeMap<String, String>) -> Option<String> {
    let (kernel, state) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(other) = kernels.insert(kernel.trim().to_owned(), node.name.clone()) {
        return Some(format!("{node} shares its clock with {other}"));
    }
    match state.trim() {
        "free" => None,
        "container" => Some(format!("{node} is a container, whose clock is its host's")),
        "forbidden" => Some(format!(
            "root on {node} may not set the clock (CAP_SYS_TIME)"
        )),
        _ => Some(format!("{node} has no `date` that knows milliseconds")),
    }
}

/// The machine's clock is set.
pub(super) fn set(node: &Node, milliseconds: i64) -> Action {
    let script = |script: &str, args: &[String]| {
        Command::script(&format!("{NOW}{script}"), args.iter().cloned())
            .root()
            .idempotent()
    };
    Action {
        node: node.name.clone(),
        apply: script(SET, &[milliseconds.to_string()]),
        undo: script(RESTORE, &[]),
        probe: measured(
            node,
            script(WRONG_BY, &[]),
            Deed::Jump(milliseconds).expect(STEP + EXACT),
            Expect::Between(0, 0),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objections(nodes: &[&str]) -> Vec<Option<String>> {
        let mut kernels = BTreeMap::from([("k0".to_owned(), "this machine".to_owned())]);
        let asked = nodes.iter().enumerate();
        asked
            .map(|(i, text)| objection(&Node::new(format!("n{i}"), ""), text, &mut kernels))
            .collect()
    }

    #[test]
    fn only_a_clock_that_is_nobody_elses_may_be_set() {
        assert_eq!(objections(&["k1\nfree", "k2\nfree"]), [None, None]);
        for (texts, why) in [
            (&["k0\nfree"][..], "n0 shares its clock with this machine"),
            (&["k1\nfree", "k1\nfree"], "n1 shares its clock with n0"),
            (&["k1\ncontainer"], "n0 is a container"),
            (&["k1\nforbidden"], "CAP_SYS_TIME"),
            (&["k1\nno date"], "milliseconds"),
            (&["k1"], "milliseconds"),
        ] {
            let said = objections(texts).pop().unwrap().unwrap();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn the_scripts_are_scripts() {
        for script in [FACTS, NOW, SET, RESTORE, WRONG_BY] {
            let shell = std::process::Command::new("sh")
                .args(["-n", "-c", script])
                .status();
            assert!(shell.unwrap().success(), "{script}");
        }
    }

    #[test]
    fn the_clock_is_restored_by_what_was_written_down_before_it_was_set() {
        let action = set(&Node::new("n1", ""), -5_000);
        let words = |command: &Command| command.argv.join("\n");
        let apply = words(&action.apply);
        assert!(apply.ends_with("\n-5000"));
        let (noted, stopped, wrong) = (
            apply.find("mv \"$file.new\" \"$file\"").unwrap(),
            apply.find("systemctl stop").unwrap(),
            apply.rfind("set_clock $((").unwrap(),
        );
        assert!(noted < stopped && stopped < wrong);
        let undo = words(&action.undo);
        assert!(undo.contains("[ -e \"$file\" ] || exit 0") && undo.contains("systemctl start"));
        assert!(action.apply.root && action.undo.root && action.undo.idempotent);
        assert_eq!(action.probe.during, Expect::Between(-5_022, -4_978));
    }
}
