//! Transactions: `[[:append 3 1] [:r 4 [1 2]]]`, in any notation that has ops of this shape.
//!
//! Steps are taken from the op as it was read, without the detour through the journal's JSON that
//! [`history`](super::history) makes: a history of transactions is mostly numbers in lists, and copying those twice would
//! take as long as reading them. Histories of nothing but transactions sometimes leave `f` out.

use std::io::Read;

use super::{
    Caller, Draft, Foreign, ForeignError, Format, Imported, Kind, Place, Reader, convert::Builder,
    plume::Ended, reader::Pulled, short,
};
use crate::{
    Datum, Moment, Outcome, Process, Seen, Txn, TxnCall, TxnOp, TxnReturn, TxnStep,
    foreign::convert::{key_of, orphan, reason},
    txn::Returned,
};

/// What a register that transactions read and write holds before the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Nothing.
    #[default]
    Absent,
    /// One value per key that nobody recorded the writing of, or nothing.
    Unknown,
}

impl Start {
    /// What is sound for a format: no correct store is accused, whatever was in it before the record began. Our journal is
    /// written by runs that begin with an empty store; of the histories of others nobody says so, and Jepsen's own
    /// workload of registers describes one "whose value is initially 1".
    pub fn of(format: Format) -> Self {
        match format {
            Format::Journal => Self::Absent,
            Format::Edn | Format::Json | Format::Log | Format::Plume => Self::Unknown,
        }
    }
}

/// `registers hold nothing at first`.
impl std::fmt::Display for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "registers hold nothing at first",
            Self::Unknown => "registers may hold anything at first: one value each, written before the record begins",
        })
    }
}

/// Makes a history of transactions on lists and registers.
///
/// Calls are `txn`, or have no function; their values are steps `[:append KEY VALUE]`, `[:w KEY VALUE]` and `[:r KEY SEEN]`,
/// where what was seen is nil, an integer or a list of integers. Knossos writes `:write` and `:read`.
pub fn transactions(
    ops: impl IntoIterator<Item = Result<Foreign, ForeignError>>,
) -> Result<Imported<Txn>, ForeignError> {
    let mut builder = Builder::default();
    for op in ops {
        take(&mut builder, &op?)?;
    }
    Ok(builder.finish())
}

/// The same from a text. Transactions that it does not write as ops never become any.
pub fn read_transactions<R: Read>(mut text: Reader<R>) -> Result<Imported<Txn>, ForeignError> {
    let mut builder = Builder::default();
    loop {
        match text.pull()? {
            Pulled::Op(op) => take(&mut builder, &op)?,
            Pulled::Txn(ended, place) => match plain(&ended) {
                Some(done) => take_done(&mut builder, done, place)?,
                None => {
                    for op in text.written(ended, place) {
                        take(&mut builder, &op)?;
                    }
                }
            },
            Pulled::Nothing => return Ok(builder.finish()),
        }
    }
}

fn take(builder: &mut Builder<Txn>, op: &Foreign) -> Result<(), ForeignError> {
    let Some(process) = builder.process(op)? else {
        return Ok(());
    };
    let moment = match op.kind {
        Kind::Invoke => Moment::Invoke(call(op).map_err(|reason| op.wrong(reason))?),
        Kind::Ok => Moment::Complete(match builder.open(process) {
            Some(call) => Outcome::Ok(returned(op, call).map_err(|why| op.wrong(why))?),
            None => orphan(),
        }),
        Kind::Fail => Moment::Complete(Outcome::Fail(reason(op.error.as_ref()))),
        Kind::Info => Moment::Complete(Outcome::Info(reason(op.error.as_ref()))),
    };
    builder.push(op, process, moment)
}

/// A transaction with what it saw.
type Done = (Process, TxnCall, TxnReturn);

/// `None` where there is something wrong with it, which its ops will show.
fn plain(ended: &Ended) -> Option<Done> {
    let process = Process(u32::try_from(ended.session).ok()?);
    let mut steps = Vec::with_capacity(ended.accesses.len());
    let mut reads = Returned::default();
    for access in &ended.accesses {
        let op = match (access.reads, &access.value) {
            (true, Datum::Nil) => {
                reads.push(Seen::Nothing);
                TxnOp::Read
            }
            (true, Datum::Int(v)) => {
                reads.push(Seen::Value(*v));
                TxnOp::Read
            }
            (false, Datum::Int(v)) => TxnOp::Write(*v),
            _ => return None,
        };
        let key = key_of(&access.key);
        steps.push(TxnStep { key, op });
    }
    Some((process, TxnCall(steps.into()), reads.finish()))
}

fn take_done(
    builder: &mut Builder<Txn>,
    (process, call, ret): Done,
    place: Place,
) -> Result<(), ForeignError> {
    let draft = Draft {
        kind: Some(Kind::Ok),
        caller: Some(Caller::Process(i64::from(process.0))),
        ..Draft::default()
    };
    let op = draft.finish().expect("it has a type and a process");
    let op = Foreign { place, ..op };
    builder.push(&op, process, Moment::Invoke(call))?;
    builder.push(&op, process, Moment::Complete(Outcome::Ok(ret)))
}

fn call(op: &Foreign) -> Result<TxnCall, String> {
    if let Some(f) = op.f.as_deref().filter(|f| *f != "txn") {
        return Err(format!(
            "a transaction has no call {f:?}; it is called txn, and its steps are append, w and r"
        ));
    }
    let steps = op.value.as_seq().ok_or_else(|| {
        let value = short(&op.value);
        format!("the value of a transaction is a list of steps, not {value}")
    })?;
    let steps = steps.iter().map(|datum| {
        let (op, key, _) = step(datum)?;
        let key = key_of(key);
        Ok(TxnStep { key, op })
    });
    Ok(TxnCall(steps.collect::<Result<_, String>>()?))
}

/// What a step does, to what, and what it says that was seen.
fn step(datum: &Datum) -> Result<(TxnOp, &Datum, &Datum), String> {
    let wrong = || {
        let step = short(datum);
        format!("a step is [:append KEY VALUE], [:w KEY VALUE] or [:r KEY SEEN], not {step}")
    };
    let (name, key, value) = match datum.as_seq() {
        Some([name, key, value]) => (name, key, value),
        Some([name, key]) => (name, key, &Datum::Nil),
        _ => return Err(wrong()),
    };
    let written = || {
        let value = value.as_int();
        value.ok_or_else(|| format!("a 64-bit integer is needed in {}", short(datum)))
    };
    let op = match &**name.as_name().ok_or_else(wrong)? {
        "r" | "read" => TxnOp::Read,
        "append" => TxnOp::Append(written()?),
        "w" | "write" => TxnOp::Write(written()?),
        _ => return Err(wrong()),
    };
    Ok((op, key, value))
}

fn returned(op: &Foreign, call: &TxnCall) -> Result<TxnReturn, String> {
    if op.value.is_nil() && call.0.iter().all(|step| step.op != TxnOp::Read) {
        return Ok(TxnReturn::default());
    }
    let steps = op.value.as_seq().unwrap_or_default();
    if steps.len() != call.0.len() {
        return Err(format!(
            "the transaction had {} steps, and {} came back",
            call.0.len(),
            steps.len()
        ));
    }
    let mut reads = Returned::default();
    for (at, (datum, asked)) in steps.iter().zip(&call.0).enumerate() {
        let (op, key, seen) = step(datum)?;
        // Most keys are integers, and comparing those needs no copy.
        let same = match (key, &asked.key) {
            (Datum::Int(a), crate::Key::Int(b)) => a == b,
            (key, asked) => key_of(key) == *asked,
        };
        if op != asked.op || !same {
            return Err(format!(
                "step {} of the transaction came back as another",
                at + 1
            ));
        }
        if op != TxnOp::Read {
            continue;
        }
        let wrong = || {
            let seen = short(seen);
            format!("a read sees nil, a 64-bit integer or a list of them, not {seen}")
        };
        match seen {
            Datum::Nil => reads.push(Seen::Nothing),
            Datum::Int(v) => reads.push(Seen::Value(*v)),
            list => {
                let list = list.as_seq().ok_or_else(wrong)?.iter();
                let whole = reads.push_list(list.map(Datum::as_int));
                whole.then_some(()).ok_or_else(wrong)?;
            }
        }
    }
    Ok(reads.finish())
}
