//! What a text is, by its first characters.

use super::{ForeignError, Format, log, plume};
use crate::edn::Names;

/// How much of a text is looked at.
const HEAD: usize = 64 << 10;

/// What a text was taken for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sniffed {
    /// Its format.
    pub format: Format,
    /// What in the text says so: `Jepsen's EDN: an op map per line`.
    pub why: String,
}

/// Recognizes the format of a text by its beginning; some kilobytes will do.
pub fn sniff(head: &[u8]) -> Result<Sniffed, ForeignError> {
    let head = &head[..head.len().min(HEAD)];
    let found = |format, why: &str| {
        Ok(Sniffed {
            format,
            why: why.to_owned(),
        })
    };
    let mut names = Names::default();
    let mut lines = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    // Comments, of EDN.
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b";"));
    let Some(first) = first else {
        return Err(ForeignError::Unrecognized("it is empty".to_owned()));
    };
    if first.starts_with(br#"{"index":"#) {
        return found(
            Format::Journal,
            "schism's journal: JSON Lines that begin with \"index\"",
        );
    }
    if plume::rule(first, b'-')
        || plume::rule(first, b'=')
        || plume::access(first, &mut names).is_ok()
    {
        return found(
            Format::Plume,
            "Plume's text: a first line \"r KEY VALUE\", \"w KEY VALUE\" or \"r(KEY,VALUE,SESSION,TRANSACTION)\"",
        );
    }
    let mut structure = head[offset_of(head, first)..]
        .iter()
        .copied()
        .filter(|b| !b.is_ascii_whitespace());
    match (structure.next(), structure.next(), structure.next()) {
        (Some(b'['), Some(b'{'), Some(b'"' | b'}')) => {
            found(Format::Json, "JSON: an array of objects")
        }
        (Some(b'['), Some(b']'), None) => found(Format::Edn, "EDN: an empty vector"),
        (Some(b'{'), Some(b'"'), _) => found(Format::Json, "JSON: an object per op"),
        (Some(b'[' | b'('), _, _) => {
            found(Format::Edn, "Jepsen's EDN: one vector or list of op maps")
        }
        (Some(b'{'), _, _) => found(Format::Edn, "Jepsen's EDN: op maps one after the other"),
        (Some(b'#'), _, _) => found(Format::Edn, "Jepsen's EDN: tagged records"),
        _ if log::is_op(first, &mut names) => found(
            Format::Log,
            "Jepsen's log or history.txt: lines with process, type, f and value",
        ),
        _ if lines.by_ref().any(|line| log::is_op(line, &mut names)) => {
            found(Format::Log, "Jepsen's log: some of its lines are ops")
        }
        _ => Err(ForeignError::Unrecognized(format!(
            "it begins with {:?}",
            String::from_utf8_lossy(&first[..first.len().min(60)])
        ))),
    }
}

/// Where a part of a text begins in it.
fn offset_of(text: &[u8], part: &[u8]) -> usize {
    let whole = text.as_ptr().addr();
    part.as_ptr().addr().saturating_sub(whole).min(text.len())
}
