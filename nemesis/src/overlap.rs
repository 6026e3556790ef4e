//! Which faults cannot be in force on a node at the same time. All others overlap as they like, and heal in any order: each
//! keeps what it needs under a mark of its own, so that no undo touches what another fault has done.
//!
//! Two faults of processes never meet, because the second is aimed elsewhere (`choice`). What else a node has only one of
//! is named by the plan ([`Plan::sole`]), and a fault that would want it as well is skipped, with the reason.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::{Action, Plan, Role};

/// What a node has only one of, so that two faults could not each restore what they found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sole {
    /// The clock that the system goes by: it is wrong by what was said last.
    Clock,
    /// The limit on open files of its processes.
    OpenFiles,
    /// The traffic control of the devices that lead to the other nodes: there is one root.
    TrafficControl,
    /// The threads of its processes: what is frozen by its control group cannot be stopped by a debugger.
    Threads,
}

impl fmt::Display for Sole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clock => "the clock",
            Self::OpenFiles => "the limit on open files",
            Self::TrafficControl => "the traffic control",
            Self::Threads => "the threads",
        })
    }
}

impl Plan {
    /// What this plan and another both want and only one can have: `the clock of n2`. None if they may overlap.
    pub fn both_want(&self, other: &Self) -> Option<String> {
        let process = self
            .processes()
            .find(|node| other.processes().any(|theirs| theirs == *node));
        let sole = || self.sole.iter().find(|mine| other.sole.contains(mine));
        process
            .map(|node| format!("the process of {node}"))
            .or_else(|| sole().map(|(node, what)| format!("{what} of {node}")))
    }

    /// The nodes whose process is its to stop, start and look at.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &str> {
        let state = |action: &&Action| action.probe.role == Role::State;
        let actions = self.actions.iter().filter(state);
        actions.map(|action| action.node.as_str())
    }

    /// The same, with this of each node that it acts on for itself alone.
    pub(crate) fn alone_with(mut self, what: &[Sole]) -> Self {
        let nodes = self.actions.iter().map(|action| &action.node);
        self.sole = nodes
            .flat_map(|node| what.iter().map(|sole| (node.clone(), *sole)))
            .collect();
        self
    }
}
