//! How to reach a node, and what can be done with a system there.

mod capability;
mod command;
mod daemon;
mod local;
mod node;
mod quote;
mod remote;
mod ssh;
mod sudo;

pub use capability::{
    Administration, Chore, Clocks, Cluster, DataFiles, Manner, Measure, Membership, Net, Peer,
    Primaries, Processes, Protocol, Slow, System,
};
pub use command::{Command, Output};
pub use daemon::{Daemon, Daemons};
pub use local::Local;
pub use node::Node;
pub use quote::{Unquotable, quote};
pub use remote::{Error, Remote, RemoteExt};
pub use ssh::{Auth, Endpoint, HostKeys, Password, Ssh};
