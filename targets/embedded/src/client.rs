//! A client of the store: three calls, one connection of its own, no hidden retries. Its errors say exactly what is
//! known, because everything that a checker concludes rests on that.

use std::time::Duration;

use serde_json::json;

use crate::wire::{Answer, Op};

/// Speaks to one node.
#[derive(Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
}

/// Why a call did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// A swap found another value. It did not happen.
    #[error("another value")]
    Mismatch,
    /// This mode cannot do it. It did not happen.
    #[error("not supported in this mode")]
    Unsupported,
    /// The node refused before anything was applied. It did not happen.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The node did not understand. It did not happen.
    #[error("rejected: {0}")]
    Rejected(String),
    /// There was no connection, so nothing was sent. It did not happen.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have happened, or may still happen.
    #[error("lost: {0}")]
    Lost(String),
}

impl ClientError {
    /// Whether the call certainly did not happen and never will.
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Lost(_))
    }
    /// A short class to count by.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Mismatch => "cas-mismatch",
            Self::Unsupported => "unsupported",
            Self::Unavailable(_) => "unavailable",
            Self::Rejected(_) => "rejected",
            Self::NotSent(_) => kit::NO_CONNECTION,
            Self::Lost(_) => "lost",
        }
    }
}

impl Client {
    /// A client of the node that serves at this port of the loopback address. Opens nothing yet.
    pub fn new(port: u16) -> Self {
        Self {
            base: format!("http://127.0.0.1:{port}/kv"),
            http: plain_http(),
        }
    }
    /// What the key holds; `None` if it was never written.
    pub async fn read(&mut self, key: &str) -> Result<Option<i64>, ClientError> {
        match self.call(self.http.get(self.at(key)), Op::Read).await? {
            Answer::Value(value) => Ok(value),
            other => Err(ClientError::Lost(format!("unexpected answer {other:?}"))),
        }
    }
    /// Makes the key hold the value.
    pub async fn write(&mut self, key: &str, value: i64) -> Result<(), ClientError> {
        let request = self.http.put(self.at(key)).json(&json!({ "value": value }));
        self.call(request, Op::Write(value)).await.map(drop)
    }
    /// Makes the key hold `to` if it holds `from`; [`ClientError::Mismatch`] if it does not.
    pub async fn cas(&mut self, key: &str, from: i64, to: i64) -> Result<(), ClientError> {
        let request = self
            .http
            .post(self.at(key) + "/cas")
            .json(&json!({ "from": from, "to": to }));
        self.call(request, Op::Cas { from, to }).await.map(drop)
    }

    fn at(&self, key: &str) -> String {
        let mut escaped = String::new();
        for byte in key.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => escaped.push(byte.into()),
                _ => escaped.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("{}/{escaped}", self.base)
    }

    async fn call(&self, request: reqwest::RequestBuilder, op: Op) -> Result<Answer, ClientError> {
        let lost = |e: reqwest::Error| ClientError::Lost(innermost(&e));
        let response = request.send().await.map_err(|e| {
            // Only a failed connect proves that not a byte of the request has left.
            if e.is_connect() || e.is_builder() {
                ClientError::NotSent(innermost(&e))
            } else {
                lost(e)
            }
        })?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(lost)?;
        match Answer::read(status, &body, op) {
            answer @ (Answer::Value(_) | Answer::Done) => Ok(answer),
            Answer::Mismatch => Err(ClientError::Mismatch),
            Answer::Unsupported => Err(ClientError::Unsupported),
            Answer::Unavailable(why) => Err(ClientError::Unavailable(why)),
            Answer::Rejected(why) => Err(ClientError::Rejected(why)),
            Answer::Lost(why) => Err(ClientError::Lost(why)),
        }
    }
}

/// HTTP without anything that acts by itself: no proxy from the environment, no redirects, no retries.
pub(crate) fn plain_http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(2))
        .pool_max_idle_per_host(16)
        .build()
        .expect("a client without TLS needs nothing from the system")
}

/// The cause that says something: reqwest's own words are about the URL.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
