//! etcd's HTTP/JSON gateway (`/v3/…`, etcd documentation, "gRPC gateway"): keys and values are base64, numbers are
//! strings, errors are `{"error", "code", "message"}` with the gRPC code.
//!
//! # What an error says
//!
//! A write certainly did not happen when the connection could not be opened, or when the server refused it before it
//! proposed it to Raft. Everything else may have happened: a proposal that was forwarded or appended can be committed
//! after its client has given up (`etcdserver: request timed out`, a lost connection, a stopped server). The list of
//! definite refusals follows etcd 3.4's `processInternalRaftRequestOnce` and its error table
//! (`etcdserver/api/v3rpc/rpctypes/error.go`), and is short on purpose: an error that is not on it is indefinite.

use std::time::Duration;

use kit::{Certainty, NO_CONNECTION};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long opening a connection may take. A node that was cut off answers nothing, not even a refusal.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a call did not end well.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No connection: nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// Sent, perhaps in part, and no whole answer.
    #[error("connection lost: {0}")]
    Lost(String),
    /// etcd's own refusal.
    #[error("{message} (gRPC code {code})")]
    Refused {
        /// The gRPC status code.
        code: i64,
        /// etcd's words.
        message: String,
    },
    /// An answer that is not of the gateway's form.
    #[error("unexpected answer, HTTP {status}: {body}")]
    Strange {
        /// The HTTP status.
        status: u16,
        /// The beginning of what came with it.
        body: String,
    },
}

/// Refusals that come before anything is proposed.
const DEFINITE: [(&str, &str); 9] = [
    ("raft proposal dropped", "proposal-dropped"),
    ("etcdserver: no leader", "no-leader"),
    ("etcdserver: not leader", "not-leader"),
    ("etcdserver: too many requests", "too-many-requests"),
    ("etcdserver: request is too large", "too-large"),
    ("etcdserver: mvcc: database space exceeded", "no-space"),
    ("etcdserver: key is not provided", "bad-request"),
    ("etcdserver: duplicate key given", "bad-request"),
    ("etcdserver: permission denied", "permission-denied"),
];

impl GatewayError {
    /// What it says about a write, and its class.
    pub fn classify(&self) -> (Certainty, &'static str) {
        match self {
            Self::Connect(_) => (Certainty::DidNotHappen, NO_CONNECTION),
            Self::Lost(_) => (Certainty::MayHaveHappened, "connection-lost"),
            Self::Strange { .. } => (Certainty::MayHaveHappened, "strange-answer"),
            Self::Refused { message, .. } => {
                match DEFINITE.iter().find(|(words, _)| message == words) {
                    Some((_, class)) => (Certainty::DidNotHappen, class),
                    None if message.contains("timed out") => {
                        (Certainty::MayHaveHappened, "server-timeout")
                    }
                    None => (Certainty::MayHaveHappened, "server-error"),
                }
            }
        }
    }
}

/// A connection to one member, shared with nobody.
#[derive(Debug)]
pub struct Gateway {
    http: reqwest::Client,
    base: String,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    code: i64,
    #[serde(alias = "error")]
    message: Option<String>,
}

impl Gateway {
    /// To the member that serves clients at this address. Opens nothing yet.
    pub fn new(address: &str, port: u16) -> Result<Self, GatewayError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(1)
            .no_proxy()
            .build()
            .map_err(|e| GatewayError::Connect(kit::causes(&e)))?;
        Ok(Self {
            http,
            base: format!("http://{address}:{port}/v3/"),
        })
    }

    /// One request.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, GatewayError> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.map_err(|e| {
            if e.is_connect() {
                GatewayError::Connect(kit::causes(&e))
            } else {
                GatewayError::Lost(kit::causes(&e))
            }
        })?;
        let status = response.status().as_u16();
        let text = response
            .text()
            .await
            .map_err(|e| GatewayError::Lost(kit::causes(&e)))?;
        answer(status, &text)
    }
}

/// The answer in a response, or the refusal.
fn answer(status: u16, text: &str) -> Result<Value, GatewayError> {
    let strange = || GatewayError::Strange {
        status,
        body: text.chars().take(200).collect(),
    };
    if status == 200 {
        return serde_json::from_str(text).map_err(|_| strange());
    }
    // etcd 3.4 repeats the message under "error"; both cannot be one field for serde.
    let mut value: Value = serde_json::from_str(text).map_err(|_| strange())?;
    if let Some(object) = value.as_object_mut()
        && object.contains_key("message")
    {
        object.remove("error");
    }
    match serde_json::from_value::<Failure>(value) {
        Ok(Failure {
            code,
            message: Some(message),
        }) => Err(GatewayError::Refused { code, message }),
        _ => Err(strange()),
    }
}

/// `POST kv/range` for one key.
pub fn range(key: &str, serializable: bool) -> Value {
    json!({ "key": base64(key), "serializable": serializable })
}

/// `POST kv/put`.
pub fn put(key: &str, value: &str) -> Value {
    json!({ "key": base64(key), "value": base64(value) })
}

/// `POST kv/txn`: puts `to` if the value is `from`.
pub fn swap(key: &str, from: &str, to: &str) -> Value {
    json!({
        "compare": [{ "key": base64(key), "target": "VALUE", "result": "EQUAL", "value": base64(from) }],
        "success": [{ "request_put": put(key, to) }],
    })
}

/// The value in the answer to [`range`]; `None` if there is no such key. `Err` if the answer makes no sense.
pub fn value_of(answer: &Value) -> Result<Option<String>, GatewayError> {
    let Some(first) = answer.get("kvs").and_then(|kvs| kvs.get(0)) else {
        return Ok(None);
    };
    // An empty value is left out, as proto3's JSON mapping does.
    let text = first
        .get("value")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match unbase64(text).and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(value) => Ok(Some(value)),
        None => Err(GatewayError::Strange {
            status: 200,
            body: answer.to_string(),
        }),
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> (Certainty, &'static str) {
        answer(status, body).unwrap_err().classify()
    }

    #[test]
    fn refusals_before_the_proposal_are_definite_and_all_others_are_not() {
        let never = Certainty::DidNotHappen;
        let maybe = Certainty::MayHaveHappened;
        // As etcd 3.4.23 sends them.
        let said = |m: &str, code: i64| json!({"error": m, "code": code, "message": m}).to_string();
        assert_eq!(
            judged(503, &said("etcdserver: no leader", 14)),
            (never, "no-leader")
        );
        assert_eq!(
            judged(500, &said("raft proposal dropped", 2)),
            (never, "proposal-dropped")
        );
        assert_eq!(
            judged(503, &said("etcdserver: request timed out", 14)),
            (maybe, "server-timeout")
        );
        assert_eq!(
            judged(
                503,
                &said(
                    "etcdserver: request timed out, possibly due to previous leader failure",
                    14
                )
            ),
            (maybe, "server-timeout")
        );
        assert_eq!(
            judged(503, &said("etcdserver: server stopped", 14)),
            (maybe, "server-error")
        );
        assert_eq!(judged(502, "<html>bad gateway"), (maybe, "strange-answer"));
        assert_eq!(judged(200, "{\"header\":"), (maybe, "strange-answer"));
        assert_eq!(GatewayError::Connect(String::new()).classify().0, never);
        assert_eq!(GatewayError::Lost(String::new()).classify().0, maybe);
    }

    #[test]
    fn an_absent_key_an_empty_value_and_a_value_are_told_apart() {
        assert_eq!(value_of(&json!({"header": {}})).unwrap(), None);
        assert_eq!(
            value_of(&json!({"kvs": [{"key": "aw=="}]})).unwrap(),
            Some(String::new())
        );
        let kv = json!({"kvs": [{"key": "aw==", "value": "OTM="}], "count": "1"});
        assert_eq!(value_of(&kv).unwrap(), Some("93".to_owned()));
        assert!(value_of(&json!({"kvs": [{"value": "%"}]})).is_err());
    }
}
