//! What can be done with a system on its nodes. Targets provide capabilities, faults ask for them; neither knows the
//! other. Each capability answers with [`Command`]s, which are data: they can be shown, tested, and written to the
//! ledger before they are run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Command, Error, Node, Remote};

/// The nodes of a run, and how to reach each.
#[derive(Clone)]
pub struct Cluster {
    nodes: Vec<Node>,
    remotes: BTreeMap<String, Arc<dyn Remote>>,
    /// The addresses from which our clients reach the nodes: what "the clients' side" of a partition means. Empty
    /// where that is not known.
    pub control_addresses: Vec<String>,
}

impl Cluster {
    /// From one remote a node.
    pub fn new(remotes: Vec<Arc<dyn Remote>>, control_addresses: Vec<String>) -> Self {
        let nodes = remotes.iter().map(|r| r.node().clone()).collect();
        let remotes = remotes
            .into_iter()
            .map(|r| (r.node().name.clone(), r))
            .collect();
        Self {
            nodes,
            remotes,
            control_addresses,
        }
    }
    /// Its nodes, in the order given.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// The way to a node.
    ///
    /// # Panics
    /// If the node is not of this cluster.
    pub fn remote(&self, node: &str) -> &Arc<dyn Remote> {
        self.remotes.get(node).expect("a node of this cluster")
    }
    /// Does something on several nodes at once and waits for all; the answers are in the order of `nodes`.
    pub fn on_each<T: Send>(
        &self,
        nodes: &[Node],
        work: impl Fn(&Node, &dyn Remote) -> Result<T, Error> + Sync,
    ) -> Vec<Result<T, Error>> {
        std::thread::scope(|scope| {
            let handles: Vec<_> = nodes
                .iter()
                .map(|node| {
                    let work = &work;
                    let remote = self.remote(&node.name);
                    scope.spawn(move || work(node, &**remote))
                })
                .collect();
            handles
                .into_iter()
                .map(|h| {
                    h.join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        })
    }
}

/// A system under test, as the harness sees it before any client exists. Methods that act are blocking and bounded.
pub trait System: Send + Sync {
    /// Its name: `etcd`.
    fn name(&self) -> &str;
    /// Its version, once known.
    fn version(&self, cluster: &Cluster) -> Result<String, Error>;
    /// Puts it on the nodes where it is missing.
    fn install(&self, cluster: &Cluster) -> Result<(), Error>;
    /// Starts a fresh cluster: what an earlier run left is removed first.
    fn start(&self, cluster: &Cluster) -> Result<(), Error>;
    /// Waits until every node serves, or the time is up.
    fn await_healthy(&self, cluster: &Cluster, within: Duration) -> Result<(), Error>;
    /// Stops it and removes its data.
    fn stop(&self, cluster: &Cluster) -> Result<(), Error>;
    /// The port at which a node serves clients.
    fn client_port(&self, node: &Node) -> u16;
    /// Its processes, where they can be killed and started.
    fn processes(&self) -> Option<&dyn Processes> {
        None
    }
    /// Its leader, where it has one.
    fn primaries(&self) -> Option<&dyn Primaries> {
        None
    }
    /// Its own way to cut links; where there is none, the nodes' packet filter is used.
    fn net(&self) -> Option<&dyn Net> {
        None
    }
    /// Files of a node worth keeping after a run.
    fn log_files(&self, _node: &Node) -> Vec<String> {
        Vec::new()
    }
}

/// The capability: processes that can be killed, started, paused and resumed. All commands are idempotent.
pub trait Processes: Send + Sync {
    /// Kills the system's process on a node with SIGKILL; exits with zero only once it is gone.
    fn kill(&self, node: &Node) -> Command;
    /// Starts it with the data it has; does nothing if it runs. Exits with zero once the process exists.
    fn start(&self, node: &Node) -> Command;
    /// Stops all its threads with SIGSTOP.
    fn pause(&self, node: &Node) -> Command;
    /// Lets them go on with SIGCONT; exits with zero too if the process is gone.
    fn resume(&self, node: &Node) -> Command;
    /// Prints `running`, `paused` or `gone`, and exits with zero.
    fn state(&self, node: &Node) -> Command;
}

/// The capability: telling which node leads.
pub trait Primaries: Send + Sync {
    /// The nodes that say they lead, now; empty while there is none.
    fn primaries(&self, cluster: &Cluster) -> Result<Vec<Node>, Error>;
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Peer {
    /// Another node.
    Node(Node),
    /// Our clients, at these addresses, as far as they talk to this port of the system: never our own SSH.
    Clients {
        /// Where they come from.
        addresses: Vec<String>,
        /// The port at which the node serves them.
        port: u16,
    },
}

/// The capability: links that can be cut. A cut is named by its fault, so that faults which overlap heal
/// independently. All commands are idempotent.
pub trait Net: Send + Sync {
    /// How it is done, for people: `nftables`, `iptables`, `the store's own links`.
    fn means(&self) -> &str;
    /// Makes `node` drop what arrives from `from`. What it sends still leaves: a two-way cut is two one-way cuts.
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command;
    /// Takes all of this fault's cuts on `node` away; exits with zero too if there are none.
    fn heal(&self, fault: &str, node: &Node) -> Command;
    /// Prints, one a line, the names of the faults that still cut something on `node`.
    fn remaining(&self, node: &Node) -> Command;
    /// Run on `node`: sends something to `to` that must be answered, and exits with zero iff it was, within a second.
    fn reaches(&self, node: &Node, to: &Node) -> Command;
    /// Prints how many packets from all of this fault's peers were dropped on `node`, as one number. Exits with
    /// non-zero where that cannot be known.
    fn dropped(&self, fault: &str, node: &Node) -> Command;
}
