//! The sending end of a node: one request to another node, one answer or a timeout. The answer arrives through
//! [`Links`](crate::links::Links), like everything else that comes from that peer.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

use crate::{
    chronicle::{Chronicle, Level},
    client::{innermost, plain_http},
    layout::{Layout, Member},
    links::{Fate, Links},
};

/// The header that names the sending node.
pub(crate) const FROM: &str = "x-schism-from";
/// The header that proves that it may.
pub(crate) const TOKEN: &str = "x-schism-token";

/// The other nodes, as one node sees them.
#[derive(Debug)]
pub(crate) struct Peers {
    /// Which member this node is.
    pub(crate) me: usize,
    layout: Layout,
    links: Arc<Links>,
    http: reqwest::Client,
    answering: Vec<AtomicBool>,
    chronicle: Option<Chronicle>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection: nothing was sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Sent, perhaps.
    #[error("lost: {0}")]
    Lost(String),
}

/// A peer's answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Peers {
    /// Those of member `me`.
    pub(crate) fn new(layout: Layout, me: usize, links: Arc<Links>) -> Self {
        let answering = layout
            .members
            .iter()
            .map(|_| AtomicBool::new(true))
            .collect();
        Self {
            me,
            layout,
            links,
            http: plain_http(),
            answering,
            chronicle: None,
        }
    }
    /// The same, and who answers and who does not is told.
    pub(crate) fn told_to(mut self, chronicle: Chronicle) -> Self {
        self.chronicle = Some(chronicle);
        self
    }
    /// All members, this node included.
    pub(crate) fn members(&self) -> &[Member] {
        &self.layout.members
    }
    /// The positions of the others.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> {
        let me = self.me;
        (0..self.layout.members.len()).filter(move |i| *i != me)
    }
    /// How many members answered when last asked, this node included.
    pub(crate) fn answering(&self) -> usize {
        1 + self
            .others()
            .filter(|i| self.answering[*i].load(Ordering::Relaxed))
            .count()
    }
    /// Sends and waits.
    pub(crate) async fn call<T: Serialize + Sync + ?Sized>(
        &self,
        to: usize,
        path: &str,
        body: &T,
        within: Duration,
    ) -> Result<Reply, CallError> {
        let member = &self.layout.members[to];
        let exchange = async {
            let reply = self.exchange(member.port, path, body).await;
            // An answer, and a refused connection too, is a packet from the peer.
            if self.links.drops(&member.name) {
                pending::<()>().await;
            }
            match self.links.fate(&member.name) {
                Fate::After(late) if late.is_zero() => {}
                Fate::After(late) => tokio::time::sleep(late).await,
                Fate::Lost => pending().await,
            }
            reply
        };
        let result = tokio::time::timeout(within, exchange)
            .await
            .unwrap_or_else(|_| Err(CallError::Lost(format!("{}: timeout", member.name))));
        let answered = self.answering[to].swap(result.is_ok(), Ordering::Relaxed);
        if let (Some(chronicle), true) = (&self.chronicle, answered != result.is_ok()) {
            match &result {
                Ok(_) => chronicle.tell(Level::Info, &format!("{} answers again", member.name)),
                Err(e) => chronicle.tell(
                    Level::Warn,
                    &format!("{} does not answer: {e}", member.name),
                ),
            }
        }
        result
    }

    async fn exchange<T: Serialize + ?Sized>(
        &self,
        port: u16,
        path: &str,
        body: &T,
    ) -> Result<Reply, CallError> {
        let lost = |e: reqwest::Error| CallError::Lost(innermost(&e));
        let response = self
            .http
            .post(format!("http://127.0.0.1:{port}{path}"))
            .header(TOKEN, &self.layout.token)
            .header(FROM, &self.layout.members[self.me].name)
            .json(body)
            .send()
            .await
            .map_err(|e| match e.is_connect() {
                true => CallError::NotSent(innermost(&e)),
                false => lost(e),
            })?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(lost)?.into();
        Ok(Reply { status, body })
    }
}
