//! Histories from files, in any notation, as one operation or another.

use std::{collections::HashMap, fs::File, io::BufReader, path::Path};

use history::{
    Codec, Datum, History, Nodes, Operation, Register, Txn,
    foreign::{
        self, Assumptions, Foreign, ForeignError, Format, Imported, Keys, Nil, Notes, Reader, Start,
    },
    journal::{self, JournalError, Torn},
    ops::{Set, Snapshot},
};

use super::{
    Initial, Reading,
    shape::{Keyed, Shape},
};
use crate::exit::Failure;

/// A history with what has to be said about how it was read.
pub(super) struct Read<O: Operation> {
    /// What the clients did.
    pub(super) history: History<O>,
    /// What was assumed of its objects.
    pub(super) assumed: Assumed,
    /// For people.
    pub(super) told: Vec<String>,
}

impl<O: Operation> Read<O> {
    /// A history without calls, of which nothing is assumed but that times count.
    pub(super) fn nothing() -> Self {
        Self {
            history: History::new(Nodes::default(), []).expect("no call contradicts another"),
            assumed: Assumed {
                real_time: true,
                ..Assumed::default()
            },
            told: Vec::new(),
        }
    }
}

/// What was assumed because the text does not say it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Assumed {
    /// What a register holds at first.
    pub(crate) initial: Option<i64>,
    /// What a register in transactions holds at first.
    pub(crate) start: Start,
    /// What somebody says that objects hold at first.
    pub(crate) told: Option<Initial>,
    /// Whether the order of the record is that of real time.
    pub(crate) real_time: bool,
}

/// The text of others: its ops, its notation, and the file again.
pub(super) struct Text<'a> {
    ops: Reader<File>,
    format: Format,
    path: &'a Path,
}

/// How the ops of others become calls.
pub(super) type Import<O> = fn(Text<'_>, &Reading) -> Result<(Imported<O>, Vec<String>), Failure>;

/// Opens a file; `None` if it is empty.
pub(super) fn open(path: &Path) -> Result<Option<File>, Failure> {
    let at = path.display();
    let file = File::open(path).map_err(|e| Failure::usage(format!("cannot read {at}: {e}")))?;
    Ok(file.metadata().is_ok_and(|m| m.len() > 0).then_some(file))
}

/// Reads a file.
pub(super) fn read<O: Codec>(
    path: &Path,
    how: &Reading,
    import: Import<O>,
) -> Result<Read<O>, Failure> {
    let mut assumed = Assumed {
        initial: match how.initial {
            Some(Initial::Value(value)) => Some(value),
            _ => None,
        },
        start: match how.initial {
            Some(Initial::Unknown) => Start::Unknown,
            _ => Start::Absent,
        },
        told: how.initial,
        real_time: true,
    };
    if let Some(file) = open(path)? {
        let (sniffed, ops) = foreign::open(file).map_err(|e| complaint(path, e))?;
        if sniffed.format != Format::Journal {
            let told = format!("{}: read as {}", path.display(), sniffed.why);
            if how.initial.is_none() {
                assumed.initial = Assumptions::of(sniffed.format).initial;
                assumed.start = Start::of(sniffed.format);
            }
            assumed.real_time = sniffed.format.has_real_time();
            let format = sniffed.format;
            let (imported, said) = import(Text { ops, format, path }, how)?;
            let mut told = vec![told];
            told.extend(said);
            told.extend(noted(imported.notes));
            return Ok(Read {
                history: imported.history,
                assumed,
                told,
            });
        }
    }
    let journal = ours(path)?;
    let told = journal.torn.map(|Torn { line, bytes }| {
        format!("line {line} was torn off after {bytes} bytes, and is left out")
    });
    Ok(Read {
        history: journal.history,
        assumed,
        told: told.into_iter().collect(),
    })
}

fn ours<O: Codec>(path: &Path) -> Result<journal::Journal<O>, Failure> {
    let at = path.display();
    let file = File::open(path).map_err(|e| Failure::usage(format!("cannot read {at}: {e}")))?;
    journal::read(BufReader::with_capacity(1 << 20, file)).map_err(|e| match e {
        JournalError::Line {
            line,
            column: Some(column),
            reason,
        } => Failure::usage(format!("{at}:{line}:{column}: {reason}")),
        JournalError::Line {
            line,
            column: None,
            reason,
        } => Failure::usage(format!("{at}:{line}: {reason}")),
        JournalError::Malformed { line, malformed } => {
            Failure::usage(format!("{at}:{line}: {malformed}"))
        }
        JournalError::Io(e) => Failure::infrastructure(format!("cannot read {at}: {e}")),
    })
}

/// Where and why a text of others is wrong.
pub(super) fn complaint(path: &Path, error: ForeignError) -> Failure {
    let at = path.display();
    match error {
        ForeignError::Wrong { place, reason } => {
            Failure::usage(format!("{at}:{}:{}: {reason}", place.line, place.column))
        }
        ForeignError::Malformed { place, malformed } => {
            Failure::usage(format!("{at}:{}:{}: {malformed}", place.line, place.column))
        }
        ForeignError::Unrecognized(_) => Failure::usage(format!("{at}: {error}")),
        ForeignError::Io(e) => Failure::infrastructure(format!("cannot read {at}: {e}")),
    }
}

/// Registers: what they hold at first, and what a read of nil says, must be assumed.
pub(super) fn registers(
    text: Text<'_>,
    how: &Reading,
) -> Result<(Imported<Register>, Vec<String>), Failure> {
    let mut assumed = Assumptions::of(text.format);
    match how.initial {
        None => {}
        Some(Initial::Nothing) => assumed.initial = None,
        Some(Initial::Value(value)) => assumed.initial = Some(value),
        Some(Initial::Unknown) => {
            return Err(Failure::usage(
                "--initial unknown is for rw-register; of a register say nil or a value",
            ));
        }
    }
    assumed.nil = how.nil.unwrap_or(assumed.nil);
    let initial = assumed
        .initial
        .map_or("nothing".to_owned(), |v| v.to_string());
    let nil = match assumed.nil {
        Nil::Unknown => "a read of nil says nothing",
        Nil::Absent => "a read of nil means that there is nothing",
    };
    let imported = foreign::registers(text.ops, &assumed).map_err(|e| complaint(text.path, e))?;
    Ok((
        imported,
        vec![format!(
            "assumed: each register holds {initial} at first; {nil} (--initial, --nil)"
        )],
    ))
}

/// Transactions: what registers hold at first must be assumed.
pub(super) fn transactions(
    text: Text<'_>,
    how: &Reading,
) -> Result<(Imported<Txn>, Vec<String>), Failure> {
    let start = match how.initial {
        None => Start::of(text.format),
        Some(Initial::Nothing) => Start::Absent,
        Some(Initial::Unknown) => Start::Unknown,
        Some(Initial::Value(_)) => {
            return Err(Failure::usage(
                "transactions on registers begin with nil or with unknown values: --initial nil, --initial unknown",
            ));
        }
    };
    let imported = foreign::read_transactions(text.ops).map_err(|e| complaint(text.path, e))?;
    let mut told = vec![format!("assumed: {start}")];
    if !text.format.has_real_time() {
        told.push(
            "this notation has sessions and no real time: levels with real time cannot be judged"
                .to_owned(),
        );
    }
    Ok((imported, told))
}

/// Any other operation, by its codec.
pub(super) fn others<O: Codec>(
    text: Text<'_>,
    how: &Reading,
) -> Result<(Imported<O>, Vec<String>), Failure> {
    let (keys, told) = keys(&text, how)?;
    let imported = foreign::history(text.ops, keys).map_err(|e| complaint(text.path, e))?;
    Ok((imported, told))
}

/// An operation that has its keys in its values, in a form of its own.
pub(super) fn plain<O: Codec>(
    text: Text<'_>,
    _: &Reading,
) -> Result<(Imported<O>, Vec<String>), Failure> {
    let imported =
        foreign::history(text.ops, Keys::InField).map_err(|e| complaint(text.path, e))?;
    Ok((imported, Vec::new()))
}

/// Any operation whose objects may begin with something.
pub(super) fn objects<O: Codec>(
    text: Text<'_>,
    how: &Reading,
) -> Result<(Imported<O>, Vec<String>), Failure> {
    let initial = None;
    others(text, &Reading { initial, ..*how })
}

/// Transactions on cells that begin with what somebody says, or with nothing.
pub(super) fn cells(
    text: Text<'_>,
    how: &Reading,
) -> Result<(Imported<Txn>, Vec<String>), Failure> {
    let initial = Some(Initial::Nothing);
    transactions(text, &Reading { initial, ..*how }).map(|(imported, _)| (imported, Vec::new()))
}

/// Sets may have elements of any kind; those that are not integers are numbered from the smallest integer on.
pub(super) fn sets(text: Text<'_>, how: &Reading) -> Result<(Imported<Set>, Vec<String>), Failure> {
    let (keys, mut told) = keys(&text, how)?;
    let mut numbers: HashMap<String, i64> = HashMap::new();
    let ops = text.ops.map(|op| {
        op.map(|mut op| {
            if keys == Keys::InField {
                number(&mut op, &mut numbers);
            }
            op
        })
    });
    let imported = foreign::history(ops, keys).map_err(|e| complaint(text.path, e))?;
    let mut named: Vec<(i64, &String)> = numbers.iter().map(|(text, n)| (*n, text)).collect();
    named.sort_unstable_by_key(|(n, _)| *n);
    if !named.is_empty() {
        let some: Vec<String> = named
            .iter()
            .take(3)
            .map(|(n, text)| format!("{} is {n}", reports::escape::inert(text, 60)))
            .collect();
        told.push(format!(
            "{} elements are not integers, and are numbered: {}{}",
            named.len(),
            some.join(", "),
            if named.len() > some.len() { " …" } else { "" }
        ));
    }
    Ok((imported, told))
}

/// Snapshots: a write is of one key, which stands in its value; a read names its keys in its value, which is no pair.
pub(super) fn snapshots(
    text: Text<'_>,
    _: &Reading,
) -> Result<(Imported<Snapshot>, Vec<String>), Failure> {
    let imported =
        foreign::history(text.ops, Keys::InValue).map_err(|e| complaint(text.path, e))?;
    Ok((imported, Vec::new()))
}

/// Gives numbers to elements that are none.
fn number(op: &mut Foreign, numbers: &mut HashMap<String, i64>) {
    let mut numbered = |datum: &Datum| match datum {
        Datum::Int(n) => Datum::Int(*n),
        other => {
            let next = i64::MIN + numbers.len() as i64;
            Datum::Int(*numbers.entry(other.to_string()).or_insert(next))
        }
    };
    if op.value.is_nil() {
        return;
    }
    op.value = match op.f.as_deref() {
        Some("add") => numbered(&op.value),
        _ => match op.value.as_seq().or(op.value.as_set()) {
            Some(elements) => Datum::vector(elements.iter().map(numbered).collect::<Vec<_>>()),
            None => return,
        },
    };
}

/// Where keys are: as the options say, else as the text looks.
fn keys(text: &Text<'_>, how: &Reading) -> Result<(Keys, Vec<String>), Failure> {
    if how.initial.is_some() || how.nil.is_some() {
        return Err(Failure::usage(
            "--initial and --nil are for registers; other objects begin empty",
        ));
    }
    let pairs = "assumed: values are pairs of a key and a value (--keys)".to_owned();
    match (how.keys, Shape::of(text.path)?.keyed()) {
        (Some(keys), _) => Ok((keys, Vec::new())),
        (None, Keyed::Yes) => Ok((Keys::InValue, vec![pairs])),
        (None, Keyed::No) => Ok((Keys::InField, Vec::new())),
        (None, Keyed::Contradictory) => Err(Failure::usage(format!(
            "{}: all calls have values of two parts, like a key and a value, and answers do not; say which it is: --keys pairs, --keys none",
            text.path.display()
        ))),
    }
}

fn noted(notes: Notes) -> Vec<String> {
    [
        (
            notes.of_others,
            "ops were not those of a client, and are left out",
        ),
        (notes.nil_reads, "reads of nil are left out"),
        (
            notes.retimed,
            "times were missing or ran backwards; the order of the lines counts",
        ),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect()
}
