//! Ops as lines of columns: process, type, f, value, error.
//!
//! Jepsen's `history.txt` has them bare, its log behind `INFO  jepsen.util -`; other lines of a log are passed over. The
//! columns are EDN. Where the outcome of a call is unknown, old logs have the error in the place of the value.

use super::{Caller, Draft, Field, Foreign, Kind, reader::Step};
use crate::edn::{Names, Scanner, Trouble};

/// What stands before an op in a log.
const LOGGER: &[u8] = b"jepsen.util";

/// What is known between two ops.
#[derive(Default)]
pub(super) struct Ops {
    names: Names,
}

impl Ops {
    pub(super) fn next(&mut self, text: &[u8], last: bool) -> Result<Step, Trouble> {
        let taken = line(text, last)?;
        let line = &text[..taken];
        let begins = columns(line);
        let op = op(&line[begins..], &mut self.names).map_err(|trouble| match trouble {
            Trouble::Wrong { at, reason } => Trouble::Wrong {
                at: begins + at,
                reason,
            },
            Trouble::Incomplete => trouble,
        })?;
        Ok(Step { taken, begins, op })
    }
}

/// The length of the first line, with its line feed.
pub(super) fn line(text: &[u8], last: bool) -> Result<usize, Trouble> {
    match text.iter().position(|b| *b == b'\n') {
        Some(feed) => Ok(feed + 1),
        None if last || text.is_empty() => Ok(text.len()),
        None => Err(Trouble::Incomplete),
    }
}

/// Where the columns begin.
fn columns(line: &[u8]) -> usize {
    let logged = line.windows(LOGGER.len()).position(|w| w == LOGGER);
    let from = logged.map_or(0, |at| at + LOGGER.len());
    let prefix = |b: &u8| matches!(b, b' ' | b'\t' | b'-' | b':');
    match logged {
        // `:nemesis` begins with a colon, which belongs to it.
        Some(_) => {
            let tail = &line[from..];
            let length = tail.iter().position(|b| !prefix(b)).unwrap_or(tail.len());
            match length > 0
                && tail[length - 1] == b':'
                && tail.get(length).is_some_and(u8::is_ascii_alphabetic)
            {
                true => from + length - 1,
                false => from + length,
            }
        }
        None => 0,
    }
}

/// Whether a line has an op.
pub(super) fn is_op(line: &[u8], names: &mut Names) -> bool {
    let mut scanner = Scanner::new(&line[columns(line)..], true, names);
    head(&mut scanner).is_some()
}

/// The first two columns, if they are what they should be.
fn head(scanner: &mut Scanner<'_>) -> Option<(Caller, Kind)> {
    let mut next = || match scanner.blank() {
        Ok(Some(_)) => scanner.form().ok(),
        _ => None,
    };
    let (process, kind) = (next()?, next()?);
    let crate::Datum::Keyword(kind) = kind else {
        return None;
    };
    let caller = match &process {
        crate::Datum::Int(_) | crate::Datum::Keyword(_) => Caller::of(&process)?,
        _ => return None,
    };
    Some((caller, Kind::named(&kind)?))
}

fn op(line: &[u8], names: &mut Names) -> Result<Option<Foreign>, Trouble> {
    let mut scanner = Scanner::new(line, true, names);
    let Some((caller, kind)) = head(&mut scanner) else {
        return Ok(None);
    };
    let mut draft = Draft {
        kind: Some(kind),
        caller: Some(caller),
        ..Draft::default()
    };
    for field in [Field::F, Field::Value, Field::Error] {
        if scanner.blank()?.is_none() {
            break;
        }
        let at = scanner.at();
        // An error is often prose, which need not be EDN.
        let datum = match (field, scanner.form()) {
            (Field::Error, Err(_)) => {
                crate::Datum::text(String::from_utf8_lossy(&line[at..]).trim())
            }
            (_, datum) => datum?,
        };
        let set = draft.set(field, datum);
        set.map_err(|reason| Trouble::Wrong { at, reason })?;
    }
    let lost = matches!(kind, Kind::Fail | Kind::Info);
    if lost && draft.error.is_none() && matches!(draft.value, crate::Datum::Keyword(_)) {
        draft.error = Some(std::mem::take(&mut draft.value));
    }
    let op = draft.finish();
    op.map(Some)
        .map_err(|reason| Trouble::Wrong { at: 0, reason })
}
