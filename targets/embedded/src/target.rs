//! The store as the runner drives it.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use control::{Node, System};
use kit::{Certainty, Key, Register, Target, Via};
use tokio::{net::TcpStream, time::timeout};

use crate::{Client, ClientError, Embedded};

/// How long a connection may take to be accepted; by the kernel, so a paused server's is too.
const CONNECT: Duration = Duration::from_secs(2);

/// Opens clients of an [`Embedded`] cluster. It keeps nothing alive.
#[derive(Debug, Clone)]
pub struct EmbeddedTarget {
    ports: BTreeMap<String, u16>,
}

impl Embedded {
    /// What the runner needs.
    pub fn target(&self) -> EmbeddedTarget {
        let port = |node: &Node| (node.name.clone(), self.client_port(node));
        EmbeddedTarget {
            ports: self.nodes().iter().map(port).collect(),
        }
    }
}

impl Target<history::Register> for EmbeddedTarget {
    type Client = Via<Client>;
    async fn connect(&self, node: &Node) -> Result<Via<Client>, String> {
        let port = *self.ports.get(&node.name).ok_or("no such node")?;
        // Says now, and not at the first call, that nobody is there.
        match timeout(CONNECT, TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await {
            Ok(Ok(_)) => Ok(Via(Client::new(port))),
            Ok(Err(e)) => Err(e.to_string()),
            Err(_) => Err(format!("not accepted within {CONNECT:?}")),
        }
    }
}

impl Register for Client {
    type Error = ClientError;
    fn classify(error: &ClientError) -> (Certainty, &'static str) {
        let certainty = match error.is_definite() {
            true => Certainty::DidNotHappen,
            false => Certainty::MayHaveHappened,
        };
        (certainty, error.class())
    }
    async fn read(&mut self, key: &Key) -> Result<Option<i64>, ClientError> {
        Self::read(self, &key.to_string()).await
    }
    async fn write(&mut self, key: &Key, value: i64) -> Result<(), ClientError> {
        Self::write(self, &key.to_string(), value).await
    }
    async fn cas(&mut self, key: &Key, from: i64, to: i64) -> Result<Option<bool>, ClientError> {
        match Self::cas(self, &key.to_string(), from, to).await {
            Ok(()) => Ok(Some(true)),
            Err(ClientError::Mismatch) => Ok(Some(false)),
            Err(ClientError::Unsupported) => Ok(None),
            Err(e) => Err(e),
        }
    }
}
