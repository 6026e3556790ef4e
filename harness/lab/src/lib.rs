//! A local cluster of namespaces with sshd, created in well under a second and destroyed without a trace.
//!
//! A node has its own processes, files, network, host name and IPC, and is reached as a real machine is: by SSH, as
//! root, with a key. So whatever is tested in a lab is tested by the same code that works on rented machines.
//!
//! ```text
//! owner (schism run, schism lab up)
//!  └─ supervisor = PID 1 of the lab's PID namespace, with its own mount, network and IPC namespaces
//!      ├─ bridge br0 10.77.0.254/24: the control network; no route leads out of it
//!      └─ n1 … nN: each a PID 1 in its own PID, mount, network, UTS and IPC namespaces
//!           overlay of the host's root, private /tmp /root /run /dev /proc, sshd
//! ```
//!
//! Everything hangs on the supervisor: when the first process of a PID namespace dies, the kernel kills all others in it
//! and in those below, and mounts, links and bridges go with the last process of their namespaces. Nothing needs to be
//! undone, so nothing can be forgotten, not even after `kill -9`. The supervisor itself hangs, where the lab is
//! *owned*, on a pipe from its owner. (Not on the parent-death signal: that one is tied to the *thread* that forked, and
//! pools of threads retire theirs.) The host's network namespace never gets a link, a route or a firewall rule; whoever
//! wants to talk to nodes calls [`Lab::enter_network`] first.
//!
//! A lab isolates tests from each other and from the host; it does not contain malice. Root in a node shares the kernel
//! with the host.
//!
//! Measurements and the alternatives that were tried are in the project's design notes (LAB.md). Sources:
//! pid_namespaces(7), mount_namespaces(7), pivot_root(2), the kernel's `Documentation/filesystems/overlayfs.rst`.

mod config;
mod creation;
mod error;
mod lab;
mod launch;
mod machine;
mod network;
mod node;
mod preflight;
mod privileges;
mod process;
mod protocol;
mod removal;
mod root;
mod rundir;
mod sshd;
mod supervisor;

pub use config::{LABS, LabConfig, MAX_NODES, Storage};
pub use error::{LabError, Missing};
pub use lab::{Lab, NodeStatus, SshAccess};
pub use node::node_init_main;
pub use preflight::preflight;
pub use protocol::NodeState;
pub use supervisor::supervisor_main;
