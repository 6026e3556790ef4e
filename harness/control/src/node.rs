//! A member of the cluster under test.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A machine, namespace, container or process under test.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node {
    /// Its short name: `n1`.
    pub name: String,
    /// The address at which clients and other nodes reach it, without a port: `10.77.0.1`, `db1.example`.
    pub address: String,
}

impl Node {
    /// A node.
    pub fn new(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: address.into(),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
