//! The default target: a small replicated store that runs anywhere. Five real processes of schism's own binary on
//! loopback ports, no root, nothing to install; killed and paused with real signals. Only the links between them are
//! cut inside the store, because an ordinary user has no packet filter.
//!
//! Two ways to replicate. [`Mode::Consensus`] is Raft (the `openraft` crate): every operation is linearizable.
//! [`Mode::Quorum`] has no leader and lets the last write win by wall clock, as Dynamo's descendants do (G. DeCandia et
//! al., "Dynamo: Amazon's highly available key-value store", SOSP 2007): with few acknowledgements it is fast,
//! available, and wrong in ways that a checker must find.
//!
//! ```text
//! schism ──spawns──► guard ──spawns──► n1 … n5      each dies (PDEATHSIG) when the one to its left does
//!    │                 ▲ start, reset, stop: a Unix socket in the cluster's directory
//!    └─ capability commands: `schism node embedded kill --dir D n1`, like those of any other target
//! ```
//!
//! State is files in one directory, so that a later process can say what remains and undo it: `cluster.json` (ports,
//! token, mode), and for each node `pid.json`, `cuts.json`, `clock.json`, `log.jsonl` and `server.log`.

mod chronicle;
mod client;
mod clock;
mod commands;
mod consensus;
mod guard;
mod journal;
mod layout;
mod links;
mod peers;
mod process;
mod quorum;
mod server;
mod system;
mod target;
mod wire;

pub use client::{Client, ClientError};
pub use commands::node_main;
pub use layout::Mode;
pub use system::{Embedded, EmbeddedConfig, LaunchError};
pub use target::EmbeddedTarget;
