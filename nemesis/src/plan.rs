//! Decide, then do: what a fault will do, as data. A plan can be shown before it is carried out, is written to the ledger
//! with everything needed to undo it, and can be carried out again from a file. Only `inject` runs anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use control::{Command, Net, Node, Processes, System};
use history::fault::FaultId;
use serde::{Deserialize, Serialize};

use crate::{Capabilities, Case, Kind, Sole};

/// What a fault will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What sort of fault.
    pub kind: Kind,
    /// What exactly, for people: `{n1 n2} | {n3 n4 n5}`.
    pub what: String,
    /// The nodes it is aimed at.
    pub nodes: Vec<String>,
    /// For a partition, the groups of nodes that can still talk to each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Vec<String>>,
    /// For a partition, the directed links that it cuts: `(from, to)`. Our clients are [`CLIENTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<(String, String)>,
    /// The directed links on which packets are delayed, lost or spoiled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shaped: Vec<(String, String)>,
    /// What it must have of nodes for itself alone, besides the processes whose state it changes: `(node, what)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sole: Vec<(String, Sole)>,
    /// What to do, at most one a node.
    pub actions: Vec<Action>,
    /// How to see that links are cut, and that others are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Probe>,
    /// What was decided that was not asked in so many words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The name of our clients as an end of a link.
pub const CLIENTS: &str = "clients";

/// What to do on one node, and how to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Where.
    pub node: String,
    /// What breaks it.
    pub apply: Command,
    /// What mends it: idempotent, and harmless where `apply` never ran.
    pub undo: Command,
    /// How to see on this node alone whether it is broken or mended.
    pub probe: Probe,
}

/// A question, and the answers that show that a fault is in force, or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// What it is about.
    pub role: Role,
    /// How it is asked.
    pub ask: Ask,
    /// What shows that the fault is in force.
    pub during: Expect,
    /// What shows that it is gone.
    pub after: Expect,
    /// The link it looks at, as `(from, to)`; another fault that cuts the same link makes its answer worthless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<(String, String)>,
    /// Nodes whose process must run for the answer to mean anything: where the system itself answers for its links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// What a probe is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The state of a process.
    State,
    /// The rules that are in place on a node. They show what was applied, not that it bites.
    Rules,
    /// A link across the cut.
    Across,
    /// A link that is not cut.
    Inside,
    /// What our clients reach.
    Client,
    /// What a node has dropped.
    Dropped,
    /// What the fault does to a node, measured there: a clock, a delay, a file, a load.
    Effect,
}

/// How a probe is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// By a command on a node.
    On {
        /// Where.
        node: String,
        /// What.
        command: Command,
    },
    /// By a TCP connection from here, where the clients are.
    Connect {
        /// Host name or address.
        address: String,
        /// Port.
        port: u16,
    },
}

/// An answer that is hoped for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// Exit status zero, or an open connection.
    Succeeds,
    /// Another exit status, or no connection.
    Fails,
    /// This, and nothing else.
    Prints(String),
    /// Lines of which one is this.
    Lists(String),
    /// Lines of which none is this.
    Lacks(String),
    /// A number above zero.
    Positive,
    /// A line that begins with a whole number from the first to the second: `51 ms`.
    Between(i64, i64),
    /// Any: it is asked for the packets that it sends, or not at all.
    Anything,
}

/// What a fault may look at when it decides.
pub struct View<'a> {
    /// The number of the fault that is being planned.
    pub fault: FaultId,
    /// The nodes, in their order.
    pub nodes: &'a [Node],
    /// The addresses of our clients; empty where they are not known.
    pub control_addresses: &'a [String],
    /// The port at which a node serves clients.
    pub client_port: &'a dyn Fn(&Node) -> u16,
    /// How links are cut.
    pub net: Option<&'a dyn Net>,
    /// Whether the system cuts its links itself, inside its processes.
    pub own_links: bool,
    /// How processes are killed and paused.
    pub processes: Option<&'a dyn Processes>,
    /// The system itself, for what else it can do.
    pub system: &'a dyn System,
    /// What the cluster can do beyond that.
    pub capabilities: &'a Capabilities,
    /// Whether this system has a leader that can be asked for.
    pub has_leader: bool,
    /// Who leads, if that was asked.
    pub leaders: &'a Leaders,
    /// Nodes whose process is killed or paused already, and by which fault.
    pub busy: &'a BTreeMap<String, FaultId>,
    /// Nodes that a fault in force has cut off from a majority.
    pub apart: &'a BTreeSet<String>,
    /// Whether a fault in force leaves each node no more than a majority to talk to, as a ring does.
    pub tight: bool,
}

impl View<'_> {
    /// How a fault is named on the nodes: `f3`.
    pub fn fault_name(&self) -> String {
        format!("f{}", self.fault.0)
    }
    /// The names of all nodes.
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|n| n.name.clone()).collect()
    }
    /// The nodes that cannot do their part already: killed, paused, or cut off from a majority.
    pub fn impaired(&self) -> BTreeSet<&str> {
        let taken = self.busy.keys().chain(self.apart);
        taken.map(String::as_str).collect()
    }
    /// How many more may be impaired while a majority is left that can work. Faults on several tracks overlap by
    /// accident, and an accident should not decide that nothing can be seen; whoever wants to take the majority away
    /// says so (`at: majority`).
    pub fn spare(&self) -> usize {
        if self.tight {
            return 0;
        }
        (self.nodes.len().saturating_sub(1) / 2).saturating_sub(self.impaired().len())
    }
    /// Where this program lies on a node, for faults that need it there ([`Case::helper`]).
    pub fn helper(&self, node: &Node) -> Result<&str, Skip> {
        let path = self.capabilities.helper.get(&node.name);
        path.map(String::as_str)
            .ok_or_else(|| Skip(format!("this program is not on {}", node.name)))
    }
    /// The node of this name.
    pub fn node(&self, name: &str) -> Result<&Node, Skip> {
        self.nodes
            .iter()
            .find(|n| n.name == name)
            .ok_or_else(|| Skip(format!("no node {name} in the cluster")))
    }
}

/// Who leads, as far as a fault needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaders {
    /// Nobody asked, or the system has no leader.
    NotAsked,
    /// These nodes say that they do, in the cluster's order; why there is none, where that is known.
    Said(Vec<String>, String),
}

/// Why a fault was not injected. It is recorded, and not an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Skip(pub String);

/// Something bad that can be done to a cluster.
pub trait Fault {
    /// What people are told of it.
    fn about(&self) -> About;

    /// Refuses what could never work here, and finds out with what means it can.
    fn check(&self, case: &mut Case<'_>);

    /// Decides what exactly. All choice comes from the seed and the view: the same of both give the same plan.
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip>;

    /// Whether the plan from this seed for this many nodes will want to know who leads.
    fn wants_leader(&self, _nodes: usize, _has_leader: bool, _seed: u64) -> bool {
        false
    }

    /// Aims it at one more place, as in `kill@leader`; false if it has none.
    fn aim(&mut self, _at: &str) -> bool {
        false
    }

    /// The places it may strike, for people; empty where nothing was said.
    fn places(&self) -> String {
        String::new()
    }
}

/// What people are told of a sort of fault; each a sentence without a full stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct About {
    /// What it does.
    pub does: &'static str,
    /// What it needs.
    pub needs: &'static str,
    /// How it is seen to bite.
    pub verified: &'static str,
    /// How it is undone.
    pub healed: &'static str,
}

impl Plan {
    /// A plan that does nothing yet.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            nodes: Vec::new(),
            sides: Vec::new(),
            cuts: Vec::new(),
            shaped: Vec::new(),
            sole: Vec::new(),
            actions: Vec::new(),
            probes: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.what)
    }
}
