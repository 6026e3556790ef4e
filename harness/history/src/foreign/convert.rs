//! From ops as they were written to a typed history.
//!
//! What the notations leave open is settled here, and told in [`Notes`]:
//! - Ops of the nemesis, and of whoever else is not a process, are counted and left out.
//! - The order of the record is the order of the text. Where indices are missing or do not grow, events are numbered on;
//!   where times are missing or run backwards (Jepsen's invocations carry the time at which the generator wanted them), the
//!   time of the event before is taken.
//! - What a completed read of nil says depends on who wrote it: see [`Nil`].

use std::sync::Arc;

use serde_json::value::RawValue;

use super::{Caller, Foreign, ForeignError, Format, Kind, Place, short};
use crate::{
    Codec, Datum, Event, History, Index, Key, Moment, Nanos, NodeId, Nodes, Operation, Outcome,
    Process, Reason, Register, RegisterCall, RegisterOp, RegisterReturn, brief::brief,
    history::Pairing,
};

/// The key of a register in a history that has only one, and no name for it.
pub const UNKEYED: Key = Key::Int(0);

/// What a completed read of nil says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nil {
    /// Nothing: nobody knows what was read (Knossos). Such a read is recorded as failed, which constrains nothing either.
    Unknown,
    /// That the register held nothing.
    Absent,
}

/// What must be assumed about registers, because the text does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumptions {
    /// What they hold at first; for the checker, `Linearizable::starting_with`.
    pub initial: Option<i64>,
    /// What a read of nil says.
    pub nil: Nil,
}

impl Assumptions {
    /// What is sound for a format: no correct register is accused, whatever its authors had in mind.
    ///
    /// EDN and JSON: 0 at first, nil unknown, as in Knossos's corpus. A register that was absent at first passes too, since
    /// reads of nil then constrain nothing. In logs and in our journal, nil is absence.
    pub fn of(format: Format) -> Self {
        match format {
            Format::Edn | Format::Json => Self {
                initial: Some(0),
                nil: Nil::Unknown,
            },
            Format::Journal | Format::Log | Format::Plume => Self {
                initial: None,
                nil: Nil::Absent,
            },
        }
    }
}

/// Where keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// In a field of their own, or nowhere.
    InField,
    /// In values, `[key value]`, as in `jepsen.independent`.
    InValue,
}

/// A history, and what had to be done to the text for it.
#[derive(Debug)]
pub struct Imported<O: Operation> {
    /// The history.
    pub history: History<O>,
    /// What was done.
    pub notes: Notes,
}

/// What had to be done to a text to make a history of it, in numbers of ops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notes {
    /// Left out, because they are not those of a process.
    pub of_others: u64,
    /// Reads of nil that say nothing.
    pub nil_reads: u64,
    /// Numbered anew.
    pub renumbered: u64,
    /// With a time that was missing or ran backwards.
    pub retimed: u64,
}

/// Makes a history of registers.
///
/// Functions are `read`, `write` and `cas` (with the values of Jepsen's tutorial: nothing, `v`, `[from to]`). Keys may be in
/// values, in a field, or missing from all ops.
pub fn registers(
    ops: impl IntoIterator<Item = Result<Foreign, ForeignError>>,
    assumptions: &Assumptions,
) -> Result<Imported<Register>, ForeignError> {
    let mut builder = Builder::default();
    let mut keyed = None;
    for op in ops {
        let op = op?;
        let Some(process) = builder.process(&op)? else {
            continue;
        };
        let moment = match op.kind {
            Kind::Invoke => {
                let call = register_call(&op, &mut keyed).map_err(|reason| op.wrong(reason))?;
                Moment::Invoke(call)
            }
            Kind::Ok => {
                let returned = register_return(&op, builder.pairing.open(process), assumptions.nil);
                let outcome = returned.map_err(|reason| op.wrong(reason))?;
                builder.notes.nil_reads += u64::from(matches!(outcome, Outcome::Fail(_)));
                Moment::Complete(outcome)
            }
            Kind::Fail => Moment::Complete(Outcome::Fail(reason(op.error.as_ref()))),
            Kind::Info => Moment::Complete(Outcome::Info(reason(op.error.as_ref()))),
        };
        builder.push(&op, process, moment)?;
    }
    Ok(builder.finish())
}

/// Makes a history of any operation, by way of its [`Codec`]: `f`, key and value are handed over as the journal has them.
/// An `ok` may repeat its call's argument, as Jepsen's do.
pub fn history<O: Codec>(
    ops: impl IntoIterator<Item = Result<Foreign, ForeignError>>,
    keys: Keys,
) -> Result<Imported<O>, ForeignError> {
    let mut builder = Builder::default();
    for op in ops {
        let op = op?;
        let Some(process) = builder.process(&op)? else {
            continue;
        };
        let f = op.f.as_deref().unwrap_or_default();
        let (key, value) = match (&op.key, keys, op.keyed()) {
            (None, Keys::InValue, Some((key, value))) if O::takes_key(f) => (Some(key), value),
            (key, ..) => (key.as_ref(), &op.value),
        };
        let json = || match value {
            Datum::Nil => None,
            value => Some(RawValue::from_string(value.to_json()).expect("it is JSON")),
        };
        let moment = match op.kind {
            Kind::Invoke => {
                let call = O::decode_call(f, key.map(key_of), json().as_deref());
                Moment::Invoke(call.map_err(|reason| op.wrong(reason))?)
            }
            Kind::Ok => Moment::Complete(match builder.pairing.open(process) {
                Some(call) => {
                    let returned = O::decode_repeating(call, json().as_deref());
                    Outcome::Ok(returned.map_err(|reason| op.wrong(reason))?)
                }
                None => orphan(),
            }),
            Kind::Fail => Moment::Complete(Outcome::Fail(reason(op.error.as_ref()))),
            Kind::Info => Moment::Complete(Outcome::Info(reason(op.error.as_ref()))),
        };
        builder.push(&op, process, moment)?;
    }
    Ok(builder.finish())
}

impl Foreign {
    pub(super) fn wrong(&self, reason: String) -> ForeignError {
        let place = self.place;
        let reason = brief(reason);
        ForeignError::Wrong { place, reason }
    }
}

/// Any outcome will do for a completion without a call: it is refused.
pub(super) fn orphan<R>() -> Outcome<R> {
    Outcome::Fail(Reason::new("orphan"))
}

pub(super) struct Builder<O: Operation> {
    pairing: Pairing<O>,
    notes: Notes,
    last: Option<(u32, u64)>,
    nodes: Vec<Arc<str>>,
}

impl<O: Operation> Default for Builder<O> {
    fn default() -> Self {
        Self {
            pairing: Pairing::default(),
            notes: Notes::default(),
            last: None,
            nodes: Vec::new(),
        }
    }
}

impl<O: Operation> Builder<O> {
    /// The open call of a process.
    pub(super) fn open(&self, process: Process) -> Option<&O::Call> {
        self.pairing.open(process)
    }

    /// The process of an op; `None`, and counted, if it is not one's.
    pub(super) fn process(&mut self, op: &Foreign) -> Result<Option<Process>, ForeignError> {
        match &op.caller {
            Caller::Process(n) => match u32::try_from(*n) {
                Ok(n) => Ok(Some(Process(n))),
                Err(_) => Err(op.wrong(format!("process {n} is not within 0 and {}", u32::MAX))),
            },
            Caller::Other(_) => {
                self.notes.of_others += 1;
                Ok(None)
            }
        }
    }

    pub(super) fn push(
        &mut self,
        op: &Foreign,
        process: Process,
        moment: Moment<O>,
    ) -> Result<(), ForeignError> {
        let written = op.index.and_then(|n| u32::try_from(n).ok());
        let index = match (written, self.last) {
            (Some(index), None) => index,
            (Some(index), Some((last, _))) if index > last => index,
            (_, last) => {
                self.notes.renumbered += 1;
                let next = last.map_or(Some(0), |(last, _)| last.checked_add(1));
                next.ok_or_else(|| op.wrong("there is no index left for this event".to_owned()))?
            }
        };
        let written = op.time.and_then(|n| u64::try_from(n).ok());
        let before = self.last.map_or(0, |(_, time)| time);
        let time = match written {
            Some(time) if time >= before => time,
            _ => {
                self.notes.retimed += 1;
                before
            }
        };
        self.last = Some((index, time));
        let event = Event {
            index: Index(index),
            time: Nanos(time),
            process,
            node: self.node(op)?,
            moment,
        };
        self.pairing.push(event).map_err(|malformed| {
            let place: Place = op.place;
            ForeignError::Malformed { place, malformed }
        })
    }

    fn node(&mut self, op: &Foreign) -> Result<Option<NodeId>, ForeignError> {
        let Some(name) = &op.node else {
            return Ok(None);
        };
        let known = self.nodes.iter().position(|node| node == name);
        let at = known.unwrap_or_else(|| {
            self.nodes.push(Arc::clone(name));
            self.nodes.len() - 1
        });
        match u16::try_from(at) {
            Ok(at) => Ok(Some(NodeId(at))),
            Err(_) => Err(op.wrong("more than 65536 nodes".to_owned())),
        }
    }

    pub(super) fn finish(self) -> Imported<O> {
        Imported {
            history: self.pairing.finish(Nodes::new(self.nodes)),
            notes: self.notes,
        }
    }
}

/// Numbers and strings as they are; anything else by its text, so that `:x` and `"x"` stay two.
pub(super) fn key_of(datum: &Datum) -> Key {
    match datum {
        Datum::Int(n) => Key::Int(*n),
        Datum::Text(name) => Key::Text(Arc::clone(name)),
        other => Key::Text(other.to_string().into()),
    }
}

fn register_call(op: &Foreign, keyed: &mut Option<bool>) -> Result<RegisterCall, String> {
    let f = op.f.as_deref().unwrap_or_default();
    let pair = |datum: &Datum| matches!(datum.as_seq(), Some([_, _]));
    // The value of a cas is a pair anyway: with a key it is a pair with a pair in it.
    let in_value = match op.keyed() {
        Some((_, value)) => f != "cas" || pair(value),
        None => false,
    };
    let (key, value) = match (&op.key, op.keyed()) {
        (Some(key), _) => (Some(key), &op.value),
        (None, Some((key, value))) if in_value => (Some(key), value),
        _ => (None, &op.value),
    };
    let has_key = key.is_some();
    if *keyed.get_or_insert(has_key) != has_key {
        return Err("some calls have a key and others have none".to_owned());
    }
    let integer = |datum: &Datum| {
        let value = datum.as_int();
        value.ok_or_else(|| {
            format!(
                "a register holds 64-bit integers here, not {}",
                short(datum)
            )
        })
    };
    let call = match f {
        "read" => RegisterOp::Read,
        "write" => RegisterOp::Write(integer(value)?),
        "cas" => match value.as_seq() {
            Some([from, to]) => RegisterOp::Cas {
                from: integer(from)?,
                to: integer(to)?,
            },
            _ => {
                return Err(format!(
                    "a cas has the value [from to], not {}",
                    short(value)
                ));
            }
        },
        "" => return Err("this op has no f".to_owned()),
        other => {
            return Err(format!(
                "a register has no function {other:?}; it has read, write and cas"
            ));
        }
    };
    Ok(RegisterCall {
        key: key.map_or(UNKEYED, key_of),
        op: call,
    })
}

fn register_return(
    op: &Foreign,
    call: Option<&RegisterCall>,
    nil: Nil,
) -> Result<Outcome<RegisterReturn>, String> {
    let Some(call) = call else {
        return Ok(orphan());
    };
    if call.op != RegisterOp::Read {
        return Ok(Outcome::Ok(RegisterReturn::Done));
    }
    let value = match op.keyed() {
        Some((_, value)) if op.key.is_none() => value,
        _ => &op.value,
    };
    match (value, nil) {
        (Datum::Int(n), _) => Ok(Outcome::Ok(RegisterReturn::Value(Some(*n)))),
        (Datum::Nil, Nil::Absent) => Ok(Outcome::Ok(RegisterReturn::Value(None))),
        (Datum::Nil, Nil::Unknown) => Ok(Outcome::Fail(Reason::with_detail(
            "nil-read",
            "what was read is not known",
        ))),
        (other, _) => Err(format!(
            "a register holds 64-bit integers here, not {}",
            short(other)
        )),
    }
}

/// `:class`, `[:class "detail"]`, a text, or anything.
pub(super) fn reason(error: Option<&Datum>) -> Reason {
    let Some(error) = error else {
        return Reason::new("unknown");
    };
    if let Some(class) = error.as_name() {
        return Reason::new(class);
    }
    match error.as_seq() {
        Some([class, details @ ..]) if class.as_name().is_some() => {
            let class = class.as_name().expect("looked at above");
            let details: Vec<String> = details.iter().map(detail).collect();
            Reason::with_detail(class, &details.join(" "))
        }
        _ => Reason::with_detail("error", &error.to_string()),
    }
}

fn detail(datum: &Datum) -> String {
    match datum {
        Datum::Text(text) => text.to_string(),
        other => other.to_string(),
    }
}
