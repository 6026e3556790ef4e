//! etcd: installed from Debian's package, started by hand over SSH, spoken to through its own HTTP/JSON gateway.
//!
//! - [`Etcd`] is the system: install, start, kill, pause, find the leader, collect logs.
//! - [`EtcdTarget`] opens clients, [`client::EtcdClient`] is one.
//! - [`gateway`] is the wire: requests, answers, errors, and what each error says about the call.

mod administration;
pub mod client;
pub mod gateway;
mod membership;
mod system;

pub use client::{EtcdClient, EtcdTarget};
pub use system::{CLIENT_PORT, Etcd, PEER_PORT};
