//! The journal: a history as JSON Lines, one event a line, in the order in which things happened.
//!
//! ```text
//! {"index":7,"time":1234567,"process":3,"type":"invoke","f":"write","key":"x","value":17,"node":"n2"}
//! {"index":9,"time":1239999,"process":3,"type":"info","f":"write","key":"x","error":["timeout","5s"],"node":"n2"}
//! ```
//!
//! Field names are Jepsen's where Jepsen has them; `time` is in nanoseconds since the run began. `type` is `invoke`,
//! `ok`, `fail` or `info`. Completions repeat `f` and `key`; an `ok` has the returned `value`, the other two have an
//! `error`: a class, or a class and a detail. Fields that are not known are ignored.
//!
//! A run can be killed while it writes. Then the last line is torn: it has no line feed and is no JSON. The reader
//! leaves it out and says so; anything else that is wrong is an error with its line.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, BufRead, Write},
    marker::PhantomData,
    sync::Arc,
};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Codec, Event, History, Index, Key, Malformed, Moment, Nanos, NodeId, Nodes, Outcome, Process,
    Reason, brief::brief, history::Pairing, lines::Lines,
};

/// Writes events as lines. Each line is handed over whole; flushing is the caller's.
#[derive(Debug)]
pub struct Writer<O: Codec, W>(Lines<O, W>);

impl<O: Codec, W: Write> Writer<O, W> {
    /// Into `out`, with these names for the nodes.
    pub fn new(out: W, nodes: Nodes) -> Self {
        Self(Lines::new(out, nodes))
    }

    /// Writes one event. A completion of a call that was never written is refused as invalid input.
    pub fn write(&mut self, event: &Event<O>) -> io::Result<()> {
        self.0.write(event, render)
    }

    /// Flushes what is underneath.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    /// What is underneath.
    pub fn into_inner(self) -> W {
        self.0.into_inner()
    }
}

fn render<O: Codec>(
    line: &mut Vec<u8>,
    event: &Event<O>,
    call: &O::Call,
    nodes: &Nodes,
) -> io::Result<()> {
    let kind = event.moment.word();
    write!(
        line,
        r#"{{"index":{},"time":{},"process":{},"type":"{kind}","#,
        event.index.0, event.time.0, event.process.0
    )?;
    let fields = O::encode_call(call);
    heading(line, fields.f, fields.key.as_ref())?;
    match &event.moment {
        Moment::Invoke(_) => value(line, fields.value.as_deref()),
        Moment::Complete(Outcome::Ok(ret)) => {
            value(line, O::encode_return(call, ret).as_deref());
        }
        Moment::Complete(Outcome::Fail(reason) | Outcome::Info(reason)) => error(line, reason)?,
    }
    if let Some(node) = event.node {
        line.extend_from_slice(br#","node":"#);
        serde_json::to_writer(&mut *line, nodes.name(node))?;
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

fn heading(line: &mut Vec<u8>, f: &str, key: Option<&Key>) -> io::Result<()> {
    line.extend_from_slice(br#""f":"#);
    serde_json::to_writer(&mut *line, f)?;
    match key {
        Some(Key::Int(n)) => write!(line, r#","key":{n}"#)?,
        Some(Key::Text(name)) => {
            line.extend_from_slice(br#","key":"#);
            serde_json::to_writer(line, &**name)?;
        }
        None => {}
    }
    Ok(())
}

fn value(line: &mut Vec<u8>, json: Option<&str>) {
    if let Some(json) = json {
        line.extend_from_slice(br#","value":"#);
        // Line feeds in JSON can only stand between tokens; here they would end the line.
        line.extend(json.bytes().map(|b| match b {
            b'\n' | b'\r' => b' ',
            b => b,
        }));
    }
}

fn error(line: &mut Vec<u8>, reason: &Reason) -> io::Result<()> {
    line.extend_from_slice(br#","error":"#);
    match reason.detail() {
        "" => serde_json::to_writer(line, reason.class())?,
        detail => serde_json::to_writer(line, &(reason.class(), detail))?,
    }
    Ok(())
}

/// What was read.
#[derive(Debug)]
pub struct Journal<O: Codec> {
    /// The history.
    pub history: History<O>,
    /// The last line, if it was torn.
    pub torn: Option<Torn>,
    /// How many lines were read, without the torn one.
    pub lines: usize,
}

/// A last line that was not written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Its number, from 1.
    pub line: usize,
    /// How many bytes of it there are.
    pub bytes: usize,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line that is not an event.
    #[error("line {line}{}: {reason}", column.map(|c| format!(", column {c}")).unwrap_or_default())]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Where in the line, from 1, if that is known.
        column: Option<usize>,
        /// What is wrong with it.
        reason: String,
    },
    /// An event that cannot have happened after those before it.
    #[error("line {line}: {malformed}")]
    Malformed {
        /// Its line, from 1.
        line: usize,
        /// What is wrong with it.
        malformed: Malformed,
    },
    /// The file itself cannot be read.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}

/// One line as JSON has it. Strings are borrowed from the line unless they contain escapes.
#[derive(Deserialize)]
struct Line<'a> {
    index: u32,
    time: u64,
    process: u32,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default, borrow)]
    f: Cow<'a, str>,
    #[serde(default, borrow)]
    key: Option<&'a RawValue>,
    #[serde(default, borrow)]
    value: Option<&'a RawValue>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    node: Option<Text<'a>>,
}

/// A string, borrowed if it has no escapes; serde would copy a `Cow` inside of an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a journal to its end.
pub fn read<O: Codec>(mut input: impl BufRead) -> Result<Journal<O>, JournalError> {
    let mut reader = Reader::<O>::default();
    let mut buffer = Vec::with_capacity(1024);
    let mut lines = 0;
    let mut torn = None;
    loop {
        buffer.clear();
        if input.read_until(b'\n', &mut buffer)? == 0 {
            break;
        }
        let whole = buffer.last() == Some(&b'\n');
        let text = match std::str::from_utf8(&buffer) {
            Ok(text) => text.trim_end(),
            Err(_) if !whole => {
                torn = Some(Torn {
                    line: lines + 1,
                    bytes: buffer.len(),
                });
                break;
            }
            Err(error) => {
                return Err(JournalError::Line {
                    line: lines + 1,
                    column: Some(error.valid_up_to() + 1),
                    reason: "not UTF-8".to_owned(),
                });
            }
        };
        match serde_json::from_str::<Line<'_>>(text) {
            _ if text.is_empty() => {}
            Ok(line) => reader.add(&line, lines + 1)?,
            Err(error) if !whole && !error.is_data() => {
                torn = Some(Torn {
                    line: lines + 1,
                    bytes: buffer.len(),
                });
                break;
            }
            Err(error) => return Err(syntax(&error, lines + 1)),
        }
        lines += 1;
    }
    let nodes = Nodes::new(reader.nodes);
    Ok(Journal {
        history: reader.pairing.finish(nodes),
        torn,
        lines,
    })
}

fn syntax(error: &serde_json::Error, line: usize) -> JournalError {
    // serde_json counts lines too, but it saw only one.
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    JournalError::Line {
        line,
        column: (error.column() > 0).then(|| error.column()),
        reason: brief(reason),
    }
}

struct Reader<O: Codec> {
    pairing: Pairing<O>,
    nodes: Vec<String>,
    names: BTreeSet<Arc<str>>,
    operation: PhantomData<O>,
}

impl<O: Codec> Default for Reader<O> {
    fn default() -> Self {
        Self {
            pairing: Pairing::default(),
            nodes: Vec::new(),
            names: BTreeSet::new(),
            operation: PhantomData,
        }
    }
}

impl<O: Codec> Reader<O> {
    fn add(&mut self, line: &Line<'_>, number: usize) -> Result<(), JournalError> {
        let event = self.event(line).map_err(|reason| JournalError::Line {
            line: number,
            column: None,
            reason: brief(reason),
        })?;
        self.pairing
            .push(event)
            .map_err(|malformed| JournalError::Malformed {
                line: number,
                malformed,
            })
    }

    fn event(&mut self, line: &Line<'_>) -> Result<Event<O>, String> {
        let process = Process(line.process);
        let moment = match &*line.kind {
            "invoke" => {
                let key = self.key(line.key)?;
                Moment::Invoke(O::decode_call(&line.f, key, line.value)?)
            }
            "ok" => match self.pairing.open(process) {
                Some(call) => Moment::Complete(Outcome::Ok(O::decode_return(call, line.value)?)),
                // There is no call to say what the value means. Any outcome will do: an orphan is refused.
                None => Moment::Complete(Outcome::Fail(Reason::new("orphan"))),
            },
            "fail" => Moment::Complete(Outcome::Fail(reason(line.error)?)),
            "info" => Moment::Complete(Outcome::Info(reason(line.error)?)),
            other => {
                return Err(format!(
                    "no event has the type {other:?}; it is invoke, ok, fail or info"
                ));
            }
        };
        Ok(Event {
            index: Index(line.index),
            time: Nanos(line.time),
            process,
            node: match &line.node {
                Some(Text(name)) => Some(self.node(name)?),
                None => None,
            },
            moment,
        })
    }

    fn key(&mut self, raw: Option<&RawValue>) -> Result<Option<Key>, String> {
        let Some(raw) = raw.map(RawValue::get).filter(|raw| *raw != "null") else {
            return Ok(None);
        };
        if let Ok(n) = raw.parse() {
            return Ok(Some(Key::Int(n)));
        }
        let Text(name) = serde_json::from_str(raw)
            .map_err(|_| format!("a key is a string or a 64-bit integer, not {raw}"))?;
        // Histories have few keys and many calls: one copy of each name.
        let shared = match self.names.get(&*name) {
            Some(shared) => Arc::clone(shared),
            None => {
                let shared: Arc<str> = Arc::from(&*name);
                self.names.insert(Arc::clone(&shared));
                shared
            }
        };
        Ok(Some(Key::Text(shared)))
    }

    fn node(&mut self, name: &str) -> Result<NodeId, String> {
        let at = match self.nodes.iter().position(|known| known == name) {
            Some(at) => at,
            None => {
                self.nodes.push(name.to_owned());
                self.nodes.len() - 1
            }
        };
        u16::try_from(at)
            .map(NodeId)
            .map_err(|_| "more than 65536 nodes".to_owned())
    }
}

fn reason(raw: Option<&RawValue>) -> Result<Reason, String> {
    let Some(raw) = raw else {
        return Ok(Reason::new("unknown"));
    };
    if let Ok(Text(class)) = serde_json::from_str(raw.get()) {
        return Ok(Reason::new(&class));
    }
    match serde_json::from_str::<(Text<'_>, Text<'_>)>(raw.get()) {
        Ok((Text(class), Text(detail))) => Ok(Reason::with_detail(&class, &detail)),
        Err(_) => Err(format!(
            "an error is \"class\" or [\"class\",\"detail\"], not {}",
            raw.get()
        )),
    }
}
