//! What is asked of the store and what it answers, on the wire. The status code alone says how sure the caller may be:
//!
//! | status | meaning | did it happen? |
//! |---|---|---|
//! | 200 | done; `{"value": …}` for a read | yes |
//! | 400, 401, 404, 405, 413, 415, 422 | not understood or not allowed | no |
//! | 412 | cas: another value was there | no |
//! | 501 | this mode cannot do it | no |
//! | 503 | refused before anything was applied or proposed | no |
//! | anything else, or no answer | proposed or applied, and then lost sight of | nobody knows |

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

/// What a key is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Read,
    Write(i64),
    Cas { from: i64, to: i64 },
}

/// An operation on a key, as one node hands it to another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) key: String,
    pub(crate) op: Op,
}

/// How an operation ended, as far as the answering node knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A read: this is there.
    Value(Option<i64>),
    /// A write or swap happened.
    Done,
    /// A swap did not happen: something else was there.
    Mismatch,
    /// Not in this mode.
    Unsupported,
    /// Refused before anything was applied or proposed.
    Unavailable(String),
    /// Not understood: nothing happened.
    Rejected(String),
    /// It may or may not have happened, or may still happen.
    Lost(String),
}

/// The only two bodies there are.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Answer {
    /// From what came over the wire. An answer that makes no sense is [`Answer::Lost`]: it proves nothing.
    pub(crate) fn read(status: u16, body: &[u8], op: Op) -> Self {
        #[derive(Deserialize)]
        struct Value {
            value: Option<i64>,
        }
        let words = || {
            serde_json::from_slice::<Body>(body)
                .ok()
                .and_then(|b| b.error)
                .unwrap_or_else(|| format!("status {status}"))
        };
        match (status, op) {
            (200, Op::Read) => match serde_json::from_slice::<Value>(body) {
                Ok(Value { value }) => Self::Value(value),
                Err(e) => Self::Lost(format!("unreadable answer: {e}")),
            },
            (200, _) => Self::Done,
            (400 | 401 | 404 | 405 | 413 | 415 | 422, _) => Self::Rejected(words()),
            (412, Op::Cas { .. }) => Self::Mismatch,
            (501, _) => Self::Unsupported,
            (503, _) => Self::Unavailable(words()),
            _ => Self::Lost(words()),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let error = |status: StatusCode, words: String| {
            let body = Body {
                error: Some(words),
                ..Body::default()
            };
            (status, Json(body)).into_response()
        };
        match self {
            Self::Value(value) => Json(Body {
                value: Some(value),
                ..Body::default()
            })
            .into_response(),
            Self::Done => Json(Body::default()).into_response(),
            Self::Mismatch => error(StatusCode::PRECONDITION_FAILED, "another value".into()),
            Self::Unsupported => error(
                StatusCode::NOT_IMPLEMENTED,
                "last write wins cannot compare and set".into(),
            ),
            Self::Unavailable(why) => error(StatusCode::SERVICE_UNAVAILABLE, why),
            Self::Rejected(why) => error(StatusCode::BAD_REQUEST, why),
            Self::Lost(why) => error(StatusCode::GATEWAY_TIMEOUT, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proof_is_definite() {
        let cas = Op::Cas { from: 1, to: 2 };
        assert_eq!(Answer::read(412, b"", cas), Answer::Mismatch);
        assert_eq!(Answer::read(501, b"", cas), Answer::Unsupported);
        assert_eq!(
            Answer::read(503, br#"{"error":"no leader"}"#, Op::Write(1)),
            Answer::Unavailable("no leader".into())
        );
        for status in [100, 204, 302, 412, 500, 502, 504] {
            assert!(
                matches!(
                    Answer::read(status, b"<html>", Op::Write(1)),
                    Answer::Lost(_)
                ),
                "{status}"
            );
        }
    }

    #[test]
    fn an_absent_value_is_an_answer_and_a_missing_one_is_none() {
        let read = |body: &[u8]| Answer::read(200, body, Op::Read);
        assert_eq!(read(br#"{"value":null}"#), Answer::Value(None));
        assert_eq!(read(br#"{"value":7}"#), Answer::Value(Some(7)));
        assert!(matches!(read(b""), Answer::Lost(_)));
    }
}
