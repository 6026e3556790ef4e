//! Where a node is, who we are there, and whom we expect to meet.

use std::{fmt, path::PathBuf, time::Duration};

use crate::{Error, Node};

/// A secret that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// The keys that the user's SSH agent has.
    Agent,
    /// A private key.
    Key {
        /// Its file.
        file: PathBuf,
        /// What it is encrypted with.
        passphrase: Option<Password>,
    },
    /// A password.
    Password(Password),
}

/// Which host keys are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeys {
    /// Those in a file of OpenSSH's form.
    Known(PathBuf),
    /// This one, `ssh-ed25519 AAAA…`: for hosts that we made ourselves.
    Pinned(String),
}

/// Everything needed to log in to a node.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub(super) node: Node,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) auth: Vec<Auth>,
    pub(super) host_keys: HostKeys,
    pub(super) sudo_password: Option<Password>,
    pub(super) patience: Duration,
}

impl Endpoint {
    /// This node at its own address, port 22, logged in as `user` with the agent's keys, trusting `host_keys`.
    pub fn new(node: Node, user: impl Into<String>, host_keys: HostKeys) -> Self {
        Self {
            host: node.address.clone(),
            node,
            port: 22,
            user: user.into(),
            auth: vec![Auth::Agent],
            host_keys,
            sudo_password: None,
            patience: Duration::from_secs(10),
        }
    }
    /// The same, at another port.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }
    /// The same, trying these ways to log in, in this order.
    pub fn auth(mut self, auth: Vec<Auth>) -> Self {
        self.auth = auth;
        self
    }
    /// The same, with a password for sudo.
    pub fn sudo_password(mut self, password: Option<Password>) -> Self {
        self.sudo_password = password;
        self
    }
    /// The same, giving up after this long on connecting and logging in, and on a session that does not react.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
    /// `host:port`, as people write it.
    pub(super) fn address(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
    /// The name in `known_hosts`: `host`, or `[host]:port` where the port is not SSH's own.
    pub(super) fn known_as(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        match self.port {
            22 => host,
            port => format!("[{host}]:{port}"),
        }
    }
    pub(super) fn unreachable(&self, reason: String) -> Error {
        Error::Unreachable {
            node: self.node.name.clone(),
            address: self.address(),
            reason,
        }
    }
}
