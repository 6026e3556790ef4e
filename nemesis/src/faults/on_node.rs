//! What faults of single nodes are made of: names for what they leave there, commands one after the other, and questions
//! about what they do.

use control::{Command, Node, quote};

use crate::plan::{Ask, Expect, Probe, Role, Skip, View};

/// A name for what a fault keeps on a node: no other fault's, no other run's, and no other node's, should several share a
/// machine.
pub(super) fn mark(view: &View<'_>, node: &Node, seed: u64) -> String {
    let place = view
        .nodes
        .iter()
        .position(|n| n == node)
        .unwrap_or_default();
    format!("{}-{place}-{:08x}", view.fault_name(), seed & 0xffff_ffff)
}

/// A command as a line for a shell.
pub(crate) fn line(command: &Command) -> Result<String, Skip> {
    if command.stdin.is_some() {
        return Err(Skip(
            "a command that must be told something cannot be part of a script".into(),
        ));
    }
    quote(&command.argv).map_err(|error| Skip(error.to_string()))
}

/// Commands one after the other, as long as each succeeds.
pub(crate) fn chain(commands: &[&Command]) -> Result<Command, Skip> {
    let lines: Vec<String> = commands.iter().map(|c| line(c)).collect::<Result<_, _>>()?;
    let chained = Command::script::<&str>(&lines.join(" &&\n"), [])
        .deadline(commands.iter().map(|c| c.deadline).sum());
    Ok(Command {
        root: same_login(commands)?,
        idempotent: commands.iter().all(|c| c.idempotent),
        ..chained
    })
}

/// Whether root runs all of them, or nobody special does: one script has one login.
pub(crate) fn same_login(commands: &[&Command]) -> Result<bool, Skip> {
    let root = commands.iter().any(|c| c.root);
    if commands.iter().any(|c| c.root != root) {
        return Err(Skip(
            "some of what it takes must be done as root, and some must not".into(),
        ));
    }
    Ok(root)
}

/// Measures on a node what a fault does there.
pub(super) fn effect(node: &Node, command: Command, during: Expect, after: Expect) -> Probe {
    Probe {
        role: Role::Effect,
        ask: Ask::On {
            node: node.name.clone(),
            command,
        },
        during,
        after,
        link: None,
        needs: Vec::new(),
    }
}

/// Any number above zero.
pub(super) fn some() -> Expect {
    Expect::Between(1, i64::MAX)
}

/// None.
pub(super) fn none() -> Expect {
    Expect::Prints("0".into())
}
