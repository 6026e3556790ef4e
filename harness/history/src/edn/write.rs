//! Our events as Jepsen's EDN, an op map per line.

use std::io::{self, Write};

use crate::{Codec, Datum, Event, Fields, Key, Moment, Nodes, Outcome, Reason, lines::Lines};

/// Writes events as op maps, in Jepsen's terms.
///
/// ```text
/// {:index 7, :time 1234567, :type :invoke, :process 3, :f :write, :value ["x" 17], :node "n2"}
/// ```
///
/// A key and a value become `[key value]`, as `jepsen.independent` has it. Completions repeat the value of the call, but
/// for what an `ok` returned. In transactions (`f` is `txn`) the name of each access is a keyword, `[:append 3 1]`, as Elle
/// wants it. What names a part of a map is a keyword, and a number where it looks like one: `{:from 0, :to 1, :amount 5}`,
/// `{0 10, 1 10}`. Errors are `:class` or `[:class "detail"]`. Flushing is the caller's.
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
    let Fields { f, key, value } = O::encode_call(call);
    let (value, error) = match &event.moment {
        Moment::Invoke(_) => (value, None),
        Moment::Complete(Outcome::Ok(ret)) => (O::encode_repeating(call, ret), None),
        Moment::Complete(Outcome::Fail(reason) | Outcome::Info(reason)) => (value, Some(reason)),
    };
    let value = match value {
        Some(json) => serde_json::from_str(&json)?,
        None => Datum::Nil,
    };
    let value = match f {
        "txn" => transaction(value),
        _ => named(value),
    };
    let value = match key {
        Some(Key::Int(n)) => Datum::vector([Datum::Int(n), value]),
        Some(Key::Text(name)) => Datum::vector([Datum::Text(name), value]),
        None => value,
    };
    write!(
        line,
        "{{:index {}, :time {}, :type :{kind}, :process {}, :f {}, :value {value}",
        event.index.0,
        event.time.0,
        event.process.0,
        word(f),
    )?;
    if let Some(reason) = error {
        write!(line, ", :error {}", error_of(reason))?;
    }
    if let Some(node) = event.node {
        write!(line, ", :node {}", Datum::text(nodes.name(node)))?;
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

/// With a keyword for the name of each access.
fn transaction(value: Datum) -> Datum {
    let access = |datum| match datum {
        Datum::Vector(mut parts) => {
            if let Some(Datum::Text(name)) = parts.first() {
                parts[0] = word(name);
            }
            Datum::Vector(parts)
        }
        other => other,
    };
    match value {
        Datum::Vector(accesses) => Datum::vector(accesses.into_iter().map(access)),
        other => other,
    }
}

/// With the keys of a map, or of maps in a list, as Clojure has them; JSON has only strings. No operation has maps deeper
/// than that.
fn named(value: Datum) -> Datum {
    match value {
        Datum::Vector(rows) => Datum::vector(rows.into_iter().map(map)),
        other => map(other),
    }
}

fn map(value: Datum) -> Datum {
    let key = |key: Datum| match key.as_name() {
        Some(name) => match name.parse::<i64>() {
            Ok(n) if n.to_string() == **name => Datum::Int(n),
            _ => word(name),
        },
        None => key,
    };
    match value {
        Datum::Map(entries) => Datum::Map(entries.into_iter().map(|(k, v)| (key(k), v)).collect()),
        other => other,
    }
}

fn error_of(reason: &Reason) -> Datum {
    match reason.detail() {
        "" => word(reason.class()),
        detail => Datum::vector([word(reason.class()), Datum::text(detail)]),
    }
}

/// A keyword if that can be written as one, or else a string.
fn word(name: &str) -> Datum {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '?' | '!');
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(inside) {
        true => Datum::keyword(name),
        false => Datum::text(name),
    }
}
