//! An adapter in any language: a program that speaks JSON Lines, one process for each client.
//!
//! ```text
//! → {"hello":{"v":1,"node":"n1","addr":"10.0.0.1:7000","nodes":["10.0.0.1:7000"],"deadline_ms":5000}}
//! ← {"ready":{"v":1,"ops":["read","write","cas"]}}
//! → {"id":1,"op":"write","key":17,"value":93,"deadline_ms":5000}
//! ← {"id":1,"ok":null}
//! → {"id":2,"op":"read","key":17,"deadline_ms":5000}
//! ← {"id":2,"ok":93}                         null is absent
//! → {"id":3,"op":"cas","key":17,"from":1,"to":2,"deadline_ms":5000}
//! ← {"id":3,"fail":"mismatch"}               or "info": "connection reset"
//! ```
//!
//! Its standard output is for this alone. A line that is none of this is kept and counted, and not taken for anything. A
//! program that ends, or whose deadline passes, leaves its call as `info`; another is started for the next.

use std::{fs, io, path::Path, process::Stdio, time::Duration};

use history::{Outcome, Reason, RegisterCall, RegisterOp, RegisterReturn};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{Address, Asked};

/// The version of the protocol.
const VERSION: u32 = 1;
/// How long a program may take until it is ready.
pub const READY: Duration = Duration::from_secs(5);
/// No line may be longer.
const LIMIT: usize = 1 << 20;
/// So many lines that are not of the protocol are kept.
const KEPT: usize = 20;

/// What is needed to start a program.
pub(crate) struct Opening<'a> {
    pub(crate) words: &'a [String],
    pub(crate) directory: &'a Path,
    pub(crate) node: &'a str,
    pub(crate) address: &'a Address,
    pub(crate) nodes: Vec<String>,
    pub(crate) deadline: Duration,
    pub(crate) complaints: Option<&'a Path>,
}

/// A program that speaks to one node.
#[derive(Debug)]
pub struct StdioClient {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    ops: Vec<String>,
    deadline: Duration,
    last: u64,
    strays: Vec<String>,
}

#[derive(Deserialize)]
struct ReadyLine {
    ready: Ready,
}

#[derive(Deserialize)]
struct Ready {
    v: u32,
    ops: Vec<String>,
}

#[derive(Debug)]
enum Reply {
    Ok(Value),
    Fail(String),
    Info(String),
}

impl StdioClient {
    /// Starts it, and waits until it is ready.
    pub(crate) async fn open(opening: Opening<'_>) -> Result<Self, String> {
        let Opening {
            words,
            directory,
            node,
            address,
            nodes,
            deadline,
            complaints,
        } = opening;
        let (program, args) = words.split_first().ok_or("which program?")?;
        let mut child = Command::new(program)
            .args(args)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(match complaints {
                Some(directory) => {
                    kept(directory, node).map_err(|e| format!("{}: {e}", directory.display()))?
                }
                None => Stdio::null(),
            })
            .kill_on_drop(true)
            // What it starts itself ends with it.
            .process_group(0)
            .spawn()
            .map_err(|e| format!("cannot start {program}: {e}"))?;
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut client = Self {
            child,
            to,
            from,
            ops: Vec::new(),
            deadline,
            last: 0,
            strays: Vec::new(),
        };
        let hello = json!({ "hello": {
            "v": VERSION,
            "node": node,
            "addr": address.to_string(),
            "nodes": nodes,
            "deadline_ms": u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX),
        } });
        let ready = async {
            client
                .say(&hello)
                .await
                .map_err(|e| format!("it does not listen: {e}"))?;
            client.ready(program).await
        };
        match timeout(READY, ready).await {
            Err(_) => Err(format!(
                "{program} was not ready within {READY:?}: it must print a line with \"ready\""
            )),
            Ok(Err(why)) => Err(why),
            Ok(Ok(ops)) => {
                client.ops = ops;
                Ok(client)
            }
        }
    }

    async fn ready(&mut self, program: &str) -> Result<Vec<String>, String> {
        loop {
            let line = match self.line().await {
                Ok(Some(line)) => line,
                Ok(None) => {
                    let end = match timeout(Duration::from_secs(1), self.child.wait()).await {
                        Ok(Ok(status)) => format!("{program} ended before it was ready ({status})"),
                        _ => format!("{program} closed its output before it was ready"),
                    };
                    return Err(end);
                }
                Err(e) => return Err(format!("{program}: {e}")),
            };
            match serde_json::from_str::<ReadyLine>(&line) {
                Ok(ReadyLine { ready }) if ready.v == VERSION => return Ok(ready.ops),
                Ok(ReadyLine { ready }) => {
                    return Err(format!(
                        "{program} speaks version {} of the protocol, and this schism {VERSION}",
                        ready.v
                    ));
                }
                Err(_) => self.stray(line),
            }
        }
    }

    /// Whether it does calls of this name.
    pub fn offers(&self, op: &str) -> bool {
        self.ops.iter().any(|o| o == op)
    }

    /// The names of the calls that it does.
    pub fn ops(&self) -> &[String] {
        &self.ops
    }

    /// Lines that it printed and that are not of the protocol; the first few of them.
    pub fn strays(&self) -> &[String] {
        &self.strays
    }

    pub(crate) async fn ask(&mut self, call: &RegisterCall) -> Asked {
        let (op, mut request) = match call.op {
            RegisterOp::Read => ("read", json!({})),
            RegisterOp::Write(value) => ("write", json!({ "value": value })),
            RegisterOp::Cas { from, to } => ("cas", json!({ "from": from, "to": to })),
        };
        if !self.offers(op) {
            return Asked {
                request: String::new(),
                response: String::new(),
                outcome: Outcome::Fail(Reason::new("unsupported")),
                rule: format!("{op} is not among the ops that it named"),
            };
        }
        request["key"] = json!(call.key);
        let (request, reply) = self.exchange(op, request).await;
        let reads = op == "read";
        let (response, outcome, rule) = match reply {
            Err(why) => {
                let reason = Reason::with_detail("adapter-ended", &why);
                let rule = "no reply: it may have happened".to_owned();
                (why, Outcome::Info(reason), rule)
            }
            Ok(Reply::Ok(value)) => {
                let told = json!({ "ok": value }).to_string();
                let (outcome, rule) = done(reads, &value);
                (told, outcome, rule)
            }
            Ok(Reply::Fail(why)) => {
                let reason = reason("fail", &why);
                (
                    json!({ "fail": why }).to_string(),
                    Outcome::Fail(reason),
                    "it says fail".to_owned(),
                )
            }
            Ok(Reply::Info(why)) if reads => {
                let rule =
                    "it says info; a read that came to nothing harms nobody: fail".to_owned();
                (
                    json!({ "info": why }).to_string(),
                    Outcome::Fail(reason("info", &why)),
                    rule,
                )
            }
            Ok(Reply::Info(why)) => {
                let reason = reason("info", &why);
                (
                    json!({ "info": why }).to_string(),
                    Outcome::Info(reason),
                    "it says info".to_owned(),
                )
            }
        };
        Asked {
            request,
            response,
            outcome,
            rule,
        }
    }

    /// A call of a name that it may not know, and whether it was refused.
    pub(crate) async fn refuses(&mut self, op: &str) -> Result<bool, String> {
        match self.exchange(op, json!({ "key": 0 })).await.1? {
            Reply::Fail(_) => Ok(true),
            Reply::Ok(_) | Reply::Info(_) => Ok(false),
        }
    }

    async fn exchange(&mut self, op: &str, mut request: Value) -> (String, Result<Reply, String>) {
        self.last += 1;
        request["id"] = json!(self.last);
        request["op"] = json!(op);
        request["deadline_ms"] =
            json!(u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX));
        let told = request.to_string();
        let reply = match self.say(&request).await {
            Ok(()) => self.reply().await,
            Err(e) => Err(format!("the program does not listen any more: {e}")),
        };
        (told, reply)
    }

    async fn say(&mut self, message: &Value) -> io::Result<()> {
        let line = format!("{message}\n");
        self.to.write_all(line.as_bytes()).await?;
        self.to.flush().await
    }

    /// The reply to the last call; those to earlier ones, which nobody waits for any more, are passed over.
    async fn reply(&mut self) -> Result<Reply, String> {
        loop {
            let line = match self.line().await {
                Ok(Some(line)) => line,
                Ok(None) => return Err("the program ended, or closed its output".to_owned()),
                Err(e) => return Err(e.to_string()),
            };
            match read(&line) {
                Some((id, reply)) if id == self.last => return Ok(reply),
                Some((id, _)) if id < self.last => {}
                _ => self.stray(line),
            }
        }
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.from).take(LIMIT as u64);
        limited.read_until(b'\n', &mut bytes).await?;
        match bytes.last() {
            None => Ok(None),
            Some(b'\n') => {
                bytes.pop();
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Some(_) if bytes.len() == LIMIT => Err(io::Error::other(format!(
                "it printed a line of more than {} MiB",
                LIMIT >> 20
            ))),
            Some(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        }
    }

    fn stray(&mut self, line: String) {
        if self.strays.len() < KEPT && !line.trim().is_empty() {
            self.strays.push(line);
        }
    }
}

impl Drop for StdioClient {
    fn drop(&mut self) {
        let pid = self
            .child
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // The group may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// A file of this directory, for all programs of a node one after the other.
fn kept(directory: &Path, node: &str) -> io::Result<Stdio> {
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("{node}.log"));
    Ok(fs::File::options()
        .append(true)
        .create(true)
        .open(path)?
        .into())
}

/// The id in a reply, and what it says.
fn read(line: &str) -> Option<(u64, Reply)> {
    let Value::Object(mut reply) = serde_json::from_str(line).ok()? else {
        return None;
    };
    let id = reply.get("id")?.as_u64()?;
    let words = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let said = [
        reply.remove("ok"),
        reply.remove("fail"),
        reply.remove("info"),
    ];
    let reply = match said {
        [Some(value), None, None] => Reply::Ok(value),
        [None, Some(why), None] => Reply::Fail(words(why)),
        [None, None, Some(why)] => Reply::Info(words(why)),
        _ => return None,
    };
    Some((id, reply))
}

/// What `ok` means.
fn done(reads: bool, value: &Value) -> (Outcome<RegisterReturn>, String) {
    if !reads {
        return (Outcome::Ok(RegisterReturn::Done), "it says ok".to_owned());
    }
    let number = match value {
        Value::Null => Some(None),
        Value::Number(n) => n.as_i64().map(Some),
        _ => None,
    };
    match number {
        Some(value) => (
            Outcome::Ok(RegisterReturn::Value(value)),
            "it says ok".to_owned(),
        ),
        None => {
            let why = format!("a read is ok with a whole number or null, not with {value}");
            (
                Outcome::Fail(Reason::with_detail("strange-answer", &why)),
                why,
            )
        }
    }
}

/// The first word of what it says is what such outcomes are counted by.
fn reason(verdict: &str, why: &str) -> Reason {
    let word: String = why
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    let word = word
        .trim_matches('-')
        .split("--")
        .next()
        .unwrap_or_default();
    match word {
        "mismatch" => Reason::new("cas-mismatch"),
        "" => Reason::new(&format!("adapter-{verdict}")),
        word => {
            let short: String = word.chars().take(40).collect();
            Reason::with_detail(short.trim_end_matches('-'), why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_exactly_one_thing_about_one_call() {
        assert!(matches!(
            read(r#"{"id":1,"ok":null}"#),
            Some((1, Reply::Ok(Value::Null)))
        ));
        assert!(
            matches!(read(r#"{"id":2,"fail":"no","more":1}"#), Some((2, Reply::Fail(w))) if w == "no")
        );
        assert!(
            matches!(read(r#"{"id":2,"info":{"a":1}}"#), Some((2, Reply::Info(w))) if w == r#"{"a":1}"#)
        );
        for stray in [
            "",
            "null",
            "{}",
            r#"{"id":1}"#,
            r#"{"ok":1}"#,
            r#"{"id":-1,"ok":1}"#,
            r#"{"id":1,"ok":1,"fail":"x"}"#,
            "connected",
        ] {
            assert!(read(stray).is_none(), "{stray}");
        }
    }

    #[test]
    fn errors_are_counted_by_their_own_words() {
        assert_eq!(reason("fail", "mismatch").class(), "cas-mismatch");
        assert_eq!(
            reason("info", "timed out: db1, after 3 s").class(),
            "timed-out"
        );
        assert_eq!(
            reason("info", "[Errno 111] Connection refused").class(),
            "errno-111"
        );
        assert_eq!(reason("fail", "").class(), "adapter-fail");
    }

    #[test]
    fn only_numbers_and_nothing_are_values() {
        assert_eq!(
            done(true, &json!(null)).0,
            Outcome::Ok(RegisterReturn::Value(None))
        );
        assert_eq!(
            done(true, &json!(-3)).0,
            Outcome::Ok(RegisterReturn::Value(Some(-3)))
        );
        assert!(matches!(done(true, &json!("3")).0, Outcome::Fail(_)));
        assert!(matches!(done(true, &json!(1.5)).0, Outcome::Fail(_)));
        assert_eq!(
            done(false, &json!("whatever")).0,
            Outcome::Ok(RegisterReturn::Done)
        );
    }
}
