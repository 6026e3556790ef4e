//! An adapter over HTTP: a request for each call.

use std::{sync::Arc, time::Duration};

use history::{Outcome, Reason, RegisterCall, RegisterOp, RegisterReturn};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    Address, Asked, Ops, Outcomes, Symptom, Verdict,
    file::{Body, Request},
};

/// How long opening a connection may take. A node that was cut off answers nothing, not even a refusal.
const CONNECT: Duration = Duration::from_secs(1);
/// More than this of an answer is not looked at.
const LIMIT: usize = 1 << 20;
/// So much of it is told.
const TOLD: usize = 300;

/// A connection to one node, shared with nobody.
#[derive(Debug)]
pub struct HttpClient {
    http: reqwest::Client,
    base: String,
    ops: Arc<Ops>,
    outcomes: Arc<Outcomes>,
}

impl HttpClient {
    pub(crate) async fn connect(
        address: &Address,
        ops: Arc<Ops>,
        outcomes: Arc<Outcomes>,
        own_timeout: Option<Duration>,
    ) -> Result<Self, String> {
        // Says now, and not at the first call, that nobody is there.
        let tcp = TcpStream::connect((address.host.as_str(), address.port));
        match timeout(CONNECT, tcp).await {
            Ok(connected) => drop(connected.map_err(|e| e.to_string())?),
            Err(_) => return Err(format!("not accepted within {CONNECT:?}")),
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(1)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .no_proxy();
        if let Some(time) = own_timeout {
            builder = builder.timeout(time);
        }
        Ok(Self {
            http: builder.build().map_err(|e| kit::causes(&e))?,
            base: format!("http://{address}"),
            ops,
            outcomes,
        })
    }

    pub(crate) fn has_cas(&self) -> bool {
        self.ops.cas.is_some()
    }

    pub(crate) async fn ask(&mut self, call: &RegisterCall) -> Asked {
        let key = ("key", json!(call.key));
        let (request, places) = match call.op {
            RegisterOp::Read => (&self.ops.read, vec![key]),
            RegisterOp::Write(value) => (&self.ops.write, vec![key, ("value", json!(value))]),
            RegisterOp::Cas { from, to } => match &self.ops.cas {
                Some(request) => (request, vec![key, ("from", json!(from)), ("to", json!(to))]),
                None => {
                    return Asked {
                        request: String::new(),
                        response: String::new(),
                        outcome: Outcome::Fail(Reason::new("unsupported")),
                        rule: "the file has no `cas`".to_owned(),
                    };
                }
            },
        };
        let (told, answer) = self.exchange(request, &places).await;
        let (outcome, rule) = self.judge(request, &call.op, &answer);
        let response = match answer {
            Answer::Whole { status, text } => format!("HTTP {status}  {}", brief(&text)),
            Answer::None(symptom, why) => format!("{symptom}: {why}"),
        };
        Asked {
            request: told,
            response,
            outcome,
            rule,
        }
    }

    async fn exchange(&self, request: &Request, places: &[(&str, Value)]) -> (String, Answer) {
        let path = request.path.url(places);
        let mut told = format!("{} {}{path}", request.method, self.base);
        let mut sent = self
            .http
            .request(request.method.clone(), format!("{}{path}", self.base))
            .headers(request.headers.clone());
        match &request.body {
            Body::None => {}
            Body::Json(shape) => {
                let body = shape.value(places);
                told.push_str(&format!("  {}", brief(&body.to_string())));
                sent = sent.json(&body);
            }
            Body::Text(template) => {
                let body = template.text(places);
                told.push_str(&format!("  {}", brief(&body)));
                sent = sent.body(body);
            }
        }
        let answer = match sent.send().await {
            Err(e) => lost(&e),
            Ok(mut response) => {
                let status = response.status().as_u16();
                let mut bytes = Vec::new();
                loop {
                    match response.chunk().await {
                        Err(e) => break lost(&e),
                        Ok(Some(chunk)) if bytes.len() + chunk.len() <= LIMIT => {
                            bytes.extend_from_slice(&chunk);
                        }
                        Ok(_) => {
                            let text = String::from_utf8_lossy(&bytes).into_owned();
                            break Answer::Whole { status, text };
                        }
                    }
                }
            }
        };
        (told, answer)
    }

    fn judge(
        &self,
        request: &Request,
        op: &RegisterOp,
        answer: &Answer,
    ) -> (Outcome<RegisterReturn>, String) {
        let (symptom, detail) = match answer {
            Answer::Whole { status, text } => (Symptom::Status(*status), brief(text)),
            Answer::None(symptom, why) => (*symptom, why.clone()),
        };
        if request.absent.contain(symptom) {
            let absent = Outcome::Ok(RegisterReturn::Value(None));
            return (absent, format!("absent: {symptom}"));
        }
        if request.mismatch.contain(symptom) {
            let mismatch = Outcome::Fail(Reason::new("cas-mismatch"));
            return (mismatch, format!("mismatch: {symptom}"));
        }
        let (verdict, rule) = self.outcomes.judge(symptom);
        let reason = Reason::with_detail(&symptom.class(), &detail);
        let reads = *op == RegisterOp::Read;
        let outcome = match (verdict, answer) {
            (Verdict::Ok, Answer::Whole { text, .. }) if reads => {
                return match value_in(request, text) {
                    Ok(value) => (Outcome::Ok(RegisterReturn::Value(value)), rule),
                    Err(why) => {
                        let reason = Reason::with_detail("strange-answer", &why);
                        (Outcome::Fail(reason), format!("{rule}, but {why}"))
                    }
                };
            }
            (Verdict::Ok, _) if !reads => Outcome::Ok(RegisterReturn::Done),
            // A read that came to nothing changed nothing, whatever became of it.
            (Verdict::Ok | Verdict::Fail, _) => Outcome::Fail(reason),
            (Verdict::Info, _) if reads => {
                return (
                    Outcome::Fail(reason),
                    format!("{rule}; a read that came to nothing harms nobody: fail"),
                );
            }
            (Verdict::Info, _) => Outcome::Info(reason),
        };
        (outcome, rule)
    }
}

enum Answer {
    Whole { status: u16, text: String },
    None(Symptom, String),
}

fn lost(e: &reqwest::Error) -> Answer {
    let symptom = if e.is_connect() {
        Symptom::Refused
    } else if e.is_timeout() {
        Symptom::Timeout
    } else {
        Symptom::Reset
    };
    Answer::None(symptom, kit::causes(e))
}

/// The value in an answer; `None` where the answer says that there is none.
fn value_in(request: &Request, text: &str) -> Result<Option<i64>, String> {
    let value = match &request.value {
        None => Value::String(text.trim().to_owned()),
        Some(path) => {
            let json: Value =
                serde_json::from_str(text).map_err(|e| format!("its answer is no JSON: {e}"))?;
            let found = path.query(&json);
            match found.all()[..] {
                [one] => one.clone(),
                [] => {
                    return Err(format!(
                        "there is nothing at {path}; say `absent` if that means no value"
                    ));
                }
                _ => return Err(format!("there are several values at {path}")),
            }
        }
    };
    let number = match &value {
        Value::Null => return Ok(None),
        Value::Number(n) => n.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| format!("{} is no whole number", brief(&value.to_string())))
}

fn brief(text: &str) -> String {
    match text.char_indices().nth(TOLD) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.trim_end().to_owned(),
    }
}
