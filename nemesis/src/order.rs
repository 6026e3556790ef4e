//! What the schedule asks of the nemesis: the calls and returns of its own [`Operation`], so that the same scheduler that
//! drives the clients drives the faults.

use history::{Operation, fault::FaultId};
use serde::{Deserialize, Serialize};

use crate::FaultSpec;

/// The nemesis, as a family of calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Nemesis;

impl Operation for Nemesis {
    type Call = Order;
    type Return = Carried;
}

/// What to do. Every decision that follows is a function of it and of the cluster's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Inject a fault under this number.
    Inject {
        /// The number, new in this run.
        fault: FaultId,
        /// What sort, and where.
        spec: FaultSpec,
        /// From which everything else is chosen.
        seed: u64,
    },
    /// Take it back.
    Heal {
        /// Which.
        fault: FaultId,
    },
}

impl Order {
    /// The fault it is about.
    pub fn fault(&self) -> FaultId {
        match self {
            Self::Inject { fault, .. } | Self::Heal { fault } => *fault,
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carried {
    /// It was applied everywhere.
    Injected {
        /// What exactly, for people.
        what: String,
        /// Whether a probe saw it bite.
        verified: bool,
    },
    /// It was undone everywhere; also if there was nothing to undo.
    Healed {
        /// Whether a probe saw that it was gone.
        verified: bool,
    },
}
