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
    /// The same where only success matters: the first error, in the order of `nodes`, once all have ended.
    pub fn on_all<T: Send>(
        &self,
        nodes: &[Node],
        work: impl Fn(&Node, &dyn Remote) -> Result<T, Error> + Sync,
    ) -> Result<(), Error> {
        let each = self.on_each(nodes, work);
        each.into_iter().try_for_each(|result| result.map(drop))
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
    /// Its own wall clocks, where they can be wrong without the machine's; where there are none, those of its processes are
    /// made wrong from outside.
    fn clocks(&self) -> Option<&dyn Clocks> {
        None
    }
    /// Where it keeps its data, where that may be damaged.
    fn data_files(&self) -> Option<&dyn DataFiles> {
        None
    }
    /// What operators do with it while it serves.
    fn administration(&self) -> Option<&dyn Administration> {
        None
    }
    /// Who belongs to it, where that can be changed while it serves.
    fn membership(&self) -> Option<&dyn Membership> {
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
    /// Asks it to end with SIGTERM; exits with zero only once it is gone. `None` where it cannot be asked.
    fn terminate(&self, _node: &Node) -> Option<Command> {
        None
    }
    /// The file whose first word is its number, while it runs. `None` where there is none.
    fn pid_file(&self, _node: &Node) -> Option<String> {
        None
    }
    /// The file of which each line `NAME=value` is added to the environment of what is started, should there be such a file.
    /// `None` where nothing can be added.
    fn environment_file(&self, _node: &Node) -> Option<String> {
        None
    }
    /// Whether its programs read the clock without the C library, as those in Go do: then no library that is loaded into
    /// them shows them another time.
    fn bypasses_libc(&self) -> bool {
        false
    }
}

/// The capability: wall clocks that can be made wrong, a node's alone. All commands are idempotent.
pub trait Clocks: Send + Sync {
    /// Makes the clock that the system on a node goes by wrong by so many milliseconds, until it is told otherwise; zero
    /// mends it.
    fn set(&self, node: &Node, milliseconds: i64) -> Command;
    /// Prints by how many milliseconds that clock is wrong, measured by asking the system: `5000 ms`.
    fn wrong_by(&self, node: &Node) -> Command;
}

/// The capability: telling where on a node the data is.
pub trait DataFiles: Send + Sync {
    /// The directories that hold all of a node's data, as absolute paths.
    fn directories(&self, node: &Node) -> Vec<String>;
}

/// The capability: telling which node leads.
pub trait Primaries: Send + Sync {
    /// The nodes that say they lead, now; empty while there is none.
    fn primaries(&self, cluster: &Cluster) -> Result<Vec<Node>, Error>;
}

/// The capability: what operators do with a system that goes on serving.
pub trait Administration: Send + Sync {
    /// The programs that its commands need on the nodes.
    fn programs(&self) -> &[&str];
    /// Run on `from`, which leads: makes `to` lead. `None` where nobody can.
    fn move_leader(&self, _from: &Node, _to: &Node) -> Option<Command> {
        None
    }
    /// Run on `node`: prints `leads`, or something else. `None` where nobody leads.
    fn leads(&self, _node: &Node) -> Option<Command> {
        None
    }
    /// What should be done from time to time.
    fn chores(&self, _node: &Node) -> Vec<Chore> {
        Vec::new()
    }
}

/// Something that operators do from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chore {
    /// Its name: `defragment`.
    pub name: String,
    /// Does it.
    pub run: Command,
    /// Prints a line that is another one once it was done.
    pub look: Command,
}

/// The capability: members that leave a system which goes on serving, and join it. All commands are run on the node of the
/// member that they are about, and ask the others. A change may take effect although whoever asked for it was told nothing,
/// or an error: every command looks first, and exits with zero only once it has seen that things are as they shall be.
pub trait Membership: Send + Sync {
    /// The others no longer count on it. What it is left with, its process and its data, is up to the system.
    fn remove(&self, member: &Node, others: &[Node]) -> Command;
    /// The others count on it again.
    fn add(&self, member: &Node, others: &[Node]) -> Command;
    /// After it was removed and added: it takes part, with no data but what the others give it. Does nothing if it takes
    /// part already.
    fn join(&self, member: &Node) -> Command;
    /// Prints the names of all members that the others count on, one a line.
    fn members(&self, member: &Node, others: &[Node]) -> Command;
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

/// How a link is cut, where that is not all of it in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manner {
    /// Whether senders are told, by resets and by ICMP, rather than left to time out.
    pub reject: bool,
    /// Only what is for or from these ports, TCP and UDP; everything if there are none.
    pub ports: Vec<u16>,
    /// Only this protocol; any if there is none.
    pub protocol: Option<Protocol>,
}

/// What packets carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, or ICMPv6 but for what finds neighbours: pings, and word of packets that are too big or did not arrive.
    Icmp,
}

impl Protocol {
    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

/// What happens to the messages of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// How long each is held back, in milliseconds.
    pub delay: u64,
    /// By how much that is more or less at most, in milliseconds.
    pub jitter: u64,
    /// How many are lost, in percent.
    pub loss: f64,
}

/// What is measured of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// How long a message and its answer take, in milliseconds: `12 ms`.
    RoundTrip,
    /// How many are never answered, in percent: `30 lost`.
    Loss,
}

/// The capability: links that can be cut. A cut is named by its fault, so that faults which overlap heal
/// independently. All commands are idempotent.
pub trait Net: Send + Sync {
    /// How it is done, for people: `nftables`, `iptables`, `the store's own links`.
    fn means(&self) -> &str;
    /// Makes `node` drop what arrives from `from`. What it sends still leaves: a two-way cut is two one-way cuts.
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command;
    /// The same in another manner; `None` where there is no other.
    fn cut_as(&self, fault: &str, node: &Node, from: &[Peer], manner: &Manner) -> Option<Command> {
        (*manner == Manner::default()).then(|| self.cut(fault, node, from))
    }
    /// Takes all of this fault's cuts on `node` away; exits with zero too if there are none.
    fn heal(&self, fault: &str, node: &Node) -> Command;
    /// Prints, one a line, the names of the faults that still cut something on `node`.
    fn remaining(&self, node: &Node) -> Command;
    /// Run on `node`: sends something to `to` that must be answered, and exits with zero iff it was, within a second.
    fn reaches(&self, node: &Node, to: &Node) -> Command;
    /// The same at a TCP port, where a refusal is an answer too; `None` where ports mean nothing.
    fn reaches_port(&self, _node: &Node, _to: &Node, _port: u16) -> Option<Command> {
        None
    }
    /// Run on `node`: sends some packets of this protocol to `to`, for a port where that means something, and does not wait
    /// for an answer. `None` where protocols mean nothing.
    fn sends(&self, _node: &Node, _to: &Node, _by: Protocol, _port: u16) -> Option<Command> {
        None
    }
    /// Whether it can also make links slow and lossy, as systems can that have links of their own.
    fn slows(&self) -> bool {
        false
    }
    /// Makes what arrives at `node` from each of these late, or lost, by choices that follow from the seed; healed as cuts
    /// are. `None` where links are only cut.
    fn slow(
        &self,
        _fault: &str,
        _node: &Node,
        _from: &[(Node, Slow)],
        _seed: u64,
    ) -> Option<Command> {
        None
    }
    /// Run on `node`: measures the link to another; `None` where that is for others to do.
    fn measure(&self, _what: Measure, _node: &Node, _to: &Node) -> Option<Command> {
        None
    }
    /// Prints how many packets from all of this fault's peers were dropped on `node`, as one number. Exits with
    /// non-zero where that cannot be known.
    fn dropped(&self, fault: &str, node: &Node) -> Command;
}
