//! Registers on etcd: a key each, values in decimal.

use kit::{Certainty, Key, Node, Register, Target, Via};
use serde_json::Value;

use crate::{
    CLIENT_PORT,
    gateway::{self, Gateway, GatewayError},
};

/// Opens clients, each with a connection of its own to one member.
#[derive(Debug, Clone, Copy, Default)]
pub struct EtcdTarget {
    /// Whether reads may be answered from the member's own state, without asking the leader. etcd documents that such
    /// reads can be stale.
    pub serializable: bool,
}

impl Target<history::Register> for EtcdTarget {
    type Client = Via<EtcdClient>;
    async fn connect(&self, node: &Node) -> Result<Via<EtcdClient>, String> {
        // Says now, and not at the first call, that nobody is there.
        let tcp = tokio::net::TcpStream::connect((node.address.as_str(), CLIENT_PORT));
        tcp.await.map_err(|e| e.to_string())?;
        let gateway = Gateway::new(&node.address, CLIENT_PORT).map_err(|e| e.to_string())?;
        Ok(Via(EtcdClient {
            gateway,
            serializable: self.serializable,
        }))
    }
}

/// Speaks to one member.
#[derive(Debug)]
pub struct EtcdClient {
    gateway: Gateway,
    serializable: bool,
}

/// Where our keys live.
fn path(key: &Key) -> String {
    format!("schism/{key}")
}

impl Register for EtcdClient {
    type Error = GatewayError;

    fn classify(error: &GatewayError) -> (Certainty, &'static str) {
        error.classify()
    }

    async fn read(&mut self, key: &Key) -> Result<Option<i64>, GatewayError> {
        let asked = gateway::range(&path(key), self.serializable);
        let answer = self.gateway.post("kv/range", &asked).await?;
        gateway::value_of(&answer)?
            .map(|text| {
                text.parse().map_err(|_| GatewayError::Strange {
                    status: 200,
                    body: text,
                })
            })
            .transpose()
    }

    async fn write(&mut self, key: &Key, value: i64) -> Result<(), GatewayError> {
        let asked = gateway::put(&path(key), &value.to_string());
        self.gateway.post("kv/put", &asked).await.map(drop)
    }

    async fn cas(&mut self, key: &Key, from: i64, to: i64) -> Result<Option<bool>, GatewayError> {
        let asked = gateway::swap(&path(key), &from.to_string(), &to.to_string());
        let answer = self.gateway.post("kv/txn", &asked).await?;
        // `false` is left out of the answer, as proto3's JSON mapping does.
        Ok(Some(
            answer
                .get("succeeded")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        ))
    }
}
