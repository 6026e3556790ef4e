//! What the checks work with: workers that behave as those of a run do, and keys that nobody used before.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use control::Node;
use history::{Key, Outcome, Reason, RegisterCall, RegisterOp, RegisterReturn};
use tokio::time::timeout;

use super::proxy::Proxy;
use crate::{AdapterClient, AdapterFile, AdapterTarget, Address};

/// Where an adapter is tried.
pub(super) struct Bench {
    pub(super) file: Arc<AdapterFile>,
    pub(super) at: Address,
    pub(super) deadline: Duration,
    pub(super) complaints: PathBuf,
    next_key: AtomicI64,
}

impl Bench {
    pub(super) fn new(
        file: Arc<AdapterFile>,
        at: Address,
        deadline: Duration,
        complaints: PathBuf,
    ) -> Self {
        // The node may know keys of an earlier test. They stay below 2^31, for those who keep them in 32 bits.
        let mut random = [0; 4];
        // Where there is no randomness, keys of an earlier test are likely only if it was just now.
        let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
        let first = (1 << 30) + i64::from(u32::from_ne_bytes(random) >> 3);
        Self {
            file,
            at,
            deadline,
            complaints,
            next_key: AtomicI64::new(first),
        }
    }

    /// One that was never written.
    pub(super) fn key(&self) -> i64 {
        self.next_key.fetch_add(1, Ordering::Relaxed)
    }

    /// One more worker, with a relay of its own and no client yet.
    pub(super) async fn worker(&self) -> io::Result<Worker> {
        let proxy = Proxy::to(&self.at).await?;
        let node = Node::new("n1", &proxy.address.host);
        let addresses = [(node.name.clone(), proxy.address.clone())];
        let target = AdapterTarget::new(Arc::clone(&self.file), addresses, self.deadline)
            .complaining_into(self.complaints.clone());
        Ok(Worker {
            proxy,
            node,
            target,
            client: None,
            deadline: self.deadline,
            strays: Vec::new(),
        })
    }
}

/// A worker, as a run has them: after `info`, and where there was no connection, its client is replaced.
pub(super) struct Worker {
    pub(super) proxy: Proxy,
    node: Node,
    target: AdapterTarget,
    client: Option<AdapterClient>,
    deadline: Duration,
    /// What its clients printed that is not of the protocol.
    pub(super) strays: Vec<String>,
}

pub(super) type Told = Outcome<RegisterReturn>;

impl Worker {
    /// Sees to it that there is a client.
    pub(super) async fn client(&mut self) -> Result<&mut AdapterClient, String> {
        if self.client.is_none() {
            self.client = Some(self.target.open(&self.node).await?);
        }
        Ok(self.client.as_mut().expect("there is one now"))
    }

    pub(super) async fn ask(&mut self, key: i64, op: RegisterOp) -> Told {
        let call = RegisterCall {
            key: Key::Int(key),
            op,
        };
        let deadline = self.deadline;
        let outcome = match self.client().await {
            Err(why) => return Outcome::Fail(Reason::with_detail(kit::NO_CONNECTION, &why)),
            Ok(client) => timeout(deadline, client.ask(&call)).await,
        };
        let outcome = match outcome {
            Ok(asked) => asked.outcome,
            Err(_) => Outcome::Info(Reason::new("timeout")),
        };
        self.listen();
        let lost = |reason: &Reason| reason.class() == kit::NO_CONNECTION;
        if matches!(&outcome, Outcome::Info(_)) || matches!(&outcome, Outcome::Fail(r) if lost(r)) {
            self.client = None;
        }
        outcome
    }

    pub(super) async fn read(&mut self, key: i64) -> Told {
        self.ask(key, RegisterOp::Read).await
    }

    pub(super) async fn write(&mut self, key: i64, value: i64) -> Told {
        self.ask(key, RegisterOp::Write(value)).await
    }

    pub(super) async fn cas(&mut self, key: i64, from: i64, to: i64) -> Told {
        self.ask(key, RegisterOp::Cas { from, to }).await
    }

    /// Keeps what the client printed besides.
    pub(super) fn listen(&mut self) {
        if let Some(client) = self.client.as_mut().and_then(AdapterClient::program) {
            for stray in client.strays() {
                if !self.strays.contains(stray) {
                    self.strays.push(stray.clone());
                }
            }
        }
    }
}

/// Whether it was the worker whose patience ended, and the adapter said nothing: its own word for that has a detail.
pub(super) fn was_given_up(told: &Told) -> bool {
    matches!(told, Outcome::Info(why) if why.class() == "timeout" && why.detail().is_empty())
}

/// In words: `ok 7`, `fail (timeout: …)`.
pub(super) fn words(told: &Told) -> String {
    match told {
        Outcome::Ok(RegisterReturn::Done) => "ok".to_owned(),
        Outcome::Ok(RegisterReturn::Value(Some(value))) => format!("ok {value}"),
        Outcome::Ok(RegisterReturn::Value(None)) => "ok, absent".to_owned(),
        Outcome::Fail(why) => format!("fail ({why})"),
        Outcome::Info(why) => format!("info ({why})"),
    }
}
