//! How to reach a node, and what can be done with a system there.

mod capability;
mod command;
mod daemon;
mod node;
mod remote;

pub use capability::{Cluster, Net, Peer, Primaries, Processes, System};
pub use command::{Command, Output};
pub use daemon::Daemon;
pub use node::Node;
pub use remote::{Error, Remote, RemoteExt};
